"""Where the head is and how the brows move: slow sway, and small beats with the voice."""

from __future__ import annotations

import math
from dataclasses import dataclass

from services.lipsync.expression import HeadPose
from services.lipsync.motion.noise import SmoothNoise, Wander

BREATHS_PER_MINUTE = 14.0

_DEGREE = math.pi / 180.0
_YAW, _PITCH, _ROLL = 2.1 * _DEGREE, 1.4 * _DEGREE, 1.2 * _DEGREE
_TALK_YAW, _TALK_PITCH, _TALK_ROLL = 2.0 * _DEGREE, 2.3 * _DEGREE, 1.5 * _DEGREE
_SHIFT_X, _SHIFT_Y = 0.030, 0.016
_NOD = 5.0 * _DEGREE
_TILT = 1.6 * _DEGREE
_IDLE_SWAY = 0.85
_SWAY_HZ = 0.5
_TALK_HZ = 1.3
_BREATH_LIFT = 0.006

_SPEAKING_RISE_S, _SPEAKING_FALL_S = 0.35, 0.8
_FAST_S, _SLOW_S = 0.09, 0.45
_STRESS_SPAN_DB, _STRESS_FROM_DB = 14.0, -12.0


@dataclass(frozen=True, slots=True)
class Voice:
    """What the body hears of the voice at one instant."""

    speaking: bool
    relative_db: float
    """Loudness against the voice's usual level."""


class Prosody:
    """The voice as the body follows it: how much it speaks, and its beats. One step a frame."""

    def __init__(self, fps: int) -> None:
        self._step_s = 1.0 / fps
        self.speaking = 0.0
        """0 in idle, 1 in speech, never jumping."""
        self._fast = self._faster = self._slow = 0.0

    @property
    def beat(self) -> float:
        """Positive on a stressed syllable, negative after it; about -0.5 to 0.5, 0 in silence."""
        return self._fast - self._slow

    def step(self, voice: Voice) -> None:
        """Moves on by one frame."""
        slowness_s = _SPEAKING_RISE_S if voice.speaking else _SPEAKING_FALL_S
        self.speaking += (float(voice.speaking) - self.speaking) * self._share(slowness_s)
        stress = 0.0
        if voice.speaking:
            stress = min(max((voice.relative_db - _STRESS_FROM_DB) / _STRESS_SPAN_DB, 0.0), 1.0)
        # Two equal poles, so that a beat starts without a jerk.
        self._faster += (stress - self._faster) * self._share(_FAST_S)
        self._fast += (self._faster - self._fast) * self._share(_FAST_S)
        self._slow += (self._faster - self._slow) * self._share(_SLOW_S)

    def _share(self, seconds: float) -> float:
        return 1.0 - math.exp(-self._step_s / seconds)


class Head:
    """The pose of one head over time."""

    def __init__(self, seed: int) -> None:
        self._sway = [Wander(seed, channel, _SWAY_HZ) for channel in range(1, 6)]
        self._talk = [Wander(seed, channel, _TALK_HZ) for channel in range(6, 9)]
        self._emphasis = SmoothNoise(seed, 200, 0.4)
        self._side = SmoothNoise(seed, 201, 0.23)

    def at(self, at_us: int, prosody: Prosody, breath: float) -> HeadPose:
        """The pose at a time; continuous in time and in the prosody."""
        sway = _IDLE_SWAY + (1.0 - _IDLE_SWAY) * prosody.speaking
        yaw, pitch, roll, shift_x, shift_y = (curve.at(at_us) * sway for curve in self._sway)
        talk_yaw, talk_pitch, talk_roll = (
            curve.at(at_us) * prosody.speaking for curve in self._talk
        )
        nod = prosody.beat * (0.7 + 0.5 * self._emphasis.at(at_us))
        tilt = prosody.beat * self._side.at(at_us)
        return HeadPose(
            yaw=_YAW * yaw + _TALK_YAW * talk_yaw + 0.5 * _TILT * tilt,
            pitch=_PITCH * pitch + _TALK_PITCH * talk_pitch + _NOD * nod,
            roll=_ROLL * roll + _TALK_ROLL * talk_roll + _TILT * tilt,
            shift_x=_SHIFT_X * shift_x,
            shift_y=_SHIFT_Y * shift_y - _BREATH_LIFT * breath,
        )


class Brows:
    """The brows of one face over time."""

    def __init__(self, seed: int) -> None:
        self._mood = Wander(seed, 9, 0.11)
        self._emphasis = SmoothNoise(seed, 202, 0.5)

    def at(self, at_us: int, prosody: Prosody) -> float:
        """How far the brows are raised, -1 to 1."""
        emphasis = max(0.0, 0.35 + 0.65 * self._emphasis.at(at_us))
        beat = max(0.0, prosody.beat) * emphasis * 1.1
        return 0.07 * self._mood.at(at_us) + beat + 0.06 * prosody.speaking


class Breath:
    """The breath of one body over time. One step a frame."""

    def __init__(self, seed: int, fps: int) -> None:
        self._step_us = 1_000_000 // fps
        self._pace = SmoothNoise(seed, 203, 0.05)
        self._phase = 0.0

    def step(self, at_us: int) -> float:
        """Moves on by one frame; 0 breathed out, 1 breathed in, in two fifths of the cycle."""
        rate_hz = BREATHS_PER_MINUTE / 60.0 * (1.0 + 0.18 * self._pace.at(at_us))
        self._phase = (self._phase + rate_hz * self._step_us / 1_000_000) % 1.0
        inhaling = self._phase / 0.4
        exhaling = (self._phase - 0.4) / 0.6
        half_turn = inhaling if inhaling < 1.0 else 1.0 + exhaling
        return 0.5 - 0.5 * math.cos(math.pi * half_turn)
