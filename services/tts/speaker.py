"""Says one segment: text to sound with its mouth shapes and words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from services.common.telemetry import stage
from services.tts import sound
from services.tts.engine import Interrupt, SpeechEngine, Take
from services.tts.language import Language
from services.tts.pronunciation import Pronouncer, Said, parts_of
from services.tts.scripts import main_language
from services.tts.segmenter import Segment
from services.tts.visemes import Viseme, hushed, visemes_of
from services.tts.voices import Voice

_LEAD_S = 0.03
"""Before the first word of an utterance."""
_PAUSES_S = {".": 0.42, "!": 0.42, "?": 0.42, "…": 0.5, ";": 0.3, ":": 0.3, ",": 0.2, "—": 0.2}
"""Before a segment, by the mark that the one before it ends with."""
_NO_MARK_S = 0.06
_PARAGRAPH_S = 0.7
_PAUSE_S = 0.06
"""The shortest silence between words that a mouth shows."""
_MIN_SEAL_S = 0.055
_SILENCE = " "


@dataclass(frozen=True, slots=True)
class Word:
    """A word of the text and when it is heard, in samples of its segment."""

    text: str
    """As it stands in the text."""
    start: int
    end: int
    char_start: int
    """Place in the whole text, in code points."""
    char_end: int


@dataclass(frozen=True, slots=True)
class Speech:
    """A segment, spoken. The visemes cover its whole length without gaps."""

    text: str
    pcm_s16le: bytes
    visemes: Sequence[Viseme]
    words: Sequence[Word]

    @property
    def samples(self) -> int:
        """How long it is."""
        return len(self.pcm_s16le) // 2


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a segment: what is said, how long each phoneme is, and how it sounds."""

    said: Sequence[Said]
    before: int
    """Samples before the first phoneme."""
    lengths: Sequence[int]
    samples: NDArray[np.float32]


class Speaker:
    """Says the segments of one utterance, in order."""

    def __init__(
        self, engine: SpeechEngine, pronouncer: Pronouncer, voice: Voice, speed: float
    ) -> None:
        self._engine = engine
        self._pronouncer = pronouncer
        self._voice = voice
        self._speed = speed
        self._last_mark: str | None = None

    def say(self, segment: Segment, interrupt: Interrupt) -> Speech | None:
        """Says a segment, with the pause before it; None when there is nothing to say in it.

        Slow. Raises UnsupportedLanguage; Stopped soon after the interrupt is thrown.
        """
        with stage("pronounce"):
            said = self._pronouncer.pronounce(segment.text, segment.start, self._voice.language)
        if not said:
            return None
        parts = []
        pause_s = self._pause_before(segment)
        language = main_language(segment.text, self._voice.language)
        for part in parts_of(said, self._engine.max_phonemes):
            take = self._take(part, language, interrupt)
            parts.append(self._part(part, take, pause_s))
            pause_s = _NO_MARK_S / self._speed
        self._last_mark = said[-1].phonemes[-1]
        return self._joined(segment, parts)

    def _pause_before(self, segment: Segment) -> float:
        if self._last_mark is None:
            return _LEAD_S
        if segment.paragraph:
            return _PARAGRAPH_S / self._speed
        return _PAUSES_S.get(self._last_mark, _NO_MARK_S) / self._speed

    def _take(self, said: Sequence[Said], language: Language, interrupt: Interrupt) -> Take:
        phonemes = "".join(piece.phonemes for piece in said)
        with stage("synthesise"):
            return self._engine.speak(phonemes, self._voice, language, self._speed, interrupt)

    def _part(self, said: Sequence[Said], take: Take, pause_s: float) -> _Part:
        rate_hz = self._engine.sample_rate_hz
        start, end = sound.audible(take, self._voice.gain, rate_hz)
        clip = sound.faded(sound.levelled(take.samples[start:end], self._voice.gain), rate_hz)
        pause = np.zeros(int(pause_s * rate_hz), np.float32)
        bounds = np.minimum(take.lead + np.cumsum([0, *take.lengths]), end)
        return _Part(
            said,
            before=len(pause) + take.lead - start,
            lengths=np.diff(bounds).tolist(),
            samples=np.concatenate((pause, clip)),
        )

    def _joined(self, segment: Segment, parts: Sequence[_Part]) -> Speech:
        rate_hz = self._engine.sample_rate_hz
        samples = np.concatenate([part.samples for part in parts])
        until = partial(sound.sounding_until, quiet=sound.silences(samples, rate_hz))
        visemes = visemes_of(
            (timed for part in parts for timed in _timed(part)),
            pause=int(_PAUSE_S * rate_hz),
            min_seal=int(_MIN_SEAL_S * rate_hz),
        )
        return Speech(
            segment.text,
            sound.pcm(samples),
            list(hushed(visemes, until)),
            [replace(word, end=until(word.start, word.end)) for word in _words(parts, segment)],
        )


def _timed(part: _Part) -> Iterator[tuple[str, int]]:
    """The phonemes with their lengths, silence around them included."""
    yield _SILENCE, part.before
    phonemes = "".join(said.phonemes for said in part.said)
    yield from zip(phonemes, part.lengths, strict=True)
    yield _SILENCE, len(part.samples) - part.before - sum(part.lengths)


def _words(parts: Sequence[_Part], segment: Segment) -> Iterator[Word]:
    for start, end, char_start, char_end in _places(parts):
        text = segment.text[char_start - segment.start : char_end - segment.start]
        yield Word(text, start, end, char_start, char_end)


def _places(parts: Sequence[_Part]) -> Iterator[tuple[int, int, int, int]]:
    """When each word is heard and where it stands; words that share a place are one."""
    last: tuple[int, int, int, int] | None = None
    offset = 0
    for part in parts:
        at = offset + part.before
        lengths = iter(part.lengths)
        for said in part.said:
            end = at + sum(next(lengths) for _ in said.phonemes)
            if said.is_word and last and said.start < last[3]:
                last = (last[0], end, last[2], max(last[3], said.end))
            elif said.is_word:
                if last:
                    yield last
                last = (at, end, said.start, said.end)
            at = end
        offset += len(part.samples)
    if last:
        yield last
