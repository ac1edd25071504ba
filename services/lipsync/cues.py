"""What a caller may ask of a face beside speech: moods, actions, and when."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class MoodName(StrEnum):
    """How a face can look."""

    NEUTRAL = "neutral"
    HAPPY = "happy"
    SERIOUS = "serious"
    SURPRISED = "surprised"
    SAD = "sad"


class Action(StrEnum):
    """What a head can do, once."""

    NOD = "nod"
    SHAKE = "shake"
    TILT = "tilt"
    LOOK_AT_CAMERA = "look_at_camera"


@dataclass(frozen=True, slots=True)
class Mood:
    """A look and its strength, 0 to 1."""

    name: MoodName = MoodName.NEUTRAL
    strength: float = 1.0


@dataclass(frozen=True, slots=True)
class Cue:
    """Something to do at a time: a mood from then on, an action, or both."""

    at_us: int
    mood: Mood | None = None
    action: Action | None = None
