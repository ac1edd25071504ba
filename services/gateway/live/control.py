"""The control socket's protocol: messages of one controller in, its wishes carried out.

Text frames are JSON objects with a `type`; binary frames are sound of the drive that is listening.
A message that can't be carried out is answered with an `error` and changes nothing.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from services.common.errors import DomainError, InvalidInput, StateConflict
from services.gateway.live.director import Director
from services.gateway.live.drives import Drive
from services.gateway.live.events import Event
from services.gateway.live.inputs import SoundInput, TextInput
from services.gateway.live.session import Session
from services.gateway.media import Act, Action, Expression, ExpressionName
from services.gateway.performance_bodies import (
    ActionLiteral,
    ExpressionLiteral,
    PerformanceBody,
    performance_of,
)

MAX_TEXT_BYTES = 100_000
_CREDIT_STEP_S = 1.0
"""How often a sender of sound is told how much more it may send."""


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    event_id: str | None = Field(default=None, max_length=64)


class _Drive(_Message):
    type: Literal["drive"]
    text: str
    mode: Literal["queue", "interrupt"] = "queue"
    performance: PerformanceBody | None = None


class _TextDelta(_Message):
    type: Literal["text.delta"]
    text: str
    mode: Literal["queue", "interrupt"] = "queue"
    """Of the drive that the first delta begins."""
    performance: PerformanceBody | None = None
    """With the first delta alone; its places are in the whole text, which nobody knows yet."""


class _TextEnd(_Message):
    type: Literal["text.end"]


class _AudioStart(_Message):
    type: Literal["audio.start"]
    sample_rate: int
    channels: Literal[1] = 1
    language: str | None = Field(default=None, pattern=r"^[a-z]{2,3}$")
    mode: Literal["queue", "interrupt"] = "queue"
    performance: PerformanceBody | None = None


class _AudioEnd(_Message):
    type: Literal["audio.end"]


class _Interrupt(_Message):
    type: Literal["interrupt"]
    drive_id: str | None = Field(default=None, max_length=64)


class _Expression(_Message):
    type: Literal["expression"]
    name: ExpressionLiteral
    strength: float = Field(default=1.0, ge=0.0, le=1.0, allow_inf_nan=False)


class _Action(_Message):
    type: Literal["action"]
    name: ActionLiteral


class _Ping(_Message):
    type: Literal["ping"]


_Any = Annotated[
    _Drive
    | _TextDelta
    | _TextEnd
    | _AudioStart
    | _AudioEnd
    | _Interrupt
    | _Expression
    | _Action
    | _Ping,
    Field(discriminator="type"),
]
_ADAPTER: TypeAdapter[Any] = TypeAdapter(_Any)


class Controller:
    """One controller of a session; what it began and did not finish ends with it."""

    def __init__(self, session: Session, director: Director) -> None:
        self._session = session
        self._director = director
        self._text: tuple[Drive, TextInput] | None = None
        self._sound: tuple[Drive, SoundInput] | None = None
        self._credit_s = 0.0

    async def take_text(self, frame: str) -> Event | None:
        """Carries out a text frame; the answer is for this controller alone."""
        event_id = None
        try:
            message = _parse(frame)
            event_id = message.event_id
            return await self._carry_out(message)
        except DomainError as error:
            return problem(error, event_id)

    def take_sound(self, frame: bytes) -> Event | None:
        """Takes a binary frame; the answer is for this controller alone."""
        try:
            if self._sound is None:
                raise StateConflict("send audio.start before sound")
            _, sound = self._sound
            sound.add(frame)
        except DomainError as error:
            return problem(error, None)
        if abs(sound.credit_s - self._credit_s) < _CREDIT_STEP_S:
            return None
        return Event("flow", {"credits": self._credits(sound)})

    def close(self) -> None:
        """The controller is gone: what it was sending is complete."""
        for _, source in (one for one in (self._text, self._sound) if one):
            source.close()
        self._text = self._sound = None

    async def _carry_out(self, message: Any) -> Event | None:
        match message:
            case _Drive():
                return await self._say(message)
            case _TextDelta():
                return await self._write(message)
            case _TextEnd():
                self._end_text()
            case _AudioStart():
                return await self._listen(message)
            case _AudioEnd():
                self._end_sound()
            case _Interrupt():
                await self._session.drives.interrupt(message.drive_id)
            case _Expression(name=name, strength=strength):
                expression = Expression(ExpressionName(name), strength)
                self._session.playout.act(Act(standing=expression))
            case _Action(name=name):
                self._session.playout.act(Act(action=Action(name)))
            case _Ping():
                return Event("pong", _echo(message))
        return None

    async def _say(self, message: _Drive) -> Event:
        drive = await self._director.say(
            self._session,
            message.text,
            interrupt=message.mode == "interrupt",
            performance=performance_of(message.performance, message.text),
        )
        return _accepted(drive, message)

    async def _write(self, message: _TextDelta) -> Event | None:
        if self._text is not None and self._text[0].ended:
            self._text = None
        begun = self._text is None
        if self._text is None:
            asked = message.performance or PerformanceBody()
            self._text = await self._director.write(
                self._session,
                interrupt=message.mode == "interrupt",
                performance=asked.performance(None),
            )
        elif message.performance is not None:
            raise InvalidInput("performance: send it with the first text.delta")
        drive, text = self._text
        text.add(message.text)
        return _accepted(drive, message) if begun else None

    def _end_text(self) -> None:
        if self._text is None:
            raise StateConflict("no text is being written")
        self._text[1].close()
        self._text = None

    async def _listen(self, message: _AudioStart) -> Event:
        """Tells also how much may be sent at once: a sender need not wait for it."""
        if self._sound is not None and not self._sound[0].ended:
            raise StateConflict("send audio.end before another audio.start")
        self._sound = await self._director.listen(
            self._session,
            message.sample_rate,
            interrupt=message.mode == "interrupt",
            language=message.language,
            performance=performance_of(message.performance, None),
        )
        drive, sound = self._sound
        return _accepted(drive, message, credits=self._credits(sound))

    def _end_sound(self) -> None:
        if self._sound is None:
            raise StateConflict("no sound is being sent")
        self._sound[1].close()
        self._sound = None

    def _credits(self, sound: SoundInput) -> int:
        self._credit_s = sound.credit_s
        return int(sound.credit_s * 1000)


def problem(error: DomainError, event_id: str | None) -> Event:
    """An error as an event, with the id of the message that it answers."""
    fields: dict[str, object] = {
        "problem": {
            "code": error.code,
            "title": error.title,
            "detail": error.message,
            "retryable": error.retryable,
        }
    }
    if event_id is not None:
        fields["in_reply_to"] = event_id
    return Event("error", fields)


def _parse(frame: str) -> Any:
    if len(frame) > MAX_TEXT_BYTES:
        raise InvalidInput(f"a message may have {MAX_TEXT_BYTES} characters")
    try:
        return _ADAPTER.validate_python(json.loads(frame))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise InvalidInput(f"{place}: {first['msg']}" if place else first["msg"]) from error
    except (ValueError, RecursionError) as error:
        raise InvalidInput("the message is not JSON") from error


def _echo(message: _Message) -> dict[str, object]:
    return {} if message.event_id is None else {"in_reply_to": message.event_id}


def _accepted(drive: Drive, message: _Message, **more: object) -> Event:
    return Event("drive.accepted", {"drive_id": drive.id, **more, **_echo(message)})
