"""What the catalog records."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from services.storage.refs import ObjectRef


@dataclass(frozen=True, slots=True)
class Problem:
    """Why something ended badly, as the API tells it."""

    code: str
    detail: str
    retryable: bool
    categories: tuple[str, ...]


class AssetKind(StrEnum):
    """What an asset is good for."""

    IMAGE = "image"
    AUDIO = "audio"


@dataclass(frozen=True, slots=True)
class NewAsset:
    """A file whose objects are stored and that is to be recorded."""

    id: str
    account_id: str
    kind: AssetKind
    content_type: str
    file_name: str
    size_bytes: int
    sha256: str
    """Lower-case hex."""
    duration_s: float | None
    width: int | None
    """Pixels of the upright picture."""
    height: int | None
    object: ObjectRef
    """The file as sent."""
    picture: ObjectRef | None
    """For images: upright, 8-bit sRGB, PNG."""


@dataclass(frozen=True, slots=True)
class Asset(NewAsset):
    """A recorded file."""

    created_at: datetime

    @property
    def objects(self) -> tuple[ObjectRef, ...]:
        """Everything that is stored of it."""
        return (self.object, self.picture) if self.picture else (self.object,)


class AvatarStatus(StrEnum):
    """Where an avatar stands."""

    PREPARING = "preparing"
    READY = "ready"
    FAILED = "failed"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Avatar:
    """A visual identity."""

    id: str
    account_id: str
    kind: str
    name: str
    status: AvatarStatus
    error: Problem | None
    width: int
    """Natural output size; 0 until ready."""
    height: int
    asset_id: str
    owns_asset: bool
    """Whether the asset was uploaded for this avatar alone and goes with it."""
    portrait: ObjectRef
    pack: ObjectRef
    preview: ObjectRef
    attested_at: datetime
    review_id: str
    """The review that it waits for, or waited for last; empty: none."""
    consent_id: str
    """The consent that it is made under; empty: it is older than the ledger."""
    created_at: datetime


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

    @property
    def is_end(self) -> bool:
        """Whether nothing follows it."""
        return self in _ENDS


_ENDS = frozenset(
    {VideoStatus.SUCCEEDED, VideoStatus.FAILED, VideoStatus.CANCELLED, VideoStatus.REJECTED}
)


@dataclass(frozen=True, slots=True)
class VideoSpec:
    """What a video is made from: a text in a voice, a recording, or a live stream."""

    avatar_id: str
    text: str | None
    """Empty once the video is erased."""
    audio_asset_id: str | None
    stream_id: str | None
    voice_id: str
    speed: float
    width: int
    """0: the avatar's own."""
    height: int
    fps: int
    subtitles: bool
    look: dict[str, Any] = field(default_factory=dict)
    """What the face does and what stands behind it, in the gateway's words; JSON."""


@dataclass(frozen=True, slots=True)
class Video:
    """A video job and its result."""

    id: str
    account_id: str
    spec: VideoSpec
    status: VideoStatus
    progress: float
    """0 to 1."""
    queue_position: int | None
    """Jobs before it, while it is queued."""
    duration_s: float | None
    width: int
    """0 until known."""
    height: int
    size_bytes: int | None
    error: Problem | None
    metadata: dict[str, Any]
    """The owner's own data, as JSON."""
    webhook_url: str
    cancel_requested: bool
    attempts: int
    content: ObjectRef | None
    words: ObjectRef | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    deleted_at: datetime | None
    review_id: str
    """The review that it waits for, or waited for last; empty: none."""


@dataclass(frozen=True, slots=True)
class VideoResult:
    """What a worker made."""

    content: ObjectRef
    words: ObjectRef | None
    duration_s: float
    width: int
    height: int
    size_bytes: int


class StreamStatus(StrEnum):
    """Where a live stream stands, in the order in which it moves."""

    CREATED = "created"
    CONNECTING = "connecting"
    LIVE = "live"
    ENDED = "ended"
    FAILED = "failed"

    @property
    def is_end(self) -> bool:
        """Whether nothing follows it."""
        return self in (StreamStatus.ENDED, StreamStatus.FAILED)

    def follows(self, other: StreamStatus) -> bool:
        """Whether it comes later in the order."""
        order = tuple(StreamStatus)
        return order.index(self) > order.index(other)


