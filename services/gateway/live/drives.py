"""What a stream says: drives, one after the other, each told of as it is heard."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

import structlog

from services.common.errors import (
    ContentRejected,
    DomainError,
    Internal,
    NotFound,
    Overloaded,
    TextEmpty,
)
from services.common.ids import new_id
from services.common.telemetry import DRIVES_TOTAL
from services.gateway.live.events import Events
from services.gateway.live.phrases import Phrase
from services.gateway.live.playout import Playout, Utterance
from services.gateway.media import Word
from services.gateway.records import Trouble
from services.gateway.trouble import trouble_of

log = structlog.get_logger()

_MAX_WAITING = 64
_MAX_REMEMBERED = 1_000
_PHRASES_AHEAD = 2


class DriveStatus(StrEnum):
    """Where a drive stands."""

    QUEUED = "queued"
    SPEAKING = "speaking"
    FINISHED = "finished"
    INTERRUPTED = "interrupted"
    FAILED = "failed"


class DriveKind(StrEnum):
    """What is said, and how it comes."""

    TEXT = "text"
    TEXT_STREAM = "text_stream"
    AUDIO = "audio"
    AUDIO_STREAM = "audio_stream"


_OF_TEXTS = frozenset({DriveKind.TEXT, DriveKind.TEXT_STREAM})


@dataclass(slots=True)
class Drive:
    """One thing said in a stream."""

    kind: DriveKind
    phrases: AsyncGenerator[Phrase, None]
    id: str = field(default_factory=lambda: new_id("dr"))
    status: DriveStatus = DriveStatus.QUEUED
    error: Trouble | None = None
    played_us: int = 0
    """How much of its sound was heard; pauses while more was awaited do not count."""
    played_text: str = ""
    """The words that were heard at least in part, as written."""
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    started_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more of it will be heard."""
        return self.ended_at is not None

    @property
    def played_ms(self) -> int:
        """`played_us`, as it is told."""
        return self.played_us // 1000


class DriveQueue:
    """Says one drive after the other; the next is prepared while the one before is heard out.

    Each drive is told of by the events `drive.queued`, `drive.started`, `word`, and at its end one
    of `drive.finished`, `drive.interrupted`, `drive.failed`.
    """

    def __init__(self, playout: Playout, events: Events) -> None:
        self.last_busy_s = asyncio.get_running_loop().time()
        """When a drive last came or ended, on the event loop's clock."""
        self._playout = playout
        self._events = events
        self._waiting: deque[Performance] = deque()
        self._current: Performance | None = None
        self._news = asyncio.Event()
        self._known: dict[str, Drive] = {}
        self._spoken_us = 0

    @property
    def busy(self) -> bool:
        """Whether anything is being said or waits to be."""
        return bool(self._current or self._waiting)

    def get(self, drive_id: str) -> Drive:
        """A drive of this stream, ended or not. Raises NotFound."""
        try:
            return self._known[drive_id]
        except KeyError:
            raise NotFound("the stream has no such drive") from None

    async def add(self, drive: Drive, *, interrupt: bool = False) -> None:
        """Queues a drive, or says it instead of all that is said or waits. Raises Overloaded."""
        if len(self._waiting) >= _MAX_WAITING:
            await drive.phrases.aclose()
            raise Overloaded(f"{_MAX_WAITING} drives are waiting", retry_after_s=1)
        before = self._unended() if interrupt else []
        self._remember(drive)
        self._waiting.append(Performance(drive, self._events, self._look_ahead))
        self._events.tell("drive.queued", drive_id=drive.id)
        self._touch()
        if before:
            await self._stop(before)

    async def interrupt(self, drive_id: str | None = None) -> Sequence[Drive]:
        """Stops what is being said and all that waits, or one drive; returns what was stopped.

        When it returns, the mouth closes and nothing of them is heard any more. Raises NotFound.
        """
        stopped = self._unended()
        if drive_id is not None:
            self.get(drive_id)
            stopped = [one for one in stopped if one.drive.id == drive_id]
        await self._stop(stopped)
        return [one.drive for one in stopped]

    async def run(self) -> None:
        """Says what is queued, until cancelled; then all that is not over is interrupted."""
        try:
            while True:
                while self._waiting:
                    self._current = self._waiting.popleft()
                    self._touch()
                    await self._current.perform(self._playout)
                    self._count(self._current.drive)
                    self._current = None
                    self._touch()
                self._news.clear()
                await self._news.wait()
        finally:
            for performance in self._unended():
                await performance.interrupt()
                self._count(performance.drive)

    @property
    def spoken_ms(self) -> int:
        """How much was heard of texts, in all drives that are over."""
        return self._spoken_us // 1000

    def _count(self, drive: Drive) -> None:
        if drive.kind in _OF_TEXTS:
            self._spoken_us += drive.played_us

    def _unended(self) -> list[Performance]:
        return [*([self._current] if self._current else []), *self._waiting]

    async def _stop(self, stopped: Sequence[Performance]) -> None:
        for performance in stopped:
            if performance in self._waiting:
                self._waiting.remove(performance)
            performance.hush()
        if self._current in stopped:
            await self._playout.clear()
        for performance in stopped:
            await performance.interrupt()

    def _touch(self) -> None:
        self.last_busy_s = asyncio.get_running_loop().time()
        self._news.set()
        self._look_ahead()

    def _look_ahead(self) -> None:
        """Prepares the next drive once nothing more has to be prepared for the present one."""
        if self._waiting and (self._current is None or self._current.prepared):
            self._waiting[0].prepare()

    def _remember(self, drive: Drive) -> None:
        self._known[drive.id] = drive
        if len(self._known) > _MAX_REMEMBERED:
            oldest = next((one.id for one in self._known.values() if one.ended), None)
            if oldest:
                del self._known[oldest]


