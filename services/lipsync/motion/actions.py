"""What a head does when it is asked to: nods, shakes, tilts, looks at the viewer."""

from __future__ import annotations

import math
from dataclasses import dataclass

from services.lipsync.cues import Action
from services.lipsync.motion.noise import hashed

_DEGREE = math.pi / 180.0
DURATION_US = {
    Action.NOD: 1_150_000,
    Action.SHAKE: 1_500_000,
    Action.TILT: 2_000_000,
    Action.LOOK_AT_CAMERA: 2_200_000,
}
"""How long each action lasts, from still to still."""

_NOD, _NOD_AGAIN, _NOD_HZ = 6.5 * _DEGREE, 0.55, 2 / 1.15
_SHAKE, _SHAKE_HZ = 5.5 * _DEGREE, 2.0
_TILT = 4.0 * _DEGREE
_CALMED = 0.75
"""How much of the body's own sway a tilt or a look keeps away."""
_TILT_SIDE_CHANNEL = 301


@dataclass(frozen=True, slots=True)
class Gesture:
    """What actions do to a head at one instant."""

    yaw: float = 0.0
    """Added to the head's, radians, as are the next two."""
    pitch: float = 0.0
    roll: float = 0.0
    facing: float = 0.0
    """0 to 1: how far the face is turned, and looks, at the viewer."""
    calm: float = 0.0
    """0 to 1: how much of the head's own sway is held back."""


class Actions:
    """The actions of one head over time; several may overlap."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._begun: list[tuple[Action, int]] = []

    def begin(self, action: Action, at_us: int) -> None:
        """Does an action from a time on; one that is being done already is not begun again."""
        if all(known is not action for known, _ in self._begun):
            self._begun.append((action, at_us))

    def at(self, at_us: int) -> Gesture:
        """What is done at a time; times must not fall."""
        self._begun = [
            (action, begun_us)
            for action, begun_us in self._begun
            if at_us < begun_us + DURATION_US[action]
        ]
        yaw = pitch = roll = facing = calm = 0.0
        for action, begun_us in self._begun:
            made = self._gesture(action, begun_us, at_us - begun_us)
            yaw, pitch, roll = yaw + made.yaw, pitch + made.pitch, roll + made.roll
            facing, calm = max(facing, made.facing), max(calm, made.calm)
        return Gesture(yaw, pitch, roll, facing, calm)

    def _gesture(self, action: Action, begun_us: int, since_us: int) -> Gesture:
        if since_us <= 0:
            return Gesture()
        seconds, share = since_us / 1_000_000, since_us / DURATION_US[action]
        match action:
            case Action.NOD:
                dip = math.sin(math.pi * _NOD_HZ * seconds) ** 2
                again = _NOD_AGAIN if share > 0.5 else 1.0
                return Gesture(pitch=_NOD * dip * again)
            case Action.SHAKE:
                swing = math.sin(2.0 * math.pi * _SHAKE_HZ * seconds)
                return Gesture(yaw=_SHAKE * swing * math.sin(math.pi * share) ** 1.2)
            case Action.TILT:
                side = math.copysign(1.0, hashed(self._seed, _TILT_SIDE_CHANNEL, begun_us))
                held = _held(share, 0.30, 0.35)
                return Gesture(roll=_TILT * side * held, calm=_CALMED * held)
            case Action.LOOK_AT_CAMERA:
                held = _held(share, 0.20, 0.30)
                return Gesture(facing=held, calm=held)


def _held(share: float, rise: float, fall: float) -> float:
    """Up within the first share of a duration, down within the last, level between."""
    x = min(share / rise, (1.0 - share) / fall, 1.0)
    return x * x * x * (x * (6.0 * x - 15.0) + 10.0)
