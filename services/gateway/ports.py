"""What the gateway and the worker need of the other services; `clients` adapts them to gRPC."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from services.gateway.consents import Attested
from services.gateway.media import (
    AudioChunk,
    Background,
    Control,
    Cue,
    Drawn,
    Mark,
    ObjectRef,
    Recordable,
    Sound,
)
from services.gateway.moderation.policy import Policy
from services.gateway.records import (
    Answer,
    Asset,
    Avatar,
    AvatarPack,
    AvatarStatus,
    ImagePurpose,
    NewVideo,
    Page,
    Recording,
    StoredObject,
    Stranded,
    StreamRecord,
    StreamSpec,
    StreamStatus,
    Trouble,
    Verdict,
    Video,
    VideoResult,
    VideoStatus,
    Voice,
)


class Moderator(Protocol):
    """Judges what people upload or want said."""

    async def check_text(
        self, text: str, *, language: str | None = None, policy: Policy | None = None
    ) -> Verdict:
        """Judges a whole text; of a language that can't be read it says so."""

    def check_text_stream(
        self, pieces: AsyncGenerator[str, None], *, policy: Policy | None = None
    ) -> AsyncGenerator[tuple[str, Verdict], None]:
        """Judges a text while it is written: clause by clause, each with what preceded it.

        Ends after the first clause that is blocked, whose text is empty; closes the pieces.
        """

    async def check_image(
        self,
        image: ObjectRef,
        *,
        purpose: ImagePurpose | None = None,
        policy: Policy | None = None,
    ) -> Verdict:
        """Judges a validated image in storage."""

    async def check_audio(
        self,
        audio: AsyncGenerator[AudioChunk, None],
        *,
        language: str | None = None,
        policy: Policy | None = None,
    ) -> Verdict:
        """Judges a recording by what is said in it; closes the sound.

        Without a language, which takes longer, it is found out.
        """


class Speaker(Protocol):
    """Speaks text."""

    async def voices(self, language: str | None = None) -> Sequence[Voice]:
        """The voices that can be used now, of one primary language when given."""

    def speak(self, text: str, *, voice_id: str, speed: float) -> AsyncGenerator[Sound, None]:
        """One utterance: each segment's times, then its sound."""

    def speak_pieces(
        self, pieces: AsyncGenerator[str, None], *, voice_id: str, speed: float
    ) -> AsyncGenerator[Sound, None]:
        """The same of a text that is still being written; closes the pieces."""


@dataclass(frozen=True, slots=True)
class AnimationConfig:
    """What to draw; sizes of 0 are the pack's own."""

    pack: ObjectRef
    width: int
    height: int
    fps: int
    sample_rate_hz: int
    paced: bool = False
    """Whether it draws as far as DrawUntil says, idling where nothing is appended."""
    seed: int = 0
    """Fixes the small random motions; 0: every run has its own."""
    background: Background | None = None
    """None: what the portrait shows."""
    mark: Mark | None = None
    """None: the pictures bear none."""


class Animator(Protocol):
    """Makes a face speak."""

    async def inspect(self, portrait: ObjectRef) -> None:
        """Returns when an avatar can be made of the portrait; raises what is wrong with it."""

    async def prepare(
        self, portrait: ObjectRef, *, pack: ObjectRef, preview: ObjectRef
    ) -> AvatarPack:
        """Builds and stores an avatar's pack and its preview."""

    def animate(
        self, config: AnimationConfig, cues: AsyncGenerator[Cue | Control, None]
    ) -> AsyncGenerator[Drawn, None]:
        """Draws a timeline, AnimationStarted first; closes the cues, raises their errors."""


@dataclass(frozen=True, slots=True)
class RecordingHeader:
    """What is recorded, and where it goes; without a place for words they are not kept."""

    content: ObjectRef
    words: ObjectRef | None
    width: int
    height: int
    fps: int
    sample_rate_hz: int
    transparent: bool = False
    """Whether every picture has alpha: the file is a WebM then, else an MP4."""


class Recorder(Protocol):
    """Makes files of streams."""

    async def record(
        self, header: RecordingHeader, media: AsyncGenerator[Recordable, None]
    ) -> Recording:
        """Stores one file; when `media` raises, nothing is stored."""


class Objects(Protocol):
    """Bytes in storage."""

    async def open(
        self, ref: ObjectRef, *, offset: int = 0, length: int | None = None
    ) -> tuple[StoredObject, AsyncGenerator[bytes, None]]:
        """Looks at an object and starts to read it, or a part of it. Raises NotFound."""

    async def delete(self, refs: Sequence[ObjectRef]) -> None:
        """Deletes objects; those that are not there are ignored."""


