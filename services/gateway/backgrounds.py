"""From what a caller wants behind a person to what lip-sync can draw: pictures are judged first."""

from __future__ import annotations

from services.common.errors import UnsupportedMedia
from services.gateway.look import Background, Blurred, ImageAsset, PlainColour
from services.gateway.media import Background as Drawable
from services.gateway.media import Blur, Colour, Photo
from services.gateway.pipeline import require_pass
from services.gateway.ports import Assets, Moderator


class Backgrounds:
    """The backgrounds of one gateway's videos and streams."""

    def __init__(self, assets: Assets, moderator: Moderator) -> None:
        self._assets = assets
        self._moderator = moderator

    async def approved(self, account_id: str, wanted: Background | None) -> Drawable | None:
        """What may be drawn. Raises AssetNotFound, UnsupportedMedia, ContentRejected."""
        drawable = await self.drawable(account_id, wanted)
        if isinstance(drawable, Photo):
            require_pass(await self._moderator.check_image(drawable.picture), "background")
        return drawable

    async def drawable(self, account_id: str, wanted: Background | None) -> Drawable | None:
        """The same of what was approved before."""
        match wanted:
            case None:
                return None
            case PlainColour(rgb):
                return Colour(rgb)
            case Blurred(strength):
                return Blur(strength)
            case ImageAsset(asset_id):
                asset = await self._assets.get(account_id, asset_id)
                if asset.kind != "image":
                    raise UnsupportedMedia("the background's asset is not a picture")
                return Photo(asset.picture or asset.object)
