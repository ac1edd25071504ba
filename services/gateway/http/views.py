"""What the HTTP API gives, as OpenAPI shows it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Generic, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from services.gateway import records
from services.gateway.http.background_bodies import BackgroundBody, told_background
from services.gateway.performance_bodies import PerformanceBody

ItemT = TypeVar("ItemT")
RecordT = TypeVar("RecordT")


class View(BaseModel):
    """An answer."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class Page(View, Generic[ItemT]):
    """Part of a list, newest first."""

    items: list[ItemT]
    next_cursor: str | None
    """Ask for the next page with it; null: there is none."""


class Trouble(View):
    """Why something ended badly."""

    code: str = Field(examples=["content_rejected"])
    detail: str
    retryable: bool
    categories: list[str]
    """What moderation found."""

    @classmethod
    def of(cls, trouble: records.Trouble | None) -> Self | None:
        """As the catalog keeps it."""
        if trouble is None:
            return None
        return cls(
            code=trouble.code,
            detail=trouble.detail,
            retryable=trouble.retryable,
            categories=list(trouble.categories),
        )


class AssetView(View):
    """An uploaded file."""

    id: str = Field(examples=["as_01JAZ5W7Q2M8N4P6R8T0V2X4Z6"])
    kind: Literal["image", "audio"]
    content_type: str = Field(examples=["image/jpeg"])
    """As found from the bytes."""
    file_name: str
    bytes: int
    sha256: str
    duration_s: float | None
    width: int | None
    height: int | None
    created_at: datetime

    @classmethod
    def of(cls, asset: records.Asset) -> Self:
        """As the catalog keeps it."""
        return cls.model_validate(
            {
                "id": asset.id,
                "kind": asset.kind,
                "content_type": asset.content_type,
                "file_name": asset.file_name,
                "bytes": asset.size_bytes,
                "sha256": asset.sha256,
                "duration_s": asset.duration_s,
                "width": asset.width,
                "height": asset.height,
                "created_at": asset.created_at,
            }
        )


class AvatarView(View):
    """A face that can speak."""

    id: str = Field(examples=["av_01JAZ5W7Q2M8N4P6R8T0V2X4Z6"])
    kind: str = Field(examples=["picture"])
    name: str
    status: records.AvatarStatus
    error: Trouble | None
    width: int | None
    """Natural size of its videos; null until it is ready."""
    height: int | None
    preview_url: str | None
    review_id: str | None
    """The review that it waits for, or waited for last."""
    consent_id: str | None
    """The consent that it is made under."""
    created_at: datetime

    @classmethod
    def of(cls, avatar: records.Avatar) -> Self:
        """As the catalog keeps it."""
        ready = avatar.status is records.AvatarStatus.READY
        return cls(
            id=avatar.id,
            kind=avatar.kind,
            name=avatar.name,
            status=avatar.status,
            error=Trouble.of(avatar.error),
            width=avatar.width or None,
            height=avatar.height or None,
            preview_url=f"/v1/avatars/{avatar.id}/preview" if ready else None,
            review_id=avatar.review_id or None,
            consent_id=avatar.consent_id or None,
            created_at=avatar.created_at,
        )


class VoiceView(View):
    """A timbre."""

    id: str = Field(examples=["vo_en_heart"])
    name: str
    language: str = Field(examples=["en-US"])
    gender: str = Field(examples=["female"])
    cloned: bool
    sample_rate: int

    @classmethod
    def of(cls, voice: records.Voice) -> Self:
        """As text to speech tells it."""
        return cls(
            id=voice.id,
            name=voice.name,
            language=voice.language,
            gender=voice.gender,
            cloned=voice.cloned,
            sample_rate=voice.sample_rate_hz,
        )


class VoiceList(View):
    """All voices."""

    items: list[VoiceView]


class VisemeView(View):
    """A mouth shape and when it holds."""

    viseme: str = Field(examples=["PP"])
    start_ms: int
    duration_ms: int


class WordView(View):
    """A word and when it is heard."""

    text: str
    start_ms: int
    end_ms: int


class TimedSpeech(View):
    """Sound and when what is said."""

    audio_base64: str
    duration_s: float
    visemes: list[VisemeView]
    words: list[WordView]


class VideoView(View):
    """A video job and its result."""

    id: str = Field(examples=["vd_01JAZ5W7Q2M8N4P6R8T0V2X4Z6"])
    status: records.VideoStatus
    progress: float = Field(ge=0, le=1)
    queue_position: int | None
    """Jobs before it, while it is queued."""
    avatar_id: str
    voice_id: str | None
    duration_s: float | None
    width: int | None
    height: int | None
    fps: int
    performance: PerformanceBody | None
    background: BackgroundBody
    mark: bool
    """Whether its pictures say at the beginning that they were generated."""
    bytes: int | None
    error: Trouble | None
    review_id: str | None
    """The review that it waits for, or waited for last."""
    metadata: dict[str, records.Scalar]
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    deleted_at: datetime | None
    """When its content was erased."""

    @classmethod
    def of(cls, video: records.Video) -> Self:
        """As the catalog keeps it."""
        return cls(
            id=video.id,
            status=video.status,
            progress=min(1.0, round(video.progress, 4)),
            queue_position=video.queue_position,
            avatar_id=video.spec.avatar_id,
            voice_id=video.spec.voice_id or None,
            duration_s=video.duration_s,
            width=video.width or video.spec.width or None,
            height=video.height or video.spec.height or None,
            fps=video.spec.fps,
            performance=PerformanceBody.of(video.spec.look.performance),
            background=told_background(video.spec.look.background),
            mark=not video.spec.look.unmarked,
            bytes=video.size_bytes,
            error=Trouble.of(video.error),
            review_id=video.review_id or None,
            metadata=video.metadata,
            created_at=video.created_at,
            started_at=video.started_at,
            finished_at=video.finished_at,
            deleted_at=video.deleted_at,
        )


def video_json(video: records.Video) -> dict[str, Any]:
    """A video as the API shows it: in events and webhooks the same."""
    return VideoView.of(video).model_dump(mode="json")


class Health(View):
    """How the process and what it needs are."""

    status: Literal["ok", "unavailable"]
    checks: dict[str, bool]
    """Each thing that is needed, and whether it can be reached."""


def page_of(page: records.Page[RecordT], view: Callable[[RecordT], ItemT]) -> Page[ItemT]:
    """A page with each record shown."""
    return Page(items=[view(item) for item in page.items], next_cursor=page.next_cursor or None)