@dataclass(frozen=True, slots=True)
class StreamSpec:
    """What a live stream shows, and how long it may last."""

    avatar_id: str
    voice_id: str
    """Empty: chosen by each text."""
    width: int
    """0: the avatar's own."""
    height: int
    fps: int
    idle_timeout_s: int
    max_duration_s: int
    record: bool
    """Whether it becomes a video."""
    look: dict[str, Any] = field(default_factory=dict)
    """What the face does and what stands behind it, in the gateway's words; JSON."""


@dataclass(frozen=True, slots=True)
class Stream:
    """A live stream."""

    id: str
    account_id: str
    spec: StreamSpec
    status: StreamStatus
    reason: str
    """Why it ended, a word in snake case; empty until then."""
    recording_video_id: str
    """The video that it becomes; empty: none."""
    created_at: datetime
    live_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request was answered over HTTP, for its repetitions."""

    status: int
    body: str


@dataclass(frozen=True, slots=True)
class Policy:
    """How one account wants its content judged, at one time."""

    account_id: str
    version: int
    """Counts from 1; 0: none was made."""
    document: dict[str, Any]
    author: str
    created_at: datetime | None
    """None of version 0."""


class GivenBy(StrEnum):
    """Who consented."""

    SUBJECT = "subject"
    """The person themself."""
    GUARDIAN = "guardian"
    REPRESENTATIVE = "representative"
    """Somebody whom they have authorised."""


class Evidence(StrEnum):
    """What a consent rests on."""

    ATTESTATION = "attestation"
    """The account says so."""
    VERIFIED = "verified"
    """The person said so on camera, and that was checked."""


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at in a statement on camera."""

    name: str
    passed: bool
    score: float


@dataclass(frozen=True, slots=True)
class NewConsent:
    """What an account attests of a person."""

    subject: str
    """Whose face or voice it is, as the account calls the person; empty: `subject_id` says."""
    purposes: tuple[str, ...]
    statement: str
    """What is attested, word for word."""
    attested_by: str
    """Whose doing it is: an API key's id, or a person's."""
    valid_until: datetime | None = None
    """None: until it is withdrawn."""
    subject_id: str = ""
    given_by: str = GivenBy.SUBJECT


@dataclass(frozen=True, slots=True)
class Erased:
    """What went with a consent."""

    avatar_ids: tuple[str, ...]
    video_ids: tuple[str, ...]
    stream_ids: tuple[str, ...]
    objects: tuple[ObjectRef, ...]


@dataclass(frozen=True, slots=True)
class Consent:
    """Who allowed which use of which face or voice."""

    id: str
    account_id: str
    subject_id: str
    subject: str
    """What the account calls the person; empty once the person is erased."""
    purposes: tuple[str, ...]
    given_by: str
    evidence: str
    checks: tuple[Check, ...]
    statement: str
    """Empty once the person is erased."""
    attested_by: str
    policy_version: str
    """The privacy policy in force when it was given; empty: none was published."""
    valid_from: datetime
    valid_until: datetime | None
    ended_at: datetime | None
    end_reason: str
    """`withdrawn`, `expired` or `minor_found`; empty: it has not ended."""
    note: str
    erased: Erased | None


class ReviewKind(StrEnum):
    """What kind of content is reviewed."""

    TEXT = "text"
    IMAGE = "image"
    AUDIO = "audio"


class ReviewStatus(StrEnum):
    """Where a review stands."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decided."""

    status: ReviewStatus
    author: str
    note: str
    decided_at: datetime


@dataclass(frozen=True, slots=True)
class NewReview:
    """A content that is to be reviewed."""

    kind: ReviewKind
    content_sha256: str
    purpose: str
    text: str
    asset_id: str
    owns_asset: bool
    """Whether the file was stored for the review alone and goes with it."""
    verdict: dict[str, Any]
    time_limit_s: int
    otherwise: ReviewStatus
    """What holds when nobody decides in time."""


@dataclass(frozen=True, slots=True)
class Review:
    """A content that moderation left to a person."""

    id: str
    account_id: str
    kind: ReviewKind
    content_sha256: str
    purpose: str
    text: str
    asset_id: str
    verdict: dict[str, Any]
    status: ReviewStatus
    """Of one whose time has run out undecided: what holds then."""
    decided: bool
    """Whether a person decided it."""
    otherwise: ReviewStatus
    due_at: datetime
    decided_at: datetime | None
    for_training: bool
    created_at: datetime
    decisions: tuple[Decision, ...] = ()


@dataclass(frozen=True, slots=True)
class Decided:
    """A review that was decided, and the jobs that waited for it."""

    review: Review
    video_ids: tuple[str, ...]
    avatar_ids: tuple[str, ...]
