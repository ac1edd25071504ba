"""What the HTTP API takes as JSON, as OpenAPI shows it."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    model_validator,
)

from services.gateway.http.background_bodies import BackgroundBody
from services.gateway.http.fields import (
    METADATA_NAMES,
    Attestation,
    Even,
    Id,
    MetadataKey,
    MetadataValue,
    Name,
    ScriptText,
    SpeechText,
    WebAddress,
)
from services.gateway.look import Background
from services.gateway.performance_bodies import PerformanceBody
from services.gateway.sizes import MAX_SHORT_SIDE, MIN_SIDE


class Request(BaseModel):
    """A body; what it does not know is refused."""

    model_config = ConfigDict(
        extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


class AvatarFromAsset(Request):
    """An avatar of a picture that was uploaded before."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [{"required": ["subject_authorised"]}, {"required": ["consent_id"]}]
        }
    )

    asset_id: Id = Field(examples=["as_01JAZ5W7Q2M8N4P6R8T0V2X4Z6"])
    name: Name = Field(examples=["Ada"])
    subject_authorised: Attestation = False
    """True: the person shown allows this use. Without it, and without `consent_id`, the avatar is
    refused with `consent_required`."""
    consent_id: Id | None = Field(default=None, examples=["cn_01JAZ5W7Q2M8N4P6R8T0V2X4Z6"])
    """The consent that the avatar is made under; left out, one is recorded for it."""


class SpeechRequest(Request):
    """A text to be said."""

    voice_id: Id = Field(examples=["vo_en_heart"])
    text: SpeechText = Field(examples=["Hello from Vultus."])
    speed: float = Field(default=1.0, ge=0.5, le=2.0)
    format: Literal["wav", "mp3", "opus"] = "wav"


_RECORDED: dict[str, JsonValue] = {
    "if": {"properties": {"script": {"properties": {"type": {"const": "audio"}}}}},
    "then": {
        "properties": {
            "voice_id": {"type": "null"},
            "speed": {"type": "null"},
            "output": {"properties": {"subtitles": {"enum": ["none", None]}}},
        }
    },
}
"""A recording has its own voice, and its words are not known."""


class TextScript(Request):
    """A text, spoken in a voice."""

    type: Literal["text"]
    text: ScriptText = Field(examples=["Hello from Vultus."])


class AudioScript(Request):
    """A recording that was uploaded before."""

    type: Literal["audio"]
    asset_id: Id = Field(examples=["as_01JAZ5W7Q2M8N4P6R8T0V2X4Z6"])


class Picture(Request):
    """What the pictures are to be like."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"properties": {side: {"maximum": MAX_SHORT_SIDE}}} for side in ("width", "height")
            ]
        }
    )

    width: Even | None = None
    """Pixels, even. Given alone, the height follows the avatar's shape."""
    height: Even | None = None
    """Pixels, even. The short side has 256 to 1080."""
    fps: Literal[25, 30] = 25
    background: BackgroundBody | None = None
    """What stands behind the person; left out: what the portrait shows."""
    mark: bool = True
    """False: no visible mark, as an agreement allows (`PUT /v1/account/unlabelled-agreement`)."""

    @model_validator(mode="after")
    def _short_side(self) -> Self:
        sides = [side for side in (self.width, self.height) if side]
        if len(sides) == 2 and min(sides) > MAX_SHORT_SIDE:
            raise ValueError(f"the short side may have {MIN_SIDE} to {MAX_SHORT_SIDE} pixels")
        return self

    def wanted_background(self) -> Background | None:
        """The gateway's own word for it."""
        return self.background.background() if self.background else None


class Output(Picture):
    """What the file is to be like."""

    subtitles: Literal["none", "sidecar"] | None = None
    """`sidecar` keeps them beside the video: the default for a text, not known for a recording."""


class VideoRequest(Request):
    """A video to be made."""

    model_config = ConfigDict(json_schema_extra={"allOf": [_RECORDED]})

    avatar_id: Id = Field(examples=["av_01JAZ5W7Q2M8N4P6R8T0V2X4Z6"])
    script: Annotated[TextScript | AudioScript, Field(discriminator="type")]
    voice_id: Id | None = Field(default=None, examples=["vo_en_heart"])
    """For a text; left out, a voice of the text's language speaks."""
    speed: float | None = Field(default=None, ge=0.5, le=2.0)
    """For a text; 1 when left out."""
    output: Output = Field(default_factory=Output)
    performance: PerformanceBody | None = None
    """How it is said: expressions and actions, on the clock of the speech."""
    webhook_url: WebAddress | None = Field(default=None, examples=["https://example.com/hook"])
    """Told when the video ends, signed after Standard Webhooks."""
    metadata: dict[MetadataKey, MetadataValue] = Field(
        default_factory=dict, max_length=50, json_schema_extra=METADATA_NAMES
    )
    """Your own data, given back with the video."""

    @model_validator(mode="after")
    def _fits_script(self) -> Self:
        if isinstance(self.script, AudioScript):
            if self.voice_id is not None or self.speed is not None:
                raise ValueError("a recording has its own voice: leave out voice_id and speed")
            if self.output.subtitles == "sidecar":
                raise ValueError("subtitles are made from a text, not from a recording")
        return self
