"""How a face looks in a mood, and how it comes into it: added to whatever it says."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from services.lipsync.cues import Mood, MoodName
from services.lipsync.expression import MOUTH_SHAPES, Expression
from services.lipsync.motion.articulation import BITE, CLOSE, FUNNEL, JAW, PUCKER

# Critically damped: nine tenths of the way in 390 ms, without a jerk and without overshoot.
_RATE_HZ = 10.0
_DEGREE = math.pi / 180.0
_MOST = np.float32(1.3)
"""Of any coefficient of the mouth."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a mood adds to a face, at strength 1."""

    mouth: NDArray[np.float32]
    brow_raise: float = 0.0
    brow_inner: float = 0.0
    brow_knit: float = 0.0
    lid_raise: float = 0.0
    squint: float = 0.0
    gaze_y: float = 0.0
    pitch: float = 0.0
    """Of the head, radians."""

    @classmethod
    def of(cls, mouth: dict[str, float], **face: float) -> Self:
        """A look whose mouth is given by name."""
        values = np.zeros(len(MOUTH_SHAPES), np.float32)
        for name, value in mouth.items():
            values[MOUTH_SHAPES.index(name)] = value
        return cls(values, **face)


LOOKS = {
    MoodName.HAPPY: Look.of({"smile": 1.05}, squint=0.55, brow_raise=0.12, pitch=-0.8 * _DEGREE),
    MoodName.SERIOUS: Look.of(
        {"press": 0.25, "frown": 0.15},
        brow_knit=1.1,
        brow_raise=-0.40,
        squint=0.35,
        pitch=1.2 * _DEGREE,
    ),
    MoodName.SURPRISED: Look.of(
        {"jaw_open": 0.30, "funnel": 0.20, "pucker": 0.10},
        brow_raise=1.1,
        lid_raise=0.85,
        pitch=-1.2 * _DEGREE,
    ),
    MoodName.SAD: Look.of(
        {"frown": 0.85},
        brow_inner=1.0,
        lid_raise=-0.35,
        gaze_y=0.12,
        pitch=2.2 * _DEGREE,
    ),
}
"""What each mood adds; a neutral face has nothing added."""


class Moods:
    """The moods of one face, blending from one into the next. One step a frame."""

    def __init__(self) -> None:
        self._strengths = np.zeros(len(LOOKS))
        self._speeds = np.zeros(len(LOOKS))

    def begin(self, wanted: Mood) -> None:
        """Is in a mood at once, as a face is that has just been met."""
        self._strengths = _strengths(wanted)

    def step(self, step_s: float, wanted: Mood) -> None:
        """Moves on by so much time towards a mood."""
        target = _strengths(wanted)
        away = self._strengths - target
        push = (self._speeds + _RATE_HZ * away) * step_s
        fade = math.exp(-_RATE_HZ * step_s)
        self._strengths = target + (away + push) * fade
        self._speeds = (self._speeds - _RATE_HZ * push) * fade
        # What can't be seen is nothing: a face at rest is the photo.
        gone = (np.abs(self._strengths) < 1e-4) & (target == 0.0)
        self._strengths[gone] = self._speeds[gone] = 0.0

    def over(self, spoken: Expression) -> Expression:
        """The expression with the mood in it: seals stay shut, rounded lips stay round."""
        if not self._strengths.any():
            return spoken
        mouth, face = spoken.mouth.copy(), spoken
        for strength, look in zip(self._strengths.tolist(), LOOKS.values(), strict=True):
            if strength:
                mouth += np.float32(strength) * _yielding(look.mouth, spoken.mouth)
                face = _added(face, look, strength)
        return replace(face, mouth=np.minimum(mouth, _MOST))


def _strengths(mood: Mood) -> NDArray[np.float64]:
    return np.array([mood.strength * (mood.name is name) for name in LOOKS])


def _yielding(look: NDArray[np.float32], spoken: NDArray[np.float32]) -> NDArray[np.float32]:
    """A mood's mouth as far as what is said leaves room for it."""
    made = look.copy()
    rounded = float(np.clip(spoken[PUCKER] + 0.6 * spoken[FUNNEL], 0.0, 1.0))
    made *= np.float32(1.0 - 0.5 * rounded)
    shut = float(np.clip(max(spoken[CLOSE], spoken[BITE]), 0.0, 1.0))
    made[JAW] *= np.float32((1.0 - shut) * (1.0 - np.clip(spoken[JAW], 0.0, 1.0)))
    return made


def _added(face: Expression, look: Look, strength: float) -> Expression:
    head = replace(face.head, pitch=face.head.pitch + strength * look.pitch)
    return replace(
        face,
        brow_raise=face.brow_raise + strength * look.brow_raise,
        brow_inner=face.brow_inner + strength * look.brow_inner,
        brow_knit=face.brow_knit + strength * look.brow_knit,
        lid_raise=face.lid_raise + strength * look.lid_raise,
        squint=face.squint + strength * look.squint,
        gaze_y=face.gaze_y + strength * look.gaze_y,
        head=head,
    )
