"""What visemes tell for certain: lips that shut for p b m, bite for f v, and the tongue's tip."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from services.lipsync.expression import MOUTH_SHAPES
from services.lipsync.motion.articulation import BITE, CLOSE, TONGUE
from services.lipsync.visemes import Viseme, VisemeShape

VISUAL_LEAD_US = 20_000
"""Seals are drawn this much before their sound: speakers' lips precede what is heard of them."""
MAX_HORIZON_US = 220_000
"""No viseme bears on the mouth earlier than this before its sound."""
SEAL_CLOSE_US = 70_000
"""How long lips take to meet."""
SEAL_OPEN_US = 60_000
"""How long lips take to part."""

_MIN_CLOSE_US = 50_000
_SEALS = {VisemeShape.PP: CLOSE, VisemeShape.FF: BITE}
_TONGUES = {VisemeShape.TH: 1.0, VisemeShape.DD: 0.75, VisemeShape.NN: 0.75}
_MADE = _SEALS.keys() | _TONGUES.keys()


@dataclass(frozen=True, slots=True)
class _Placed:
    """A viseme on the timeline, and what it may depend on."""

    viseme: Viseme
    utterance_us: int
    """Where its utterance begins."""
    anticipation_us: int
    """How long before its sound the mouth may begin to move."""

    @property
    def earliest_us(self) -> int:
        """The sound that is heard when the mouth may begin to move."""
        return max(self.viseme.start_us - self.anticipation_us, self.utterance_us + VISUAL_LEAD_US)

    def shifted(self, delta_us: int) -> _Placed:
        return replace(self, viseme=self.viseme.shifted(delta_us))


class SealTrack:
    """The visemes of one timeline that are made with lips shut or bitten, or the tongue's tip.

    Times are microseconds on the timeline. Not thread-safe.
    """

    def __init__(self, fps: int) -> None:
        # A closed seal at least as long as the gap between two frames is seen in one of them.
        self._min_seal_us = 5 * 1_000_000 // (4 * fps)
        self._placed: list[_Placed] = []

    def add(self, visemes: Iterable[Viseme], *, utterance_us: int, horizon_us: int) -> None:
        """Adds visemes in order; each ends where the next begins at the latest.

        The mouth at `t` depends on no viseme that starts after `t + horizon_us` (at most
        `MAX_HORIZON_US`), nor on one whose utterance begins after `t`.
        """
        for viseme in visemes:
            if self._placed and _end(self._placed[-1]) > viseme.start_us:
                cut = replace(self._placed[-1].viseme, end_us=viseme.start_us)
                self._placed[-1] = replace(self._placed[-1], viseme=cut)
            if viseme.shape in _MADE and viseme.end_us > viseme.start_us:
                self._placed.append(_Placed(viseme, utterance_us, horizon_us - VISUAL_LEAD_US))

    def shift_from(self, from_us: int, delta_us: int) -> None:
        """Moves the visemes that start at or after `from_us` later."""
        first = bisect_left(self._placed, from_us, key=_start)
        self._placed[first:] = [placed.shifted(delta_us) for placed in self._placed[first:]]

    def drop_all(self) -> None:
        """Forgets every viseme."""
        self._placed.clear()

    def trim(self, before_us: int) -> None:
        """Forgets what no longer bears on the mouth at `before_us` or later."""
        del self._placed[: self._first_seen(before_us)]

    def coefficients_at(self, at_us: int) -> NDArray[np.float32]:
        """The coefficients of shut and bitten lips and of the tongue at that time, shape [12]."""
        heard_us = at_us + VISUAL_LEAD_US
        mouth = np.zeros(len(MOUTH_SHAPES), np.float32)
        last = bisect_left(self._placed, heard_us + MAX_HORIZON_US, key=_start)
        for placed in self._placed[self._first_seen(heard_us) : last]:
            shape = placed.viseme.shape
            channel, strength = _SEALS.get(shape, TONGUE), _TONGUES.get(shape, 1.0)
            made = strength * self._made(placed, heard_us)
            mouth[channel] = max(float(mouth[channel]), made)
        return mouth

    def _first_seen(self, at_us: int) -> int:
        """The first viseme that still bears on a time."""
        gone_us = SEAL_OPEN_US + self._min_seal_us + SEAL_CLOSE_US
        return bisect_left(self._placed, at_us - gone_us, key=_end)

    def _made(self, placed: _Placed, heard_us: int) -> float:
        """How fully a viseme is made while a sound is heard, 0 to 1."""
        viseme = placed.viseme
        length_us = viseme.end_us - viseme.start_us
        closed_us, opens_us = viseme.start_us, viseme.end_us - min(length_us * 3 // 10, 30_000)
        missing_us = max(0, self._min_seal_us - (opens_us - closed_us))
        closed_us -= missing_us // 2
        closing_us = max(closed_us - SEAL_CLOSE_US, placed.earliest_us)
        closed_us = max(closed_us, closing_us + _MIN_CLOSE_US)
        opens_us = max(opens_us + missing_us // 2, closed_us + self._min_seal_us)
        rise = (heard_us - closing_us) / (closed_us - closing_us)
        fall = (opens_us - heard_us) / SEAL_OPEN_US + 1.0
        made = min(max(min(rise, fall), 0.0), 1.0)
        return made * made * (3.0 - 2.0 * made)


def _start(placed: _Placed) -> int:
    return placed.viseme.start_us


def _end(placed: _Placed) -> int:
    return placed.viseme.end_us
