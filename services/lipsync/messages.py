"""Moods, actions, cues, backdrops and marks: from the wire's messages to the domain's words."""

from __future__ import annotations

from collections.abc import Iterable

from vultus.lipsync.v1 import lipsync_service_pb2 as wire

from services.common.errors import InvalidInput
from services.lipsync.animation import Animation
from services.lipsync.backdrop import Blur, Colour, Transparent
from services.lipsync.cues import Action, Cue, Mood, MoodName
from services.lipsync.mark import Mark, MarkText

_MOODS = {
    wire.MOOD_NEUTRAL: MoodName.NEUTRAL,
    wire.MOOD_HAPPY: MoodName.HAPPY,
    wire.MOOD_SERIOUS: MoodName.SERIOUS,
    wire.MOOD_SURPRISED: MoodName.SURPRISED,
    wire.MOOD_SAD: MoodName.SAD,
}
_ACTIONS = {
    wire.ACTION_NOD: Action.NOD,
    wire.ACTION_SHAKE: Action.SHAKE,
    wire.ACTION_TILT: Action.TILT,
    wire.ACTION_LOOK_AT_CAMERA: Action.LOOK_AT_CAMERA,
}
_MARK_TEXTS = {
    wire.MARK_TEXT_ENGLISH: MarkText.ENGLISH,
    wire.MARK_TEXT_CHINESE: MarkText.CHINESE,
}
_WHITE = 0xFFFFFF


class Performed:
    """What an act asks of an animation, checked before it is applied."""

    def __init__(self, act: wire.Act) -> None:
        """Raises InvalidInput."""
        self._standing = _mood(act.standing) if act.HasField("standing") else None
        self._action = _action(act.action) if act.HasField("action") else None
        if self._standing is None and self._action is None:
            raise InvalidInput("an act holds a standing expression, an action, or both")

    def __call__(self, animation: Animation) -> None:
        """Applies it."""
        if self._standing is not None:
            animation.stand(self._standing)
        if self._action is not None:
            animation.act(self._action)


def backdrop(message: wire.Background) -> Colour | Blur | Transparent:
    """A background that needs no file; raises InvalidInput."""
    match message.WhichOneof("kind"):
        case "colour_rgb" if message.colour_rgb <= _WHITE:
            red, green, blue = message.colour_rgb.to_bytes(3, "big")
            return Colour(red, green, blue)
        case "blur" if 0.0 <= message.blur <= 1.0:
            return Blur(message.blur)
        case "transparent":
            return Transparent()
        case _:
            raise InvalidInput(
                "a background is a colour 0xRRGGBB, an image, a blur of 0 to 1, or transparent"
            )


def mark(message: wire.Mark) -> Mark:
    """What is drawn into the pictures; raises InvalidInput."""
    if message.text not in _MARK_TEXTS or message.visible_us < 0:
        raise InvalidInput("a mark holds a known text and a time that is not negative")
    return Mark(_MARK_TEXTS[message.text], message.visible_us or None)


def cues(messages: Iterable[wire.Cue]) -> list[Cue]:
    """Cues on the clock of the utterance; raises InvalidInput."""
    return [_cue(message) for message in messages]


def _cue(message: wire.Cue) -> Cue:
    mood = _mood(message.expression) if message.HasField("expression") else None
    action = _action(message.action) if message.HasField("action") else None
    if message.at_us < 0 or (mood is None and action is None):
        raise InvalidInput("a cue holds a time, and an expression, an action, or both")
    return Cue(message.at_us, mood, action)


def _mood(message: wire.Expression) -> Mood:
    if message.mood not in _MOODS or not 0.0 <= message.strength <= 1.0:
        raise InvalidInput("an expression holds a known mood and a strength of 0 to 1")
    return Mood(_MOODS[message.mood], message.strength)


def _action(number: wire.Action.ValueType) -> Action:
    if number not in _ACTIONS:
        raise InvalidInput("an action is unknown")
    return _ACTIONS[number]
