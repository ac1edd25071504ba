"""How callers write what stands behind a person, and how they are told of it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from services.gateway.http.fields import Id
from services.gateway.look import Background, Blurred, ImageAsset, PlainColour
from services.gateway.media import Transparent


class _Background(BaseModel):
    model_config = ConfigDict(
        extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


class OriginalBackground(_Background):
    """What the portrait shows."""

    type: Literal["original"]

    def background(self) -> Background | None:
        """The gateway's own word for it."""
        return None


class ColourBackground(_Background):
    """One colour."""

    type: Literal["colour"]
    colour: Annotated[str, StringConstraints(pattern=r"^#[0-9a-fA-F]{6}$")] = Field(
        examples=["#00b140"]
    )

    def background(self) -> Background | None:
        """The gateway's own word for it."""
        return PlainColour(int(self.colour[1:], 16))


class ImageBackground(_Background):
    """A picture that was uploaded before, cut to the video's shape."""

    type: Literal["image"]
    asset_id: Id = Field(examples=["as_01JAZ5W7Q2M8N4P6R8T0V2X4Z6"])

    def background(self) -> Background | None:
        """The gateway's own word for it."""
        return ImageAsset(self.asset_id)


class BlurBackground(_Background):
    """What the portrait shows, out of focus."""

    type: Literal["blur"]
    strength: float = Field(default=0.5, ge=0.0, le=1.0)
    """From hardly blurred to no shapes left."""

    def background(self) -> Background | None:
        """The gateway's own word for it."""
        return Blurred(self.strength)


class TransparentBackground(_Background):
    """Nothing: the file is a WebM with alpha."""

    type: Literal["transparent"]

    def background(self) -> Background | None:
        """The gateway's own word for it."""
        return Transparent()


def _opaque(value: Any) -> Any:
    if isinstance(value, dict) and value.get("type") == "transparent":
        raise ValueError(
            "a live stream can't be transparent, since H.264 over WebRTC has no alpha: possible "
            "are original, colour, image and blur; a colour such as #00b140 can be keyed out"
        )
    return value


_Opaque = OriginalBackground | ColourBackground | ImageBackground | BlurBackground
BackgroundBody = Annotated[_Opaque | TransparentBackground, Field(discriminator="type")]

OpaqueBackground = Annotated[
    Annotated[_Opaque, Field(discriminator="type")] | None, BeforeValidator(_opaque)
]
"""As a stream can have it; None: what the portrait shows."""


def told_background(background: Background | None) -> BackgroundBody:
    """As it was asked for."""
    match background:
        case None:
            return OriginalBackground(type="original")
        case PlainColour(rgb):
            return ColourBackground(type="colour", colour=f"#{rgb:06x}")
        case ImageAsset(asset_id):
            return ImageBackground(type="image", asset_id=asset_id)
        case Blurred(strength):
            return BlurBackground(type="blur", strength=strength)
        case Transparent():
            return TransparentBackground(type="transparent")
