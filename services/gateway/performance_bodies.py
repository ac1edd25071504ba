"""How callers write what a face is to do, and are told of it: HTTP and the control socket alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from services.common.errors import InvalidInput
from services.gateway.look import Cue, Performance
from services.gateway.media import Action, Expression, ExpressionName

MAX_CUES = 500
MAX_TIME_MS = 3_600_000
_US_PER_MS = 1000

ExpressionLiteral = Literal["neutral", "happy", "serious", "surprised", "sad"]
ActionLiteral = Literal["nod", "shake", "tilt", "look_at_camera"]


class _Part(BaseModel):
    model_config = ConfigDict(
        extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


class ExpressionBody(_Part):
    """How the face looks, beside what it says. It blends in and out within about 0.4 s."""

    name: ExpressionLiteral
    strength: float = Field(default=1.0, ge=0.0, le=1.0)

    @classmethod
    def of(cls, expression: Expression | None) -> Self | None:
        """As it was asked for."""
        if expression is None:
            return None
        return cls(name=expression.name.value, strength=expression.strength)

    def expression(self) -> Expression:
        """The gateway's own word for it."""
        return Expression(ExpressionName(self.name), self.strength)


def _one_of(*names: str) -> dict[str, JsonValue]:
    return {"oneOf": [{"required": [name]} for name in names]}


class CueTime(_Part):
    """When: at a time, or at a word of the text."""

    model_config = ConfigDict(json_schema_extra=_one_of("time_ms", "text_offset"))

    time_ms: int | None = Field(default=None, ge=0, le=MAX_TIME_MS)
    """On the clock of what is said: 0 is its first sound."""
    text_offset: int | None = Field(default=None, ge=0)
    """At the word that holds this character (Unicode code point) of the text, or comes after it."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.time_ms is None) == (self.text_offset is None):
            raise ValueError("send either time_ms or text_offset")
        return self


class CueBody(_Part):
    """Something that the face does at a moment."""

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": ["expression"]}, {"required": ["action"]}]}
    )

    at: CueTime
    expression: ExpressionBody | None = None
    """From then on, until the next cue that has one or the end of what is said."""
    action: ActionLiteral | None = None
    """What the head does, once."""

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.expression is None and self.action is None:
            raise ValueError("a cue has an expression, an action, or both")
        return self

    @classmethod
    def of(cls, cue: Cue) -> Self:
        """As it was asked for."""
        time_ms = None if cue.time_us is None else cue.time_us // _US_PER_MS
        return cls(
            at=CueTime(time_ms=time_ms, text_offset=cue.text_offset),
            expression=ExpressionBody.of(cue.expression),
            action=cue.action.value if cue.action else None,
        )

    def cue(self, last_spoken: int | None) -> Cue:
        """The gateway's own word for it; what follows the last letter belongs to the last word."""
        offset, time_ms = self.at.text_offset, self.at.time_ms
        if offset is not None and last_spoken is not None:
            offset = min(offset, last_spoken)
        return Cue(
            None if time_ms is None else time_ms * _US_PER_MS,
            offset,
            self.expression.expression() if self.expression else None,
            Action(self.action) if self.action else None,
        )


class PerformanceBody(_Part):
    """How something is said: the expression it begins with, and cues."""

    expression: ExpressionBody | None = None
    """From the start; left out, the face keeps the look that it has."""
    cues: list[CueBody] = Field(default_factory=list, max_length=MAX_CUES)

    @classmethod
    def of(cls, performance: Performance) -> Self | None:
        """As it was asked for; None when nothing was."""
        if performance == Performance():
            return None
        return cls(
            expression=ExpressionBody.of(performance.expression),
            cues=[CueBody.of(cue) for cue in performance.cues],
        )

    def wrong_offsets(self, text: str | None) -> Iterator[tuple[str, str]]:
        """Each cue whose place is not in the text, or that has a place where there is none."""
        for number, cue in enumerate(self.cues):
            offset, place = cue.at.text_offset, f"cues.{number}.at.text_offset"
            if offset is None:
                continue
            if text is None:
                yield place, "a recording has no text: use time_ms"
            elif offset >= len(text):
                yield place, f"the text has {len(text)} characters"

    def performance(self, text: str | None) -> Performance:
        """The gateway's own word for it."""
        letters = (n for n, letter in enumerate(reversed(text or "")) if letter.isalnum())
        last = next(letters, None)
        last_spoken = None if text is None or last is None else len(text) - 1 - last
        expression = self.expression.expression() if self.expression else None
        return Performance(expression, tuple(cue.cue(last_spoken) for cue in self.cues))


def performance_of(request: PerformanceBody | None, text: str | None) -> Performance:
    """What is asked, nothing if nothing is. Raises InvalidInput when a cue is beyond the text."""
    if request is None:
        return Performance()
    for place, fault in request.wrong_offsets(text):
        raise InvalidInput(f"performance.{place}: {fault}")
    return request.performance(text)
