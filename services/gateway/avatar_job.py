"""One avatar job: the pack is built, and the catalog learns how that ended."""

from __future__ import annotations

import structlog
from structlog.contextvars import bound_contextvars
from vultus.events.v1 import events_pb2 as events

from services.common.errors import (
    AvatarNotFound,
    ContentRejected,
    DomainError,
    Internal,
    StateConflict,
)
from services.common.jetstream import Delivery, Discard, RetryLater, retry_delay_s
from services.gateway.jobs import parse_job
from services.gateway.moderation.records import ReviewStatus
from services.gateway.moderation.reviews import Reviews
from services.gateway.ports import Animator, Avatars, Objects
from services.gateway.records import Avatar, AvatarPack, AvatarStatus
from services.gateway.strikes import Strikes
from services.gateway.trouble import trouble_of

log = structlog.get_logger()


class AvatarJobs:
    """Handles the deliveries of the queue `avatars`.

    Two workers that build the same avatar write the same objects; the first to finish counts.
    """

    def __init__(
        self,
        avatars: Avatars,
        animator: Animator,
        objects: Objects,
        strikes: Strikes,
        reviews: Reviews,
        *,
        max_attempts: int,
        max_strikes: int,
    ) -> None:
        self._avatars = avatars
        self._animator = animator
        self._objects = objects
        self._strikes = strikes
        self._reviews = reviews
        self._max_attempts = max_attempts
        self._max_strikes = max_strikes

    async def handle(self, delivery: Delivery) -> None:
        """Returns when the avatar is ready or has failed; raises RetryLater or Discard."""
        job = parse_job(delivery, events.AvatarJob())
        with bound_contextvars(avatar_id=job.avatar_id):
            try:
                avatar = await self._avatars.get(job.account_id, job.avatar_id)
            except AvatarNotFound:
                return
            if avatar.status is AvatarStatus.PREPARING and await self._may_be_built(avatar):
                await self._attempt(avatar, delivery.attempt)

    async def _may_be_built(self, avatar: Avatar) -> bool:
        """Whether nobody is awaited who might refuse the portrait; ends one that was refused."""
        if not avatar.review_id:
            return True
        review = await self._reviews.records.get(avatar.account_id, avatar.review_id)
        if review.status is ReviewStatus.REJECTED:
            labels = ",".join(dict.fromkeys(finding.label for finding in review.findings))
            refused = "a person refused the picture" if review.decided else "nobody approved it"
            error = ContentRejected(f"{refused} ({labels})", categories=labels)
            await self._finish(avatar, AvatarStatus.REJECTED, error=error)
        return review.status is ReviewStatus.APPROVED

    async def _attempt(self, avatar: Avatar, attempt: int) -> None:
        strikes = await self._strikes.begin(avatar.id)
        if strikes > self._max_strikes:
            await self._bury(avatar)
        try:
            pack = await self._animator.prepare(
                avatar.portrait, pack=avatar.pack, preview=avatar.preview
            )
        except Internal as error:
            if strikes >= self._max_strikes:
                await self._bury(avatar)
            log.exception("avatar.broken", strikes=strikes)
            raise RetryLater(retry_delay_s(strikes), error.reason) from error
        except DomainError as error:
            await self._strikes.end(avatar.id)
            if error.retryable and attempt < self._max_attempts:
                raise RetryLater(retry_delay_s(attempt), error.reason) from error
            await self._finish(avatar, AvatarStatus.FAILED, error=error)
        else:
            await self._strikes.end(avatar.id)
            await self._finish(avatar, AvatarStatus.READY, pack=pack)

    async def _bury(self, avatar: Avatar) -> None:
        error = Internal("the avatar can't be built")
        await self._finish(avatar, AvatarStatus.FAILED, error=error)
        await self._strikes.end(avatar.id)
        raise Discard("it broke its worker or failed by a defect again and again")

    async def _finish(
        self,
        avatar: Avatar,
        status: AvatarStatus,
        *,
        error: DomainError | None = None,
        pack: AvatarPack | None = None,
    ) -> None:
        log.info("avatar.ended", status=status.value, reason=error.reason if error else None)
        trouble = trouble_of(error) if error else None
        try:
            await self._avatars.finish(
                avatar.account_id, avatar.id, status, error=trouble, pack=pack
            )
        except StateConflict:
            log.info("avatar.finished_elsewhere")
        except AvatarNotFound:
            log.info("avatar.erased_meanwhile")
            await self._objects.delete([avatar.pack, avatar.preview])
