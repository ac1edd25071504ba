"""From a picture to an avatar: judged before it is kept, and nothing is left when it is refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import structlog

from services.common.errors import DomainError, Unavailable, UnsupportedMedia
from services.gateway.jobs import Jobs
from services.gateway.pipeline import require_pass
from services.gateway.ports import Animator, Assets, Avatars, Moderator
from services.gateway.records import Asset, Avatar

log = structlog.get_logger()

_IMAGE = "image"


class AvatarMaker:
    """Makes avatars; the caller has seen to the consent."""

    def __init__(
        self,
        assets: Assets,
        avatars: Avatars,
        moderator: Moderator,
        animator: Animator,
        jobs: Jobs,
    ) -> None:
        self._assets = assets
        self._avatars = avatars
        self._moderator = moderator
        self._animator = animator
        self._jobs = jobs

    async def from_asset(self, account_id: str, asset_id: str, *, name: str) -> Avatar:
        """An avatar, preparing, of a picture that was uploaded before; the picture stays."""
        asset = await self._assets.get(account_id, asset_id)
        if asset.kind != _IMAGE:
            raise UnsupportedMedia("the asset is not a picture")
        return await self._made(account_id, asset, name=name, owns_asset=False)

    async def from_upload(
        self, account_id: str, *, file_name: str, data: AsyncIterator[bytes], name: str
    ) -> Avatar:
        """An avatar, preparing, of a picture that is erased again when it can't be used."""
        asset = await self._assets.upload(
            account_id, file_name=file_name, accept_kinds=(_IMAGE,), data=data
        )
        try:
            return await self._made(account_id, asset, name=name, owns_asset=True)
        except BaseException:
            await asyncio.shield(self._erase(account_id, asset))
            raise

    async def _made(self, account_id: str, asset: Asset, *, name: str, owns_asset: bool) -> Avatar:
        portrait = asset.picture or asset.object
        require_pass(await self._moderator.check_image(portrait), "picture")
        await self._animator.inspect(portrait)
        avatar = await self._avatars.create(
            account_id, name=name, asset_id=asset.id, owns_asset=owns_asset
        )
        try:
            await self._jobs.prepare_avatar(avatar)
        except Unavailable as error:
            # It is recorded: a worker will find it standing still and queue it again.
            log.warning("avatar.not_queued", avatar_id=avatar.id, reason=error.reason)
        return avatar

    async def _erase(self, account_id: str, asset: Asset) -> None:
        try:
            await self._assets.delete(account_id, asset.id)
        except DomainError as error:
            log.warning("asset.left_behind", asset_id=asset.id, reason=error.reason)
