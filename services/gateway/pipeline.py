"""The whole product on one page: a script becomes a recording of a person speaking.

    script ──► verdict ──► sound, mouth shapes, words ──► frames ──► recording
             approve       spoken                        animate     record

Each arrow is an async generator that is pulled from the right, so a slow stage slows the ones
before it and nothing piles up. This module owns order, deadlines and cancellation: cancelling the
task that awaits `make_video` ends every call below it. The other services know nothing of one
another.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, TypeVar

from services.common.errors import DeadlineExceeded, Internal
from services.common.telemetry import stage
from services.gateway.look import Performance
from services.gateway.media import (
    Act,
    AnimationStarted,
    AudioChunk,
    Background,
    Cue,
    Drawn,
    Frame,
    Gestures,
    Idle,
    Mark,
    MouthSource,
    ObjectRef,
    Recordable,
    Segment,
    Sound,
    Transparent,
    UtteranceEnd,
    UtteranceStart,
    UtteranceStarted,
    Word,
)
from services.gateway.ports import (
    AnimationConfig,
    Animator,
    Recorder,
    RecordingHeader,
    Speaker,
)
from services.gateway.prompter import Prompter
from services.gateway.records import Asset, Recording

LEAD_IN_US = 200_000
"""Before the first sound: the video starts with the mouth at rest."""
LEAD_OUT_US = 400_000
"""After the last sound, likewise."""
ARCHIVE_S = 900.0
"""Longest wait for the file of a video whose last frame is drawn."""
SPEECH_RATE_HZ = 24_000
RECORDING_RATE_HZ = 48_000

ItemT = TypeVar("ItemT")


class Stage(StrEnum):
    """Where a video in the making stands."""

    MODERATING = "moderating"
    SYNTHESISING = "synthesising"
    RENDERING = "rendering"
    ARCHIVING = "archiving"


@dataclass(frozen=True, slots=True)
class SpokenText:
    """A text and how it is said."""

    text: str
    voice_id: str
    speed: float


@dataclass(frozen=True, slots=True)
class SpokenRecording:
    """A recording: `audio()` reads it from its start, mono at RECORDING_RATE_HZ."""

    asset: Asset
    audio: Callable[[], AsyncGenerator[AudioChunk, None]]
    duration_us: int


Script = SpokenText | SpokenRecording


@dataclass(frozen=True, slots=True)
class VideoOrder:
    """What to make and where it goes."""

    script: Script
    pack: ObjectRef
    width: int
    height: int
    fps: int
    content: ObjectRef
    words: ObjectRef | None
    stall_s: float
    """Longest time in which nothing may come on."""
    seed: int = 0
    """Fixes the small random motions, so that a second attempt gives the same video; 0: none."""
    performance: Performance = field(default_factory=Performance)
    background: Background | None = None
    mark: Mark | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """A recording and its size in pixels."""

    recording: Recording
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Services:
    """Who does the work."""

    speaker: Speaker
    animator: Animator
    recorder: Recorder


class Approver(Protocol):
    """Says what may be said: `moderation.approval`."""

    async def text(self, text: str) -> None:
        """Returns when a text may be said."""

    async def recording(self, asset: Asset, audio: AsyncGenerator[AudioChunk, None]) -> None:
        """Returns when a recording may be heard."""


class Observer(Protocol):
    """Is told how a video comes on; must return at once."""

    def entered(self, stage: Stage) -> None:
        """The video is now in this stage."""

    def advanced(self, share: float) -> None:
        """That share of the script, 0 to 1, has been drawn."""


async def make_video(
    services: Services, approver: Approver, order: VideoOrder, observer: Observer
) -> Made:
    """Makes one video; raises the first stage's error and then leaves no recording."""
    observer.entered(Stage.MODERATING)
    with stage("moderate"):
        await approve(approver, order.script)
    observer.entered(Stage.SYNTHESISING)
    progress = _Progress(order.script, observer)
    sound = progress.heard(sound_of(services.speaker, order.script))
    cues = timeline(sound, order.script, order.performance)
    config = AnimationConfig(
        order.pack,
        order.width,
        order.height,
        order.fps,
        _sample_rate_hz(order.script),
        seed=order.seed,
        background=order.background,
        mark=order.mark,
    )
    drawn = services.animator.animate(config, cues)
    with stage("record"):
        async with unstalled(order.stall_s) as watchdog, aclosing(drawn):
            started = await anext(drawn)
            if not isinstance(started, AnimationStarted):
                raise Internal("the animation began without saying what it will be like")
            header = RecordingHeader(
                order.content,
                order.words,
                started.width,
                started.height,
                started.fps,
                started.sample_rate_hz,
                transparent=isinstance(order.background, Transparent),
            )
            media = progress.recordable(watchdog.watched(drawn))
            recording = await services.recorder.record(header, media)
    return Made(recording, started.width, started.height)


async def approve(approver: Approver, script: Script) -> None:
    """Returns when the whole script may be said; raises ContentRejected, ReviewPending."""
    if isinstance(script, SpokenText):
        await approver.text(script.text)
    else:
        await approver.recording(script.asset, script.audio())


