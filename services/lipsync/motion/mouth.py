"""From visemes to the mouth at any instant: coarticulated, sealed by p b m, still in silence."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from services.lipsync.expression import MOUTH_SHAPES
from services.lipsync.motion.articulation import (
    ATTACK_US,
    BITE,
    CLOSE,
    DOMINANCE,
    OPENING_CHANNELS,
    TARGETS,
    under_seals,
)
from services.lipsync.visemes import Viseme, VisemeShape

VISUAL_LEAD_US = 20_000
"""The mouth is drawn this much before its sound: speakers' lips precede what is heard of them."""
MAX_HORIZON_US = 220_000
"""No viseme bears on the mouth earlier than this before its sound."""
SEAL_CLOSE_US = 70_000
"""How long lips take to meet."""
SEAL_OPEN_US = 60_000
"""How long lips take to part."""
PAUSE_CLOSE_US = 150_000
"""How long the mouth takes to come to rest when no sound follows."""

_RELEASE_US = 112_000
_PLATEAU_INSET = 0.2
_PLATEAU_INSET_MAX_US = 40_000
_PAUSE_US = 40_000
_MIN_ATTACK_US = 50_000
_SEALED = {VisemeShape.PP: CLOSE, VisemeShape.FF: BITE}


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


class MouthTrack:
    """The visemes of one timeline, and the mouth that they make.

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
            if viseme.shape is VisemeShape.SIL or viseme.end_us <= viseme.start_us:
                continue
            if self._placed and _end(self._placed[-1]) > viseme.start_us:
                cut = replace(self._placed[-1].viseme, end_us=viseme.start_us)
                self._placed[-1] = replace(self._placed[-1], viseme=cut)
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
        del self._placed[: self._first_ending_after(before_us - PAUSE_CLOSE_US)]

    def speaking_at(self, at_us: int) -> bool:
        """Whether some sound has a mouth shape at that time, or had one just before."""
        index = self._first_ending_after(at_us - PAUSE_CLOSE_US)
        return index < len(self._placed) and _start(self._placed[index]) <= at_us

    def coefficients_at(
        self, at_us: int, gain: float = 1.0, presence: float = 1.0
    ) -> NDArray[np.float32]:
        """The mouth's coefficients at that time, shape [12].

        `gain` scales how far it opens; `presence` scales all but the seals, which need no voice.
        """
        heard_us = at_us + VISUAL_LEAD_US
        near = self._near(heard_us)
        if not near:
            return np.zeros(len(MOUTH_SHAPES), np.float32)
        mouth = self._blend(near, heard_us) * np.float32(presence)
        mouth[list(OPENING_CHANNELS)] *= gain
        for shape, channel in _SEALED.items():
            mouth[channel] = max(
                (
                    self._seal(index, heard_us)
                    for index in near
                    if self._placed[index].viseme.shape is shape
                ),
                default=0.0,
            )
        return under_seals(mouth)

    def _first_ending_after(self, at_us: int) -> int:
        return bisect_left(self._placed, at_us, key=_end)

    def _near(self, heard_us: int) -> range:
        first = self._first_ending_after(heard_us - PAUSE_CLOSE_US)
        return range(first, bisect_left(self._placed, heard_us + MAX_HORIZON_US, key=_start))

    def _followed_by_pause(self, index: int) -> bool:
        if index + 1 == len(self._placed):
            return True
        this, following = self._placed[index], self._placed[index + 1]
        # What comes after the utterance may not be known yet, so it never counts.
        if this.utterance_us != following.utterance_us:
            return True
        return _start(following) - _end(this) > _PAUSE_US

    def _blend(self, near: range, heard_us: int) -> NDArray[np.float32]:
        visemes = [self._placed[index].viseme for index in near]
        rows = [int(viseme.shape) for viseme in visemes]
        start = np.array([[viseme.start_us] for viseme in visemes], np.float64)
        end = np.array([[viseme.end_us] for viseme in visemes], np.float64)
        weight = np.array([[viseme.weight] for viseme in visemes], np.float32)
        earliest = np.array([[self._placed[index].earliest_us] for index in near], np.float64)
        release = np.array(
            [[PAUSE_CLOSE_US if self._followed_by_pause(index) else _RELEASE_US] for index in near],
            np.float32,
        )
        inset = np.minimum(_PLATEAU_INSET * (end - start), _PLATEAU_INSET_MAX_US)
        rise_from = np.maximum(start - ATTACK_US[rows], earliest)
        rise_to = np.maximum(start + inset, rise_from + _MIN_ATTACK_US)
        rise = (heard_us - rise_from) / (rise_to - rise_from)
        fall = (end - inset - heard_us) / release + 1.0
        strength = _smooth(np.clip(np.minimum(rise, fall), 0.0, 1.0)) ** 2 * DOMINANCE[rows]
        total = np.maximum(strength.sum(axis=0), 1.0)
        targets = TARGETS[rows] * (0.4 + 0.6 * weight)
        blended: NDArray[np.float32] = ((strength * targets).sum(axis=0) / total).astype(np.float32)
        return blended

    def _seal(self, index: int, heard_us: int) -> float:
        placed = self._placed[index]
        viseme = placed.viseme
        closed_us, opens_us = (
            viseme.start_us,
            viseme.end_us - min((viseme.end_us - viseme.start_us) * 3 // 10, 30_000),
        )
        missing_us = max(0, self._min_seal_us - (opens_us - closed_us))
        closed_us -= missing_us // 2
        closing_us = max(closed_us - SEAL_CLOSE_US, placed.earliest_us)
        closed_us = max(closed_us, closing_us + _MIN_ATTACK_US)
        opens_us = max(opens_us + missing_us // 2, closed_us + self._min_seal_us)
        rise = (heard_us - closing_us) / (closed_us - closing_us)
        fall = (opens_us - heard_us) / SEAL_OPEN_US + 1.0
        return float(_smooth(np.clip(min(rise, fall), 0.0, 1.0)))


def _start(placed: _Placed) -> int:
    return placed.viseme.start_us


def _end(placed: _Placed) -> int:
    return placed.viseme.end_us


def _smooth(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Smoothstep: 0 to 1 with level ends."""
    return x * x * (3.0 - 2.0 * x)