class Assets(Protocol):
    """Files that accounts upload."""

    async def upload(
        self,
        account_id: str,
        *,
        file_name: str,
        accept_kinds: Sequence[str],
        data: AsyncIterator[bytes],
    ) -> Asset:
        """Validates and stores a file; on any failure nothing is left."""

    async def get(self, account_id: str, asset_id: str) -> Asset:
        """One asset. Raises AssetNotFound."""

    async def list(self, account_id: str, *, limit: int, cursor: str) -> Page[Asset]:
        """A page of the account's assets, newest first."""

    async def delete(self, account_id: str, asset_id: str) -> None:
        """Erases an asset. Raises AssetNotFound."""


class Avatars(Protocol):
    """The record of avatars."""

    async def create(
        self,
        account_id: str,
        *,
        name: str,
        asset_id: str,
        owns_asset: bool,
        review_id: str = "",
        consent: str | Attested,
    ) -> Avatar:
        """Records an avatar, preparing, under a consent; with a review it waits for that.

        Raises AssetNotFound, UnsupportedMedia, ConsentNotFound, ConsentRequired.
        """

    async def get(self, account_id: str, avatar_id: str) -> Avatar:
        """One avatar. Raises AvatarNotFound."""

    async def list(self, account_id: str, *, limit: int, cursor: str) -> Page[Avatar]:
        """A page of the account's avatars, newest first."""

    async def finish(
        self,
        account_id: str,
        avatar_id: str,
        status: AvatarStatus,
        *,
        error: Trouble | None = None,
        pack: AvatarPack | None = None,
    ) -> Avatar:
        """Ends the preparing. Raises StateConflict when it has ended already."""

    async def delete(self, account_id: str, avatar_id: str) -> None:
        """Erases an avatar. Raises AvatarNotFound."""


class Videos(Protocol):
    """The record of video jobs."""

    async def create(self, account_id: str, new: NewVideo) -> Video:
        """Records a job, queued.

        Raises AvatarNotFound, AvatarNotReady, AssetNotFound, UnsupportedMedia, StreamNotFound.
        """

    async def get(self, account_id: str, video_id: str) -> Video:
        """One video. Raises VideoNotFound."""

    async def list(self, account_id: str, *, limit: int, cursor: str) -> Page[Video]:
        """A page of the account's videos, newest first."""

    async def cancel(self, account_id: str, video_id: str) -> Video:
        """Asks a job to stop; a queued one stops at once."""

    async def delete(self, account_id: str, video_id: str) -> None:
        """Erases the content; the record stays as a tombstone."""

    async def lease(self, account_id: str, video_id: str, *, holder: str, lease_s: int) -> Video:
        """Takes or renews a job. Raises StateConflict when it ended or another holds it."""

    async def update(
        self,
        account_id: str,
        video_id: str,
        *,
        holder: str,
        status: VideoStatus,
        progress: float,
        error: Trouble | None = None,
        result: VideoResult | None = None,
        review_id: str = "",
    ) -> Video:
        """Moves a leased job on; one that waits for a review is let go.

        Raises StateConflict when the lease is lost.
        """

    async def stranded(self, *, idle_s: int) -> Stranded:
        """Jobs of all accounts that stand still without a worker."""


class Streams(Protocol):
    """The record of live streams."""

    async def create(self, account_id: str, spec: StreamSpec) -> StreamRecord:
        """Records a stream, created. Raises AvatarNotFound, AvatarNotReady."""

    async def get(self, account_id: str, stream_id: str) -> StreamRecord:
        """One stream. Raises StreamNotFound."""

    async def list(self, account_id: str, *, limit: int, cursor: str) -> Page[StreamRecord]:
        """A page of the account's streams, newest first."""

    async def move(
        self,
        account_id: str,
        stream_id: str,
        status: StreamStatus,
        *,
        reason: str = "",
        recording_video_id: str = "",
    ) -> StreamRecord:
        """Moves a stream forward; the reason belongs to an end, and the first one stands.

        A status that it has already changes nothing, except that it may name the recording: a
        video made of this stream; once named it stays. Raises StreamNotFound, VideoNotFound,
        StateConflict when the stream has ended otherwise or would go back.
        """

    async def unended(self, *, limit: int = 500, after: str = "") -> Sequence[StreamRecord]:
        """Streams of all accounts that have not ended, oldest first; those behind an id."""


class Idempotency(Protocol):
    """Answers of creating requests, kept under the client's key."""

    async def begin(self, account_id: str, key: str, request_sha256: str) -> Answer | None:
        """Claims a key (None) or tells its first answer.

        Raises IdempotencyConflict, IdempotencyInProgress.
        """

    async def complete(self, account_id: str, key: str, answer: Answer) -> None:
        """Keeps the answer for 24 hours."""

    async def abandon(self, account_id: str, key: str) -> None:
        """Frees a key whose request failed."""


class Reachability(Protocol):
    """Which of the other services answer."""

    async def serving(self) -> dict[str, bool]:
        """Each service's name, and whether it says that it serves."""
