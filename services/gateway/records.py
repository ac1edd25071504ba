"""What the catalog keeps, as the gateway and the worker see it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeVar

from services.gateway.look import Look
from services.gateway.media import ObjectRef

ItemT = TypeVar("ItemT")

Scalar = str | int | float | bool | None
"""A value of a video's metadata."""


@dataclass(frozen=True, slots=True)
class Page(Generic[ItemT]):
    """Part of a list; an empty cursor says that nothing follows."""

    items: tuple[ItemT, ...]
    next_cursor: str


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why something ended badly, as the API tells it."""

    code: str
    detail: str
    retryable: bool = False
    categories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Asset:
    """A stored upload."""

    id: str
    kind: str
    content_type: str
    file_name: str
    size_bytes: int
    sha256: str
    duration_s: float | None
    width: int | None
    height: int | None
    object: ObjectRef
    picture: ObjectRef | None
    created_at: datetime


class AvatarStatus(StrEnum):
    """Where an avatar stands."""

    PREPARING = "preparing"
    READY = "ready"
    FAILED = "failed"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Avatar:
    """A visual identity; sizes are 0 until it is ready."""

    id: str
    account_id: str
    kind: str
    name: str
    status: AvatarStatus
    error: Trouble | None
    width: int
    height: int
    portrait: ObjectRef
    pack: ObjectRef
    preview: ObjectRef
    created_at: datetime
    review_id: str = ""
    """The review that it waits for, or waited for last; empty: none."""
    consent_id: str = ""
    """The consent that it is made under; empty: it is older than the ledger."""


class VideoStatus(StrEnum):
    """Where a video job stands."""

    QUEUED = "queued"
    MODERATING = "moderating"
    SYNTHESISING = "synthesising"
    RENDERING = "rendering"
    ARCHIVING = "archiving"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    REJECTED = "rejected"


END_STATUSES = frozenset(
    {VideoStatus.SUCCEEDED, VideoStatus.FAILED, VideoStatus.CANCELLED, VideoStatus.REJECTED}
)


@dataclass(frozen=True, slots=True)
class VideoSpec:
    """What a video is made from: a text in a voice, an uploaded recording, or a live stream."""

    avatar_id: str
    text: str | None
    audio_asset_id: str | None
    voice_id: str
    speed: float
    width: int
    """0: the avatar's own."""
    height: int
    fps: int
    subtitles: bool
    stream_id: str | None = None
    """The stream whose gateway records it; no worker can make it."""
    look: Look = field(default_factory=Look)
    """What the face does and what stands behind it."""


@dataclass(frozen=True, slots=True)
class Video:
    """A video job and its result."""

    id: str
    account_id: str
    spec: VideoSpec
    status: VideoStatus
    progress: float
    queue_position: int | None
    duration_s: float | None
    width: int
    height: int
    size_bytes: int | None
    error: Trouble | None
    metadata: dict[str, Scalar]
    webhook_url: str
    cancel_requested: bool
    attempts: int
    content: ObjectRef | None
    words: ObjectRef | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    deleted_at: datetime | None
    review_id: str = ""
    """The review that it waits for, or waited for last; empty: none."""

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.status in END_STATUSES or self.deleted_at is not None


@dataclass(frozen=True, slots=True)
class VideoResult:
    """What a worker made."""

    content: ObjectRef
    words: ObjectRef | None
    duration_s: float
    width: int
    height: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Stranded:
    """Jobs that stand still without a worker."""

    videos: tuple[Video, ...]
    avatars: tuple[Avatar, ...]


class StreamStatus(StrEnum):
    """Where a live stream stands; it only moves down this list, and may skip some."""

    CREATED = "created"
    CONNECTING = "connecting"
    LIVE = "live"
    ENDED = "ended"
    FAILED = "failed"

    @property
    def is_end(self) -> bool:
        """Whether nothing follows it."""
        return self in STREAM_END_STATUSES


STREAM_END_STATUSES = frozenset({StreamStatus.ENDED, StreamStatus.FAILED})


@dataclass(frozen=True, slots=True)
class StreamSpec:
    """What a live stream shows and how long it may last."""

    avatar_id: str
    voice_id: str
    """Empty: chosen by the text."""
    width: int
    """0: the avatar's own."""
    height: int
    fps: int
    idle_timeout_s: int
    max_duration_s: int
    record: bool
    look: Look = field(default_factory=Look)
    """What stands behind the face, and its expression at first."""


@dataclass(frozen=True, slots=True)
class StreamRecord:
    """A live stream as the catalog knows it."""

    id: str
    account_id: str
    spec: StreamSpec
    status: StreamStatus
    reason: str
    """Why it ended, a stable snake-case word; empty until then."""
    recording_video_id: str
    """The video that it becomes; empty: none."""
    created_at: datetime
    live_at: datetime | None
    ended_at: datetime | None

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.status.is_end


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request was answered, for its repetitions."""

    status: int
    body: str


@dataclass(frozen=True, slots=True)
class Voice:
    """A timbre that text can be spoken in."""

    id: str
    name: str
    language: str
    gender: str
    cloned: bool
    sample_rate_hz: int


class ImagePurpose(StrEnum):
    """What a picture is for."""

    PORTRAIT = "portrait"
    BACKGROUND = "background"


class Suggestion(StrEnum):
    """What moderation says to do."""

    PASS = "pass"  # noqa: S105 - a verdict
    REVIEW = "review"
    BLOCK = "block"


@dataclass(frozen=True, slots=True)
class Finding:
    """One kind of harm that moderation found."""

    label: str
    sub_label: str
    score: float
    """0 to 1."""
    source: str
    """LEXICON or MODEL."""
    spans: tuple[tuple[int, int], ...]
    """Where in the text, in Unicode code points, the end exclusive."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Moderation's judgement; `labels` are what it found, worst first."""

    suggestion: Suggestion
    labels: tuple[str, ...] = ()
    policy_version: str = ""
    language: str = ""
    """Of a recording: what was spoken in it, BCP 47 primary; empty when nothing was said."""
    findings: tuple[Finding, ...] = ()
    """What was found, in full, worst first."""
    evaluated: tuple[str, ...] = ()
    not_evaluated: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object's size and type."""

    content_type: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Recording:
    """A stored file."""

    duration_s: float
    size_bytes: int


@dataclass(frozen=True, slots=True)
class AvatarPack:
    """A built avatar's natural output size."""

    width: int
    height: int


@dataclass(frozen=True, slots=True)
class NewVideo:
    """What a video job is made of before it exists."""

    spec: VideoSpec
    metadata: dict[str, Scalar] = field(default_factory=dict)
    webhook_url: str = ""
