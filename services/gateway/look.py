"""What a caller asks of a face and its scene, as the catalog keeps it with a video or a stream."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from services.gateway.media import Action, Expression, ExpressionName, MarkText, Transparent


@dataclass(frozen=True, slots=True)
class Cue:
    """Something to do at a time, or at the word that holds a character of the text."""

    time_us: int | None = None
    """On the clock of what is said."""
    text_offset: int | None = None
    """In code points from the text's start."""
    expression: Expression | None = None
    action: Action | None = None


@dataclass(frozen=True, slots=True)
class Performance:
    """How something is said."""

    expression: Expression | None = None
    """From its start; None: as the face looks anyway."""
    cues: tuple[Cue, ...] = ()


@dataclass(frozen=True, slots=True)
class PlainColour:
    """A background of one colour."""

    rgb: int
    """0xRRGGBB."""


@dataclass(frozen=True, slots=True)
class ImageAsset:
    """A background that was uploaded."""

    asset_id: str


@dataclass(frozen=True, slots=True)
class Blurred:
    """The portrait's own background, blurred."""

    strength: float


Background = PlainColour | ImageAsset | Blurred | Transparent


@dataclass(frozen=True, slots=True)
class Look:
    """All of it; without anything it is the avatar as it is."""

    performance: Performance = field(default_factory=Performance)
    background: Background | None = None
    """None: what the portrait shows."""
    mark: MarkText | None = None
    """What the mark in the pictures says; None: as the operator has set it."""
    unmarked: bool = False
    """Whether they bear none, as an agreement allows."""


def to_json(look: Look) -> dict[str, Any]:
    """As the catalog keeps it; what was not asked for is left out."""
    performance = look.performance
    return _known(
        expression=_expression_json(performance.expression),
        cues=[_cue_json(cue) for cue in performance.cues] or None,
        background=_background_json(look.background),
        mark=look.mark.value if look.mark else None,
        unmarked=look.unmarked or None,
    )


def from_json(value: Mapping[str, Any]) -> Look:
    """What `to_json` gave."""
    expression, background = value.get("expression"), value.get("background")
    return Look(
        Performance(_expression(expression), tuple(map(_cue, value.get("cues", ())))),
        _background(background) if background else None,
        MarkText(value["mark"]) if "mark" in value else None,
        bool(value.get("unmarked")),
    )


def _known(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _expression_json(expression: Expression | None) -> dict[str, Any] | None:
    if expression is None:
        return None
    return {"name": expression.name.value, "strength": expression.strength}


def _expression(value: Mapping[str, Any] | None) -> Expression | None:
    if value is None:
        return None
    return Expression(ExpressionName(value["name"]), float(value["strength"]))


def _cue_json(cue: Cue) -> dict[str, Any]:
    return _known(
        time_us=cue.time_us,
        text_offset=cue.text_offset,
        expression=_expression_json(cue.expression),
        action=cue.action.value if cue.action else None,
    )


def _cue(value: Mapping[str, Any]) -> Cue:
    # Numbers come back from the catalog as floats.
    time_us, text_offset = (
        int(value[name]) if name in value else None for name in ("time_us", "text_offset")
    )
    action = Action(value["action"]) if "action" in value else None
    return Cue(time_us, text_offset, _expression(value.get("expression")), action)


def _background_json(background: Background | None) -> dict[str, Any] | None:
    match background:
        case None:
            return None
        case PlainColour(rgb):
            return {"colour": rgb}
        case ImageAsset(asset_id):
            return {"asset_id": asset_id}
        case Blurred(strength):
            return {"blur": strength}
        case Transparent():
            return {"transparent": True}


def _background(value: Mapping[str, Any]) -> Background:
    match value:
        case {"colour": rgb}:
            return PlainColour(int(rgb))
        case {"asset_id": asset_id}:
            return ImageAsset(str(asset_id))
        case {"transparent": _}:
            return Transparent()
        case _:
            return Blurred(float(value["blur"]))
