"""From portrait files to packs, previews and renderers: the slow work, in the caller's thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, assert_never

from services.common.image import decode_image
from services.lipsync.animation import Renderer
from services.lipsync.backdrop import Backdrop, Blur, Colour, Photo, Transparent
from services.lipsync.pack import AvatarPack
from services.lipsync.portrait import Inspection, PackBuilder, PortraitInspector, preview_jpeg
from services.lipsync.renderer import PictureRenderer
from services.lipsync.renderer.scene import Behind, Scene, covering, out_of_focus, plain


class Batched(Protocol):
    """Draws the frames of many sessions at once."""

    def renderer(self, drawn: PictureRenderer) -> Renderer:
        """What draws as `drawn` does."""
        ...


class PictureStudio:
    """Makes picture avatars of photos."""

    def __init__(
        self,
        inspector: PortraitInspector,
        builder: PackBuilder,
        batched: Batched | None = None,
    ) -> None:
        """`batched`: what draws on a GPU, if there is one; else each session draws on its own."""
        self._inspector = inspector
        self._builder = builder
        self._batched = batched

    def inspect(self, portrait: bytes) -> Inspection:
        """What is seen in an image file; raises the errors of InspectPortrait."""
        return self._inspector.inspect(decode_image(portrait))

    def build(self, portrait: bytes, progress: Callable[[float], None]) -> AvatarPack:
        """The pack of an image file; calls `progress` with rising shares of 1."""
        return self._builder.build(decode_image(portrait), progress)

    def preview(self, pack: AvatarPack) -> bytes:
        """A JPEG of the avatar."""
        return preview_jpeg(pack)

    def renderer(
        self, pack: AvatarPack, width: int, height: int, backdrop: Backdrop | None = None
    ) -> Renderer:
        """What draws the avatar at a size, before a backdrop or what the portrait shows.

        Raises ImageUndecodable and ImageTooLarge when the backdrop's file is no good.
        """
        scene: Scene | None = None
        if backdrop is not None:
            scene = Scene(_behind(backdrop), self._builder.likelihood(pack))
        drawn = PictureRenderer(pack, width, height, scene)
        return drawn if self._batched is None else self._batched.renderer(drawn)


def _behind(backdrop: Backdrop) -> Behind | None:
    match backdrop:
        case Colour(red, green, blue):
            return plain(red, green, blue)
        case Photo(data):
            return covering(decode_image(data))
        case Blur(strength):
            return out_of_focus(strength)
        case Transparent():
            return None
        case _:
            assert_never(backdrop)
