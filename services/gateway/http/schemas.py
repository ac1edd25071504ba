"""What the HTTP API takes and gives, as OpenAPI shows it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Generic, Literal, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from services.gateway import records

ItemT = TypeVar("ItemT")
RecordT = TypeVar("RecordT")

MIN_SIDE = 256
MAX_SHORT_SIDE = 1080
MAX_LONG_SIDE = 3840
_MAX_EXACT_INTEGER = 2**53


def _printable(value: str) -> str:
    if not value.isprintable():
        raise ValueError("control characters are not allowed")
    return value


def _storable(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise ValueError("half a surrogate pair is no character") from error
    if "\x00" in value:
        raise ValueError("NUL characters are not allowed")
    return value


def _web_address(value: str) -> str:
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError as error:
        raise ValueError("not a URL") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("an http or https URL is expected")
    if parts.username is not None or not value.isascii() or not value.isprintable():
        raise ValueError("no user name and no characters beyond ASCII are allowed in the URL")
    return value


def _scalar(value: records.Scalar) -> records.Scalar:
    if isinstance(value, int) and abs(value) > _MAX_EXACT_INTEGER:
        raise ValueError("whole numbers may be at most 2^53")
    return _storable(value) if isinstance(value, str) else value


Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100),
    AfterValidator(_printable),
]
Text = Annotated[str, AfterValidator(_storable)]
Id = Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(_printable)]
MetadataKey = Annotated[
    str, StringConstraints(min_length=1, max_length=64), AfterValidator(_printable)
]
MetadataValue = Annotated[
    Annotated[str, StringConstraints(max_length=500)] | bool | int | float | None,
    AfterValidator(_scalar),
]
WebAddress = Annotated[
    str, StringConstraints(min_length=8, max_length=2048), AfterValidator(_web_address)
]
Even = Annotated[int, Field(ge=MIN_SIDE, le=MAX_LONG_SIDE, multiple_of=2)]


class Request(BaseModel):
    """A body; what it does not know is refused."""

    model_config = ConfigDict(
        extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


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


class AvatarFromAsset(Request):
    """An avatar of a picture that was uploaded before."""

    asset_id: Id = Field(examples=["as_01JAZ5W7Q2M8N4P6R8T0V2X4Z6"])
    name: Name = Field(examples=["Ada"])
    subject_authorised: bool
    """True: the person shown allows this use. Anything else is refused with `consent_required`."""


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


class SpeechRequest(Request):
    """A text to be said."""

    voice_id: Id = Field(examples=["vo_en_heart"])
    text: Text = Field(examples=["Hello from Vultus."])
    speed: float = Field(default=1.0, ge=0.5, le=2.0)
    format: Literal["wav", "mp3", "opus"] = "wav"


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


class TextScript(Request):
    """A text, spoken in a voice."""

    type: Literal["text"]
    text: Text = Field(examples=["Hello from Vultus."])


class AudioScript(Request):
    """A recording that was uploaded before."""

    type: Literal["audio"]
    asset_id: Id = Field(examples=["as_01JAZ5W7Q2M8N4P6R8T0V2X4Z6"])


class Output(Request):
    """What the file is to be like."""

    width: Even | None = None
    """Pixels, even. Given alone, the height follows the avatar's shape."""
    height: Even | None = None
    """Pixels, even. The short side has 256 to 1080."""
    fps: Literal[25, 30] = 25
    subtitles: Literal["none", "sidecar"] | None = None
    """`sidecar` keeps them beside the video: the default for a text, not known for a recording."""

    @model_validator(mode="after")
    def _short_side(self) -> Self:
        sides = [side for side in (self.width, self.height) if side]
        if len(sides) == 2 and min(sides) > MAX_SHORT_SIDE:
            raise ValueError(f"the short side may have {MIN_SIDE} to {MAX_SHORT_SIDE} pixels")
        return self


class VideoRequest(Request):
    """A video to be made."""

    avatar_id: Id = Field(examples=["av_01JAZ5W7Q2M8N4P6R8T0V2X4Z6"])
    script: Annotated[TextScript | AudioScript, Field(discriminator="type")]
    voice_id: Id | None = Field(default=None, examples=["vo_en_heart"])
    """For a text; left out, a voice of the text's language speaks."""
    speed: float | None = Field(default=None, ge=0.5, le=2.0)
    """For a text; 1 when left out."""
    output: Output = Field(default_factory=Output)
    webhook_url: WebAddress | None = Field(default=None, examples=["https://example.com/hook"])
    """Told when the video ends, signed after Standard Webhooks."""
    metadata: dict[MetadataKey, MetadataValue] = Field(default_factory=dict, max_length=50)
    """Your own data, given back with the video."""

    @model_validator(mode="after")
    def _fits_script(self) -> Self:
        if isinstance(self.script, AudioScript):
            if self.voice_id is not None or self.speed is not None:
                raise ValueError("a recording has its own voice: leave out voice_id and speed")
            if self.output.subtitles == "sidecar":
                raise ValueError("subtitles are made from a text, not from a recording")
        return self


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
    bytes: int | None
    error: Trouble | None
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
            bytes=video.size_bytes,
            error=Trouble.of(video.error),
            metadata=video.metadata,
            created_at=video.created_at,
            started_at=video.started_at,
            finished_at=video.finished_at,
            deleted_at=video.deleted_at,
        )


def video_json(video: records.Video) -> dict[str, Any]:
    """A video as the API shows it: in events and webhooks the same."""
    return VideoView.of(video).model_dump(mode="json")


class AccountView(View):
    """The account that a key belongs to."""

    id: str = Field(examples=["ac_01JAZ5W7Q2M8N4P6R8T0V2X4Z6"])
    name: str
    webhook_secret: str
    """Verify the signatures of webhooks with it."""
    created_at: datetime

    @classmethod
    def of(cls, account: records.Account) -> Self:
        """As the catalog keeps it."""
        return cls(
            id=account.id,
            name=account.name,
            webhook_secret=account.webhook_secret,
            created_at=account.created_at,
        )


class ApiKeyRequest(Request):
    """A key to be made."""

    name: Name = Field(examples=["build server"])


class ApiKeyView(View):
    """An API key without its secret."""

    id: str = Field(examples=["key_01JAZ5W7Q2M8N4P6R8T0V2X4Z6"])
    name: str
    prefix: str
    """The secret's first characters."""
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None

    @classmethod
    def of(cls, key: records.ApiKey) -> Self:
        """As the catalog keeps it."""
        return cls(
            id=key.id,
            name=key.name,
            prefix=key.prefix,
            created_at=key.created_at,
            last_used_at=key.last_used_at,
            revoked_at=key.revoked_at,
        )


class NewApiKeyView(ApiKeyView):
    """A new API key."""

    secret: str | None
    """`vk_…`: told in the first answer only; null when the request is repeated."""


class ApiKeyList(View):
    """The account's keys, newest first."""

    items: list[ApiKeyView]


class Health(View):
    """How the process and what it needs are."""

    status: Literal["ok", "unavailable"]
    checks: dict[str, bool]
    """Each thing that is needed, and whether it can be reached."""


def page_of(page: records.Page[RecordT], view: Callable[[RecordT], ItemT]) -> Page[ItemT]:
    """A page with each record shown."""
    return Page(items=[view(item) for item in page.items], next_cursor=page.next_cursor or None)
