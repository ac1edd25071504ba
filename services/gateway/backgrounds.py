"""From what a caller wants behind a person to what lip-sync can draw: pictures are judged first."""

from __future__ import annotations

from services.common.errors import UnsupportedMedia
from services.gateway.look import Background, Blurred, ImageAsset, PlainColour
from services.gateway.media import Background as Drawable
from services.gateway.media import Blur, Colour, Photo, Transparent
from services.gateway.moderation.approval import Approvals
from services.gateway.ports import Assets
from services.gateway.records import Asset, ImagePurpose


class Backgrounds:
    """The backgrounds of one gateway's videos and streams."""

    def __init__(self, assets: Assets, approvals: Approvals) -> None:
        self._assets = assets
        self._approvals = approvals

    async def approved(self, account_id: str, wanted: Background | None) -> Drawable | None:
        """What may be drawn.

        Raises AssetNotFound, UnsupportedMedia, ContentRejected, ReviewPending.
        """
        if isinstance(wanted, ImageAsset):
            asset = await self._picture(account_id, wanted)
            approver = self._approvals.for_job(account_id, "background")
            await approver.image(asset, ImagePurpose.BACKGROUND)
        return await self.drawable(account_id, wanted)

    async def drawable(self, account_id: str, wanted: Background | None) -> Drawable | None:
        """The same of what was approved before."""
        match wanted:
            case None:
                return None
            case PlainColour(rgb):
                return Colour(rgb)
            case Blurred(strength):
                return Blur(strength)
            case Transparent():
                return wanted
            case ImageAsset():
                asset = await self._picture(account_id, wanted)
                return Photo(asset.picture or asset.object)

    async def _picture(self, account_id: str, wanted: ImageAsset) -> Asset:
        asset = await self._assets.get(account_id, wanted.asset_id)
        if asset.kind != "image":
            raise UnsupportedMedia("the background's asset is not a picture")
        return asset
