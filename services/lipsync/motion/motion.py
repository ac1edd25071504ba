"""One face over time: what it says with its mouth, and the life around it."""

from __future__ import annotations

import random

import numpy as np
from numpy.typing import NDArray

from services.lipsync.expression import (
    GAZE_PER_RADIAN,
    MOUTH_SHAPES,
    Expression,
    HeadPose,
)
from services.lipsync.motion.actions import Gesture
from services.lipsync.motion.articulation import under_seals
from services.lipsync.motion.composure import Composure
from services.lipsync.motion.eyes import Blinks, Gaze
from services.lipsync.motion.head import Breath, Brows, Head, Prosody, Voice
from services.lipsync.motion.heard import HeardTrack
from services.lipsync.motion.loudness import LoudnessTrack
from services.lipsync.motion.noise import Wander
from services.lipsync.motion.performance import Performance
from services.lipsync.motion.seals import VISUAL_LEAD_US, SealTrack

BLEND_US = 160_000
"""How long the mouth takes from where it was to where a changed timeline wants it."""

_SQUINT = 0.05


class Motion:
    """Draws up one expression a frame, in order, from the mouth's and the voice's tracks.

    The same seed and tracks give the same expressions. Not thread-safe.
    """

    def __init__(
        self,
        fps: int,
        seed: int,
        seals: SealTrack,
        heard: HeardTrack,
        loudness: LoudnessTrack,
    ) -> None:
        """`seals` are told by visemes, the rest of the mouth is `heard`."""
        self._seals = seals
        self._heard = heard
        self._loudness = loudness
        self.performance = Performance(seed)
        """The moods and actions that are asked of the face."""
        self._blinks = Blinks(random.Random(f"{seed}/blinks"))  # noqa: S311 - play, not secrets
        self._gaze = Gaze(random.Random(f"{seed}/gaze"))  # noqa: S311 - likewise
        self._prosody = Prosody(fps)
        self._composure = Composure(fps)
        self._breath = Breath(seed, fps)
        self._head = Head(seed)
        self._brows = Brows(seed)
        self._squint = Wander(seed, 10, 0.09)
        self._spoke = False
        self._last_mouth = np.zeros(len(MOUTH_SHAPES), np.float32)
        self._blend_from: NDArray[np.float32] | None = None
        self._blend_starts_us = 0

    def changed(self, at_us: int) -> None:
        """Tells that the tracks were altered at `at_us`: the mouth blends from where it was."""
        self._blend_from = self._last_mouth
        self._blend_starts_us = at_us

    def expression_at(self, at_us: int) -> Expression:
        """The next frame's expression; times must rise by one frame from call to call."""
        heard_us = at_us + VISUAL_LEAD_US
        speaking = self._heard.speaking_at(heard_us)
        self._prosody.step(Voice(speaking, self._loudness.relative_db(heard_us)))
        if self._spoke and not speaking:
            self._blinks.phrase_ended(at_us)
        self._spoke = speaking
        breath = self._breath.step(at_us)
        gesture = self.performance.step(at_us)
        head = _gesturing(self._head.at(at_us, self._prosody, breath), gesture)
        gaze_x, gaze_y = (look * (1.0 - gesture.facing) for look in self._gaze.at(at_us))
        spoken = Expression(
            mouth=self._mouth_at(at_us),
            composed=self._composure.step(speaking=speaking),
            blink=self._blinks.at(at_us),
            brow_raise=self._brows.at(at_us, self._prosody),
            squint=_SQUINT * max(0.0, self._squint.at(at_us)),
            gaze_x=gaze_x - GAZE_PER_RADIAN * head.yaw,
            gaze_y=gaze_y - GAZE_PER_RADIAN * head.pitch,
            breath=breath,
            head=head,
            facing=gesture.facing,
        )
        return self.performance.moods.over(spoken)

    def _mouth_at(self, at_us: int) -> NDArray[np.float32]:
        heard_us = at_us + VISUAL_LEAD_US
        mouth = self._heard.coefficients_at(at_us, self._loudness.presence_at(heard_us))
        mouth = np.maximum(mouth, self._seals.coefficients_at(at_us))
        mouth = under_seals(mouth)
        if self._blend_from is not None:
            done = (at_us - self._blend_starts_us) / BLEND_US
            if done < 1.0:
                share = np.float32(done * done * (3.0 - 2.0 * done))
                mouth = self._blend_from + (mouth - self._blend_from) * share
            else:
                self._blend_from = None
        self._last_mouth = mouth
        return mouth


def _gesturing(head: HeadPose, gesture: Gesture) -> HeadPose:
    """The head's own pose, as far as the gesture leaves it, and the gesture."""
    own = 1.0 - gesture.calm
    return HeadPose(
        yaw=own * head.yaw + gesture.yaw,
        pitch=own * head.pitch + gesture.pitch,
        roll=own * head.roll + gesture.roll,
        shift_x=head.shift_x,
        shift_y=head.shift_y,
    )
