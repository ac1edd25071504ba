"""Cuts speech where it pauses, so that each part can be listened to before it is passed on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

RATE_HZ = 48_000
_BYTES_PER_SAMPLE = 2
_WINDOW = RATE_HZ // 50
"""20 ms, in samples."""
_WINDOWS_PER_S = 50
_QUIET_DB = -45.0
"""Of full scale; below it nobody speaks, whatever the background."""
_BELOW_LOUD_DB = 25.0
"""How far below the loudest of a clause its pauses lie."""


@dataclass(frozen=True, slots=True)
class ClauseLimits:
    """How long clauses are, seconds."""

    shortest_s: float
    """A pause ends a clause that is at least so long."""
    longest_s: float
    """Where there is no pause, the quietest moment near this length ends it."""
    pause_s: float = 0.3
    """From when on silence is a pause."""


LIVE = ClauseLimits(shortest_s=1.0, longest_s=6.0)
"""For somebody who speaks now: what was said is heard soon."""
FILE = ClauseLimits(shortest_s=4.0, longest_s=20.0)
"""For what is at hand: longer clauses are listened to at less cost and understood better."""
_SEARCH_SHARE = 0.25
"""In which last part of a clause without a pause the quietest moment is looked for."""


class ClauseCutter:
    """Takes mono sound at RATE_HZ piece by piece; concatenated, the clauses are the sound.

    The first clause may be shorter than the limits say, so that something is heard early.
    """

    def __init__(self, limits: ClauseLimits) -> None:
        self._limits = limits
        self._pcm = bytearray()
        self._levels: list[float] = []
        self._first = True

    def add(self, pcm_s16le: bytes) -> Iterator[bytes]:
        """The clauses that the next piece, of whole samples, completes."""
        self._pcm += pcm_s16le
        size = _WINDOW * _BYTES_PER_SAMPLE
        while len(self._pcm) >= (len(self._levels) + 1) * size:
            at = len(self._levels) * size
            self._levels.append(_level_db(self._pcm[at : at + size]))
            if windows := self._end():
                yield self._take(windows)

    def rest(self) -> bytes:
        """What is left when the sound ends."""
        rest = bytes(self._pcm)
        self._pcm.clear()
        self._levels.clear()
        return rest

    def _end(self) -> int | None:
        """After how many windows the clause ends; None while it goes on."""
        count = len(self._levels)
        shortest_s = min(self._limits.shortest_s, LIVE.shortest_s if self._first else np.inf)
        pause = int(self._limits.pause_s * _WINDOWS_PER_S)
        if count >= shortest_s * _WINDOWS_PER_S and self._spoken() and self._pauses(pause):
            return count
        if count < self._limits.longest_s * _WINDOWS_PER_S:
            return None
        first = int(count * (1 - _SEARCH_SHARE))
        return first + int(np.argmin(self._levels[first:])) + 1

    def _spoken(self) -> bool:
        return max(self._levels) > _QUIET_DB

    def _pauses(self, windows: int) -> bool:
        floor = max(_QUIET_DB, max(self._levels) - _BELOW_LOUD_DB)
        return all(level < floor for level in self._levels[-windows:])

    def _take(self, windows: int) -> bytes:
        size = windows * _WINDOW * _BYTES_PER_SAMPLE
        clause = bytes(self._pcm[:size])
        del self._pcm[:size]
        del self._levels[:windows]
        self._first = False
        return clause


def _level_db(pcm_s16le: bytes | bytearray) -> float:
    """Of full scale."""
    samples = np.frombuffer(bytes(pcm_s16le), np.int16).astype(np.float32) / 32768
    return float(10 * np.log10(np.mean(samples**2) + 1e-10))