class Performance:
    """A drive on its way: its phrases are prepared, played, and told of."""

    def __init__(self, drive: Drive, events: Events, on_prepared: Callable[[], None]) -> None:
        self.drive = drive
        self.prepared = False
        """Whether all its phrases are there, or will never be."""
        self._events = events
        self._on_prepared = on_prepared
        self._phrases: asyncio.Queue[Phrase | None] = asyncio.Queue(_PHRASES_AHEAD)
        self._preparing: asyncio.Future[None] | None = None
        self._error: DomainError | None = None
        self._hushed = asyncio.Event()
        self._over = asyncio.Event()
        self._before_us = 0
        """How long the phrases before the present one were."""
        self._said = 0
        """How many words of the present phrase were told."""
        self._char_end = 0

    def prepare(self) -> None:
        """Begins to prepare the phrases, a few at most ahead of what is played."""
        if self._preparing is None:
            self._preparing = asyncio.ensure_future(self._prepare())

    async def perform(self, playout: Playout) -> None:
        """Plays the drive; returns when it is over, one way or another."""
        self.prepare()
        playing = asyncio.ensure_future(self._play(playout))
        hushed = asyncio.ensure_future(self._hushed.wait())
        try:
            await asyncio.wait({playing, hushed}, return_when=asyncio.FIRST_COMPLETED)
            if self._hushed.is_set():
                await self._over.wait()
            else:
                self._end(playing.result())
        finally:
            playing.cancel()
            hushed.cancel()

    def hush(self) -> None:
        """Nothing more of it is appended."""
        self._hushed.set()

    async def interrupt(self) -> None:
        """It is over, as far as it was heard."""
        if self._preparing is not None:
            self._preparing.cancel()
            await asyncio.gather(self._preparing, return_exceptions=True)
        await self.drive.phrases.aclose()
        if not self.drive.ended:
            self._close(DriveStatus.INTERRUPTED)
            self._tell(
                "drive.interrupted",
                played_ms=self.drive.played_ms,
                played_text=self.drive.played_text,
            )
        self._over.set()

    async def _prepare(self) -> None:
        try:
            async with aclosing(self.drive.phrases) as phrases:
                async for phrase in phrases:
                    await self._phrases.put(phrase)
        except DomainError as error:
            self._error = error
        except Exception:
            log.exception("drive.failed", drive_id=self.drive.id)
            self._error = Internal("internal error")
        self.prepared = True
        self._on_prepared()
        await self._phrases.put(None)

    async def _play(self, playout: Playout) -> DomainError | None:
        """Returns what kept some of it from being heard."""
        utterances: list[Utterance] = []
        try:
            while phrase := await self._phrases.get():
                await playout.room()
                utterances.append(playout.say(phrase, self._heard))
            for utterance in utterances:
                await utterance.over
        except DomainError as error:
            return error
        if not utterances and self._error is None:
            return TextEmpty("there was nothing to say")
        return self._error

    def _heard(self, utterance: Utterance, heard_us: int) -> None:
        """The phrase that is being said was heard up to there."""
        drive, phrase = self.drive, utterance.phrase
        if drive.started_at is None:
            drive.started_at = datetime.now(UTC)
            drive.status = DriveStatus.SPEAKING
            self._tell("drive.started")
        while self._said < len(phrase.words) and phrase.words[self._said].start_us < heard_us:
            self._tell_word(phrase.words[self._said])
            self._said += 1
        drive.played_us = self._before_us + heard_us
        if heard_us >= phrase.duration_us:
            self._before_us += phrase.duration_us
            self._said = 0

    def _tell_word(self, word: Word) -> None:
        apart = self.drive.played_text and word.char_start > self._char_end
        self.drive.played_text += (" " if apart else "") + word.text
        self._tell(
            "word",
            text=word.text,
            start_ms=(self._before_us + word.start_us) // 1000,
            end_ms=(self._before_us + word.end_us) // 1000,
            char_start=word.char_start,
            char_end=word.char_end,
        )
        self._char_end = word.char_end

    def _end(self, error: DomainError | None) -> None:
        if error is None:
            self._close(DriveStatus.FINISHED)
            self._tell("drive.finished", played_ms=self.drive.played_ms)
            return
        trouble = trouble_of(error)
        self.drive.error = trouble
        if isinstance(error, ContentRejected):
            self._tell("moderation.blocked", categories=list(trouble.categories))
        self._close(DriveStatus.FAILED)
        problem = {"code": trouble.code, "detail": trouble.detail, "retryable": trouble.retryable}
        self._tell("drive.failed", problem=problem, played_ms=self.drive.played_ms)

    def _close(self, status: DriveStatus) -> None:
        self.drive.status = status
        self.drive.ended_at = datetime.now(UTC)
        DRIVES_TOTAL.labels(self.drive.kind, status).inc()
        log.info(
            "drive.ended",
            drive_id=self.drive.id,
            kind=self.drive.kind,
            status=status,
            played_ms=self.drive.played_ms,
        )

    def _tell(self, type_: str, **fields: object) -> None:
        self._events.tell(type_, drive_id=self.drive.id, **fields)
