"""What the HTTP API takes for live streams, as OpenAPI shows it."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from services.gateway.http.background_bodies import OpaqueBackground
from services.gateway.http.bodies import Picture, Request
from services.gateway.http.fields import DriveText, Id
from services.gateway.performance_bodies import (
    ActionLiteral,
    ExpressionBody,
    PerformanceBody,
)

MAX_DURATION_S = 86_400
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")]


class StreamRequest(Picture):
    """A stream to be opened."""

    avatar_id: Id = Field(examples=["av_01JAZ5W7Q2M8N4P6R8T0V2X4Z6"])
    voice_id: Id | None = Field(default=None, examples=["vo_en_heart"])
    """Speaks all texts; left out, a voice of each text's language does."""
    background: OpaqueBackground = None
    """What stands behind the person; left out: what the portrait shows. Never transparent."""
    idle_timeout_s: int = Field(default=900, ge=5, le=MAX_DURATION_S)
    """The stream ends when nothing was said, or sent to be said, for so long."""
    max_duration_s: int = Field(default=MAX_DURATION_S, ge=5, le=MAX_DURATION_S)
    """The stream ends after so long, whatever happens in it."""
    record: bool = False
    """Keep all of it as a video, there when the stream has ended."""
    expression: ExpressionBody | None = None
    """How the face looks, until it is changed; a drive may have another."""


class StreamChange(Request):
    """What is to be different in a stream from now on."""

    expression: ExpressionBody
    """How the face looks wherever a drive has no expression of its own."""


class ActionRequest(Request):
    """Something that the head does now, once."""

    name: ActionLiteral


class TokenRequest(Request):
    """A token to be made."""

    rights: list[Literal["view", "control"]] = Field(default=["view"], min_length=1, max_length=2)
    """`view`: watch the stream; `control`: drive it."""
    ttl_s: int = Field(default=300, ge=1, le=MAX_DURATION_S)
    single_use: bool = False
    """The token opens one connection, once."""


class DriveRequest(Request):
    """Something to be said: a text or a recording that was uploaded before."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": ["text"]}, {"required": ["audio_asset_id"]}],
        }
    )

    text: DriveText | None = Field(default=None, examples=["Hello, and welcome."])
    audio_asset_id: Id | None = Field(default=None, examples=["as_01JAZ5W7Q2M8N4P6R8T0V2X4Z6"])
    mode: Literal["queue", "interrupt"] = "queue"
    """After what is said and waits, or instead of all that."""
    language: Language | None = Field(default=None, examples=["en"])
    """Of the recording; known, it is heard sooner."""
    performance: PerformanceBody | None = None
    """How it is said: expressions and actions, on the clock of this drive."""

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.text is None) == (self.audio_asset_id is None):
            raise ValueError("send either text or audio_asset_id")
        return self


class InterruptRequest(Request):
    """What is to be stopped."""

    drive_id: Id | None = None
    """One drive; left out: what is said and all that waits."""
