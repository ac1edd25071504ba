"""Turns what is to be said into phrases: approved, spoken, ready to be played without a gap.

    text    ──► verdict on the whole ──► voice ──► phrases
    pieces  ──► verdict per clause   ──► voice ──► phrases
    sound   ──► clauses ──► verdict on each      ──► phrases

Nothing comes out of here that was not approved; ContentRejected ends a source.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial

from services.gateway.live.clauses import ClauseCutter
from services.gateway.live.patience import patiently, patiently_begun
from services.gateway.live.resampler import resample
from services.gateway.look import Performance
from services.gateway.media import (
    US_PER_S,
    AudioChunk,
    Gesture,
    MouthSource,
    Segment,
    Sound,
    Viseme,
    Word,
)
from services.gateway.moderation.approval import Approver
from services.gateway.ports import Speaker
from services.gateway.prompter import Prompter
from services.gateway.texts import is_chinese

RATE_HZ = 48_000
"""Of all sound of a stream: what Opus works with."""
_BYTES_PER_SAMPLE = 2
_ROUNDING_US = 100
_OVERLAP_S = 1.0
"""How much of the sound before a clause is judged with it: words may lie across the cut."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """A run of speech that is played as one; all times are on its own clock."""

    pcm_s16le: bytes
    """Mono at RATE_HZ."""
    visemes: tuple[Viseme, ...] | None = None
    """None: the seals of the lips are heard in the sound too."""
    words: tuple[Word, ...] = ()
    """`char_start` and `char_end` are places in the whole text."""
    gestures: tuple[Gesture, ...] = ()
    """What the face does in it."""

    @property
    def mouth_source(self) -> MouthSource:
        """Where the mouth's shapes come from."""
        return MouthSource.AUDIO if self.visemes is None else MouthSource.VISEMES

    @property
    def duration_us(self) -> int:
        """How long it lasts."""
        return len(self.pcm_s16le) // _BYTES_PER_SAMPLE * US_PER_S // RATE_HZ


@dataclass(frozen=True, slots=True)
class VoiceChoice:
    """The voice that a text is spoken in."""

    english: str
    chinese: str
    """The same as `english` where one was chosen for all texts."""
    speed: float = 1.0

    def for_text(self, text: str) -> str:
        """The voice's id."""
        return self.chinese if is_chinese(text) else self.english


async def of_text(
    approver: Approver, speaker: Speaker, text: str, voice: VoiceChoice
) -> AsyncGenerator[Phrase, None]:
    """A text that is known as a whole: nothing of it is said unless all of it may be."""
    await patiently(lambda: approver.text(text))
    spoken = patiently_begun(
        lambda: speaker.speak(text, voice_id=voice.for_text(text), speed=voice.speed)
    )
    async with aclosing(_phrases(spoken)) as phrases:
        async for phrase in phrases:
            yield phrase


async def of_pieces(
    approver: Approver,
    speaker: Speaker,
    pieces: AsyncGenerator[str, None],
    voice: VoiceChoice,
) -> AsyncGenerator[Phrase, None]:
    """A text that is still being written: each clause is said once it may be."""
    async with aclosing(approver.written(pieces)) as clauses:
        first = await anext(clauses, "")
        spoken = speaker.speak_pieces(
            _with_first(first, clauses), voice_id=voice.for_text(first), speed=voice.speed
        )
        async with aclosing(_phrases(spoken)) as phrases:
            async for phrase in phrases:
                yield phrase


async def of_sound(
    approver: Approver,
    sound: AsyncGenerator[AudioChunk, None],
    cutter: ClauseCutter,
    language: str | None,
) -> AsyncGenerator[Phrase, None]:
    """Sound at RATE_HZ, as it comes: each clause is let through once it was listened to."""
    before = b""
    async with aclosing(_clauses(sound, cutter)) as clauses:
        async for clause in clauses:
            heard = AudioChunk(before + clause, RATE_HZ, 0)
            spoken = await patiently(partial(approver.sound, heard, language=language))
            language = language or spoken or None
            before = clause[-int(_OVERLAP_S * RATE_HZ) * _BYTES_PER_SAMPLE :]
            yield Phrase(clause)


async def performed(
    phrases: AsyncGenerator[Phrase, None], performance: Performance
) -> AsyncGenerator[Phrase, None]:
    """The phrases of one drive with what the face does in each, on the clock of the drive."""
    prompter, spoken_us = Prompter(performance), 0
    async with aclosing(phrases):
        async for phrase in phrases:
            gestures = prompter.phrase(phrase.words, spoken_us, phrase.duration_us)
            yield replace(phrase, gestures=gestures)
            spoken_us += phrase.duration_us


async def _with_first(first: str, rest: AsyncGenerator[str, None]) -> AsyncGenerator[str, None]:
    if first:
        yield first
    async for piece in rest:
        yield piece


async def _clauses(
    sound: AsyncGenerator[AudioChunk, None], cutter: ClauseCutter
) -> AsyncGenerator[bytes, None]:
    async with aclosing(sound):
        async for chunk in sound:
            for clause in cutter.add(chunk.pcm_s16le):
                yield clause
    if rest := cutter.rest():
        yield rest


async def _phrases(spoken: AsyncGenerator[Sound, None]) -> AsyncGenerator[Phrase, None]:
    """A phrase for each segment, as soon as all its sound is there."""
    segment: Segment | None = None
    chunks: list[AudioChunk] = []
    async with aclosing(spoken):
        async for item in spoken:
            if isinstance(item, Segment):
                segment, chunks = item, []
                continue
            chunks.append(item)
            if segment and item.end_us >= segment.start_us + segment.duration_us - _ROUNDING_US:
                yield _phrase(segment, chunks)
                segment = None


def _phrase(segment: Segment, chunks: list[AudioChunk]) -> Phrase:
    pcm = b"".join(chunk.pcm_s16le for chunk in chunks)
    rate_hz = chunks[0].sample_rate_hz if chunks else RATE_HZ
    start_us = segment.start_us
    return Phrase(
        resample(pcm, rate_hz, RATE_HZ),
        tuple(replace(shape, start_us=shape.start_us - start_us) for shape in segment.visemes),
        tuple(
            replace(word, start_us=word.start_us - start_us, end_us=word.end_us - start_us)
            for word in segment.words
        ),
    )
