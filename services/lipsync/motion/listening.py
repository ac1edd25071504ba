"""An utterance's sound on its way to the mouth that says it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.lipsync.motion.heard import Said
from services.lipsync.motion.voice import VoiceReader
from services.lipsync.timeline import Timeline


class Listening:
    """Hears one utterance of a timeline, as far as it is asked to."""

    def __init__(self, reader: VoiceReader, said: Said, begins: int) -> None:
        """`begins`: the utterance's first sample on the timeline."""
        self._reader = reader
        self._said = said
        self._heard = begins
        self._end: int | None = None

    def close(self, end: int, ends_us: int) -> None:
        """Takes note of where the utterance ends; what follows is heard as silence."""
        self._end = end
        self._said.ends_us = ends_us

    def listen(self, timeline: Timeline, until: int) -> None:
        """Hears the sound up to a sample, as far as it is appended; it must not be drawn yet."""
        end = until if self._end is None else min(until, self._end)
        if end > self._heard:
            self._hear(timeline.peek(self._heard, end))
        if self._end is not None and self._end <= self._heard < until:
            self._hear(np.zeros(until - self._heard, np.int16))

    def over(self, at_us: int) -> bool:
        """Whether nothing of it bears on a time or later ones."""
        return self._said.over(at_us)

    def _hear(self, samples: NDArray[np.int16]) -> None:
        self._said.hear(self._reader.read(samples))
        self._heard += len(samples)
