"""What was appended to one animation and is not yet drawn: sound, silence, utterances' marks."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.common.errors import InvalidInput

MICROSECONDS = 1_000_000
BYTES_PER_SAMPLE = 2


@dataclass(frozen=True, slots=True)
class UtteranceBegins:
    """An utterance's first sample stands here."""

    utterance_id: str
    at_us: int


@dataclass(frozen=True, slots=True)
class UtteranceEnds:
    """An utterance's last sample was before here."""

    utterance_id: str
    at_us: int
    cleared: bool


@dataclass(frozen=True, slots=True)
class Cleared:
    """What was appended and not yet drawn was dropped; the timeline goes on here."""

    at_us: int


Marker = UtteranceBegins | UtteranceEnds | Cleared


@dataclass(frozen=True, slots=True)
class _Mark:
    utterance_id: str
    sample: int
    begins: bool


@dataclass(slots=True)
class _Span:
    """A run of sound; None is silence."""

    samples: int
    pcm: memoryview | None


class Timeline:
    """The samples of one animation, in order, and where its utterances begin and end.

    Positions are counted in samples from the start of the animation. Every accepted utterance gets
    exactly one end, even when it was cleared before it began.
    """

    def __init__(self, sample_rate_hz: int) -> None:
        self.sample_rate_hz = sample_rate_hz
        """How many samples a second has."""
        self._spans: deque[_Span] = deque()
        self._marks: deque[_Mark] = deque()
        self._open_id: str | None = None
        self.taken = 0
        """How many samples were drawn."""
        self.appended = 0
        """How many samples were appended, drawn or not."""
        self.held = 0
        """How many samples of sound, silence aside, wait to be drawn."""

    @property
    def in_utterance(self) -> bool:
        """Whether an utterance is open for more sound."""
        return self._open_id is not None

    def us(self, samples: int) -> int:
        """The time of a sample, microseconds."""
        return samples * MICROSECONDS // self.sample_rate_hz

    def begin_utterance(self, utterance_id: str) -> None:
        """Opens an utterance at the end of what is appended."""
        if self._open_id is not None:
            raise InvalidInput("an utterance is still open")
        self._open_id = utterance_id
        self._marks.append(_Mark(utterance_id, self.appended, begins=True))

    def end_utterance(self) -> None:
        """Closes the open utterance."""
        if self._open_id is None:
            raise InvalidInput("no utterance is open")
        self._marks.append(_Mark(self._open_id, self.appended, begins=False))
        self._open_id = None

    def append_sound(self, pcm: bytes) -> None:
        """Appends PCM s16le of the open utterance; the bytes come back unaltered."""
        if self._open_id is None:
            raise InvalidInput("sound must be inside an utterance")
        if len(pcm) % BYTES_PER_SAMPLE:
            raise InvalidInput("sound must hold whole 16-bit samples")
        self._append(_Span(len(pcm) // BYTES_PER_SAMPLE, memoryview(pcm)))

    def append_silence(self, samples: int) -> None:
        """Appends silence."""
        self._append(_Span(samples, None))

    def peek(self, start: int, end: int) -> NDArray[np.int16]:
        """The appended samples of a stretch that is not yet drawn, as far as they reach."""
        pieces, position = [], self.taken
        for span in self._spans:
            if position >= end:
                break
            first, last = max(start - position, 0), min(end - position, span.samples)
            if first < last:
                pieces.append(_samples(span, first, last))
            position += span.samples
        return np.concatenate(pieces) if pieces else np.zeros(0, np.int16)

    def take(self, samples: int) -> bytes:
        """Takes the next samples away, PCM s16le; silence where nothing more was appended."""
        pieces, missing = [], samples
        while missing and self._spans:
            span = self._spans[0]
            count = min(missing, span.samples)
            pieces.append(_bytes(span, count))
            self.held -= 0 if span.pcm is None else count
            if count == span.samples:
                self._spans.popleft()
            else:
                rest = None if span.pcm is None else span.pcm[count * BYTES_PER_SAMPLE :]
                self._spans[0] = _Span(span.samples - count, rest)
            missing -= count
        self.taken += samples
        self.appended = max(self.appended, self.taken)
        return b"".join([*pieces, bytes(missing * BYTES_PER_SAMPLE)])

    def clear(self) -> list[Marker]:
        """Drops everything that is not drawn; the ends of the utterances that lay there."""
        cut = {mark.utterance_id: None for mark in self._marks}
        if self._open_id is not None:
            cut[self._open_id] = None
        self._spans.clear()
        self._marks.clear()
        self.held = 0
        self._open_id = None
        self.appended = self.taken
        at_us = self.us(self.taken)
        ends = (UtteranceEnds(utterance_id, at_us, cleared=True) for utterance_id in cut)
        return [*ends, Cleared(at_us)]

    def next_mark(self, from_sample: int) -> int | None:
        """Where the next utterance begins or ends, at a sample or after it."""
        return next((mark.sample for mark in self._marks if mark.sample >= from_sample), None)

    def markers_before(self, end: int) -> list[Marker]:
        """Takes the marks up to the last utterance that begins before a sample."""
        begins = [n for n, mark in enumerate(self._marks) if mark.begins and mark.sample < end]
        return [self._next_marker() for _ in range(begins[-1] + 1 if begins else 0)]

    def markers_after(self, end: int) -> list[Marker]:
        """Takes the ends of utterances whose last sample was before a sample."""
        markers = []
        while self._marks and not self._marks[0].begins and self._marks[0].sample <= end:
            markers.append(self._next_marker())
        return markers

    def last_markers(self) -> list[Marker]:
        """Takes all marks that are left."""
        return [self._next_marker() for _ in range(len(self._marks))]

    def _append(self, span: _Span) -> None:
        if span.samples:
            self._spans.append(span)
            self.appended += span.samples
            self.held += 0 if span.pcm is None else span.samples

    def _next_marker(self) -> Marker:
        mark = self._marks.popleft()
        at_us = self.us(mark.sample)
        if mark.begins:
            return UtteranceBegins(mark.utterance_id, at_us)
        return UtteranceEnds(mark.utterance_id, at_us, cleared=False)


def _samples(span: _Span, first: int, last: int) -> NDArray[np.int16]:
    if span.pcm is None:
        return np.zeros(last - first, np.int16)
    return np.frombuffer(span.pcm, "<i2")[first:last]


def _bytes(span: _Span, count: int) -> bytes:
    size = count * BYTES_PER_SAMPLE
    return bytes(size) if span.pcm is None else bytes(span.pcm[:size])
