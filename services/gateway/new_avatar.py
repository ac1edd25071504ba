"""From a picture to an avatar: judged before it is kept, and nothing is left when it is refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import structlog

from services.common.errors import DomainError, ReviewPending, Unavailable, UnsupportedMedia
from services.gateway.consents import Attested
from services.gateway.jobs import Jobs
from services.gateway.moderation.approval import Approvals
from services.gateway.ports import Animator, Assets, Avatars
from services.gateway.records import Asset, Avatar, ImagePurpose

log = structlog.get_logger()

_IMAGE = "image"


class AvatarMaker:
    """Makes avatars; the caller has seen to the consent."""

    def __init__(
        self,
        assets: Assets,
        avatars: Avatars,
        approvals: Approvals,
        animator: Animator,
        jobs: Jobs,
    ) -> None:
        self._assets = assets
        self._avatars = avatars
        self._approvals = approvals
        self._animator = animator
        self._jobs = jobs

    async def from_asset(
        self, account_id: str, asset_id: str, *, name: str, consent: str | Attested
    ) -> Avatar:
        """An avatar, preparing, of a picture that was uploaded before; the picture stays."""
        asset = await self._assets.get(account_id, asset_id)
        if asset.kind != _IMAGE:
            raise UnsupportedMedia("the asset is not a picture")
        return await self._made(account_id, asset, name=name, owns_asset=False, consent=consent)

    async def from_upload(
        self,
        account_id: str,
        *,
        file_name: str,
        data: AsyncIterator[bytes],
        name: str,
        consent: str | Attested,
    ) -> Avatar:
        """An avatar, preparing, of a picture that is erased again when it can't be used."""
        asset = await self._assets.upload(
            account_id, file_name=file_name, accept_kinds=(_IMAGE,), data=data
        )
        try:
            return await self._made(account_id, asset, name=name, owns_asset=True, consent=consent)
        except BaseException:
            await asyncio.shield(self._erase(account_id, asset))
            raise

    async def _made(
        self,
        account_id: str,
        asset: Asset,
        *,
        name: str,
        owns_asset: bool,
        consent: str | Attested,
    ) -> Avatar:
        # First whether it can be used at all: nobody is to look at pictures that can't.
        await self._animator.inspect(asset.picture or asset.object)
        review_id = await self._review_id(account_id, asset)
        avatar = await self._avatars.create(
            account_id,
            name=name,
            asset_id=asset.id,
            owns_asset=owns_asset,
            review_id=review_id,
            consent=consent,
        )
        if review_id:
            return avatar
        try:
            await self._jobs.prepare_avatar(avatar)
        except Unavailable as error:
            # It is recorded: a worker will find it standing still and queue it again.
            log.warning("avatar.not_queued", avatar_id=avatar.id, reason=error.reason)
        return avatar

    async def _review_id(self, account_id: str, asset: Asset) -> str:
        """The review that the picture waits for; empty: it may be used."""
        approver = self._approvals.for_job(account_id, "avatar")
        try:
            await approver.image(asset, ImagePurpose.PORTRAIT)
        except ReviewPending as pending:
            return pending.context["review_id"]
        return ""

    async def _erase(self, account_id: str, asset: Asset) -> None:
        try:
            await self._assets.delete(account_id, asset.id)
        except DomainError as error:
            log.warning("asset.left_behind", asset_id=asset.id, reason=error.reason)
