"""The mouth that a text is drawn with: what the network is first taught of.

The model is that of Cohen and Massaro, "Modeling coarticulation in synthetic visual speech" (1993):
every sound has a target and a dominance that rises before it and falls after it, and the mouth is
the dominance-weighted mean of all targets. Two things differ: dominance has compact support, so
that silence is exactly the rest position, and seals always reach their target.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from services.lipsync.motion.articulation import (
    ATTACK_US,
    BITE,
    CLOSE,
    DOMINANCE,
    OPENING_CHANNELS,
    TARGETS,
    under_seals,
)
from services.lipsync.motion.seals import MAX_HORIZON_US, VISUAL_LEAD_US, SealTrack
from services.lipsync.visemes import Viseme, VisemeShape

PAUSE_CLOSE_US = 150_000
"""How long the mouth takes to come to rest when no sound follows."""

_FPS = 25
_RELEASE_US = 112_000
_PLATEAU_INSET = 0.2
_PLATEAU_INSET_MAX_US = 40_000
_PAUSE_US = 40_000
_MIN_ATTACK_US = 50_000


class CoarticulatedMouth:
    """The mouth of one utterance; times are microseconds on its clock."""

    def __init__(self, visemes: Sequence[Viseme]) -> None:
        self._seals = SealTrack(_FPS)
        self._seals.add(visemes, utterance_us=0, horizon_us=MAX_HORIZON_US)
        made = [v for v in visemes if v.shape is not VisemeShape.SIL and v.end_us > v.start_us]
        self._rows = np.array([int(v.shape) for v in made], np.int64)
        self._start = np.array([v.start_us for v in made], np.float64)
        self._end = np.array([v.end_us for v in made], np.float64)
        self._targets = TARGETS[self._rows] * np.array(
            [[0.4 + 0.6 * v.weight] for v in made], np.float32
        ).reshape(-1, 1)
        following = np.append(self._start[1:], np.inf)
        paused = following - self._end > _PAUSE_US
        self._release = np.where(paused, PAUSE_CLOSE_US, _RELEASE_US).astype(np.float64)

    def coefficients_at(
        self, at_us: int, gain: float = 1.0, presence: float = 1.0
    ) -> NDArray[np.float32]:
        """The mouth's coefficients at that time, shape [12].

        `gain` scales how far it opens; `presence` scales all but the seals, which need no voice.
        """
        heard_us = at_us + VISUAL_LEAD_US
        mouth = self._blend(heard_us) * np.float32(presence)
        mouth[list(OPENING_CHANNELS)] *= gain
        sealed = self._seals.coefficients_at(at_us)
        mouth[[CLOSE, BITE]] = sealed[[CLOSE, BITE]]
        return under_seals(mouth)

    def _blend(self, heard_us: int) -> NDArray[np.float32]:
        near = (self._end > heard_us - PAUSE_CLOSE_US) & (self._start < heard_us + MAX_HORIZON_US)
        start, end = self._start[near, None], self._end[near, None]
        rows = self._rows[near]
        inset = np.minimum(_PLATEAU_INSET * (end - start), _PLATEAU_INSET_MAX_US)
        rise_from = np.maximum(start - ATTACK_US[rows], VISUAL_LEAD_US)
        rise_to = np.maximum(start + inset, rise_from + _MIN_ATTACK_US)
        rise = (heard_us - rise_from) / (rise_to - rise_from)
        fall = (end - inset - heard_us) / self._release[near, None] + 1.0
        level = np.clip(np.minimum(rise, fall), 0.0, 1.0)
        strength = (level * level * (3.0 - 2.0 * level)) ** 2 * DOMINANCE[rows]
        total = np.maximum(strength.sum(axis=0), 1.0)
        blended = (strength * self._targets[near]).sum(axis=0) / total
        return np.asarray(blended, np.float32)
