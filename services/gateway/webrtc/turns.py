"""Cuts the sound of an open microphone into turns: what somebody says until they pause."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

RATE_HZ = 48_000
PAUSE_S = 0.7
"""After so much quiet a turn is over."""
_BYTES_PER_SAMPLE = 2
_WINDOW = RATE_HZ // 50
"""20 ms, in samples."""
_WINDOWS_PER_S = 50
_PAUSE = int(PAUSE_S * _WINDOWS_PER_S)
_ONSET_OF, _ONSET = 5, 3
"""A turn begins when so many of the last windows are loud: a click is no speech."""
_BEFORE = 15
"""Windows kept from before a turn is known to have begun: soft consonants stand there."""
_QUIET_DB = -45.0
"""Of full scale; below it nobody speaks."""
_ABOVE_NOISE_DB = 12.0
_LOUDEST_NOISE_DB = -30.0
_NOISE_RISE_DB = 1.0 / _WINDOWS_PER_S
"""How fast the noise is believed to grow while nothing shows it to be less."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A piece of a turn; several make it up, the last of which may be empty."""

    pcm_s16le: bytes
    begins: bool = False
    ends: bool = False


class TurnCutter:
    """Takes mono sound at RATE_HZ, gives turns piece by piece; what is quiet between is dropped."""

    def __init__(self) -> None:
        self._pending = b""
        self._before: deque[tuple[bytes, bool]] = deque(maxlen=_BEFORE)
        self._noise_db = _QUIET_DB - _ABOVE_NOISE_DB
        self._speaking = False
        self._quiet = 0

    def add(self, pcm_s16le: bytes) -> Iterator[Heard]:
        """The pieces that the next sound, of whole samples, completes."""
        self._pending += pcm_s16le
        size = _WINDOW * _BYTES_PER_SAMPLE
        while len(self._pending) >= size:
            window, self._pending = self._pending[:size], self._pending[size:]
            loud = self._loud(window)
            yield from self._goes_on(window, loud) if self._speaking else self._waits(window, loud)

    def stop(self) -> Iterator[Heard]:
        """No sound comes for the time being: a turn, if there is one, is over."""
        self._pending = b""
        self._before.clear()
        if self._speaking:
            self._speaking = False
            yield Heard(b"", ends=True)

    def _waits(self, window: bytes, loud: bool) -> Iterator[Heard]:
        self._before.append((window, loud))
        latest = list(self._before)[-_ONSET_OF:]
        if sum(was_loud for _, was_loud in latest) < _ONSET:
            return
        self._speaking, self._quiet = True, 0
        yield Heard(b"".join(sound for sound, _ in self._before), begins=True)
        self._before.clear()

    def _goes_on(self, window: bytes, loud: bool) -> Iterator[Heard]:
        self._quiet = 0 if loud else self._quiet + 1
        self._speaking = self._quiet < _PAUSE
        yield Heard(window, ends=not self._speaking)

    def _loud(self, window: bytes) -> bool:
        level_db = _level_db(window)
        self._noise_db = min(level_db, self._noise_db + _NOISE_RISE_DB)
        noise_db = min(self._noise_db, _LOUDEST_NOISE_DB)
        return level_db > max(_QUIET_DB, noise_db + _ABOVE_NOISE_DB)


def _level_db(pcm_s16le: bytes) -> float:
    """Of full scale."""
    samples = np.frombuffer(pcm_s16le, np.int16).astype(np.float32) / 32768
    return float(10 * np.log10(np.mean(samples**2) + 1e-10))