def sound_of(speaker: Speaker, script: Script) -> AsyncGenerator[Sound, None]:
    """The script's sound on the clock of its utterance; a text's also with its times."""
    if isinstance(script, SpokenText):
        return speaker.speak(script.text, voice_id=script.voice_id, speed=script.speed)
    return _recorded(script)


async def _recorded(script: SpokenRecording) -> AsyncGenerator[Sound, None]:
    async with aclosing(script.audio()) as chunks:
        async for chunk in chunks:
            yield chunk


async def timeline(
    sound: AsyncGenerator[Sound, None], script: Script, performance: Performance
) -> AsyncGenerator[Cue | Act, None]:
    """One utterance on a timeline of its own, at rest before and after, as it is to be performed.

    The face begins and ends with the performance's expression.
    """
    source = MouthSource.VISEMES if isinstance(script, SpokenText) else MouthSource.AUDIO
    prompter = Prompter(performance)
    if performance.expression is not None:
        yield Act(standing=performance.expression)
    yield Idle(LEAD_IN_US)
    yield UtteranceStart("script", source)
    if timed := prompter.timed():
        yield Gestures(timed)
    async with aclosing(sound):
        async for item in sound:
            if not isinstance(item, Segment):
                yield item
                continue
            yield item.visemes
            if gestures := prompter.during(item.words):
                yield Gestures(gestures)
    yield UtteranceEnd()
    yield Idle(LEAD_OUT_US)


class Watchdog:
    """Ends the block of `unstalled` when nothing comes by for too long, whoever stands still."""

    def __init__(self, deadline: asyncio.Timeout, stall_s: float) -> None:
        self._deadline = deadline
        self._stall_s = stall_s

    async def watched(self, items: AsyncGenerator[ItemT, None]) -> AsyncGenerator[ItemT, None]:
        """The same items, each of which puts the end off; after the last, the file is stored."""
        async with aclosing(items):
            async for item in items:
                self._put_off(self._stall_s)
                yield item
        self._put_off(max(self._stall_s, ARCHIVE_S))

    def _put_off(self, seconds: float) -> None:
        self._deadline.reschedule(asyncio.get_running_loop().time() + seconds)


@asynccontextmanager
async def unstalled(stall_s: float) -> AsyncIterator[Watchdog]:
    """Raises DeadlineExceeded when the watchdog sees nothing for `stall_s`."""
    try:
        async with asyncio.timeout(stall_s) as deadline:
            yield Watchdog(deadline, stall_s)
    except TimeoutError as error:
        raise DeadlineExceeded(f"the video stood still for {stall_s:g} s") from error


def _sample_rate_hz(script: Script) -> int:
    return SPEECH_RATE_HZ if isinstance(script, SpokenText) else RECORDING_RATE_HZ


class _Progress:
    """Follows one video through the stages; carries the words past the animation."""

    def __init__(self, script: Script, observer: Observer) -> None:
        self._script = script
        self._observer = observer
        self._said_characters = 0
        self._heard_us = 0
        self._starts_at_us: int | None = None
        self._words: list[Word] = []

    async def heard(self, sound: AsyncGenerator[Sound, None]) -> AsyncGenerator[Sound, None]:
        """The same sound, noted on its way to the animation."""
        async with aclosing(sound):
            async for item in sound:
                if isinstance(item, Segment):
                    self._said_characters += len(item.text)
                    self._heard_us = item.start_us + item.duration_us
                    self._words.extend(item.words)
                yield item

    async def recordable(
        self, drawn: AsyncGenerator[Drawn, None]
    ) -> AsyncGenerator[Recordable, None]:
        """The media that is drawn, each word before the sound that it is heard in."""
        rendering = False
        async with aclosing(drawn):
            async for item in drawn:
                if isinstance(item, UtteranceStarted):
                    self._starts_at_us = item.at_us
                if not isinstance(item, Frame | AudioChunk):
                    continue
                if words := self._due_words():
                    yield words
                if isinstance(item, Frame):
                    if not rendering:
                        rendering = True
                        self._observer.entered(Stage.RENDERING)
                    self._observer.advanced(self._share(item.pts_us))
                yield item
        self._observer.entered(Stage.ARCHIVING)

    def _due_words(self) -> tuple[Word, ...]:
        if self._starts_at_us is None or not self._words:
            return ()
        shift_us = self._starts_at_us
        due = tuple(
            Word(
                word.text,
                word.start_us + shift_us,
                word.end_us + shift_us,
                word.char_start,
                word.char_end,
            )
            for word in self._words
        )
        self._words.clear()
        return due

    def _share(self, drawn_us: int) -> float:
        """A text's length in time is foreseen from the part that was said so far."""
        if isinstance(self._script, SpokenRecording):
            expected_us = float(self._script.duration_us)
        elif self._said_characters:
            expected_us = self._heard_us * len(self._script.text) / self._said_characters
        else:
            return 0.0
        return min(1.0, drawn_us / (expected_us + LEAD_IN_US + LEAD_OUT_US))
