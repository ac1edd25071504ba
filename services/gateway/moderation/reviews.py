"""Contents that wait for a person, and what the person decides."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Protocol

import structlog

from services.common.errors import AvatarNotFound, DomainError, Unavailable, VideoNotFound
from services.gateway.jobs import Jobs, News
from services.gateway.moderation.records import Decided, NewReview, Review, ReviewStatus
from services.gateway.ports import Avatars, Videos
from services.gateway.records import Page

log = structlog.get_logger()

_LOOK_EVERY_S = 5.0
_PAGE = 100


class ReviewRecords(Protocol):
    """The record of reviews."""

    async def open(self, account_id: str, new: NewReview, *, known_id: str = "") -> Review:
        """The content's review; one that lapsed is opened anew unless `known_id` names it."""

    async def get(self, account_id: str, review_id: str) -> Review:
        """One review. Raises ReviewNotFound."""

    async def list(
        self,
        account_id: str,
        *,
        status: ReviewStatus | None = None,
        for_training: bool = False,
        limit: int,
        cursor: str,
    ) -> Page[Review]:
        """A page of the account's reviews, newest first."""

    async def decide(
        self,
        account_id: str,
        review_id: str,
        status: ReviewStatus,
        *,
        author: str,
        note: str = "",
        for_training: bool | None = None,
    ) -> Decided:
        """Decides a review, or decides it otherwise. Raises ReviewNotFound."""


class Reviews:
    """Opens reviews, waits for them, and lets go on what they held."""

    def __init__(
        self, records: ReviewRecords, videos: Videos, avatars: Avatars, jobs: Jobs, news: News
    ) -> None:
        self.records = records
        self._videos = videos
        self._avatars = avatars
        self._jobs = jobs
        self._news = news

    async def open(self, account_id: str, new: NewReview, *, known_id: str = "") -> Review:
        """The content's review, which may be decided already."""
        review = await self.records.open(account_id, new, known_id=known_id)
        if review.pending:
            log.info(
                "review.opened",
                account_id=account_id,
                review_id=review.id,
                kind=review.kind.value,
                purpose=review.purpose,
                labels=[finding.label for finding in review.findings],
            )
        return review

    async def decision(self, review: Review, *, within_s: float) -> Review:
        """The review once it is decided, or as it stands after `within_s`."""
        decided = asyncio.Event()
        with suppress(TimeoutError):
            async with (
                asyncio.timeout(within_s),
                self._news.on_decision(review.account_id, review.id, decided.set),
            ):
                while review.pending:
                    decided.clear()
                    with suppress(Unavailable):
                        review = await self.records.get(review.account_id, review.id)
                    if review.pending:
                        with suppress(TimeoutError):
                            async with asyncio.timeout(_LOOK_EVERY_S):
                                await decided.wait()
        return review

    async def decide(
        self,
        account_id: str,
        review_id: str,
        status: ReviewStatus,
        *,
        author: str,
        note: str = "",
        for_training: bool | None = None,
    ) -> Review:
        """Decides a review, or decides it otherwise; what waited for it goes on.

        Raises ReviewNotFound.
        """
        decided = await self.records.decide(
            account_id, review_id, status, author=author, note=note, for_training=for_training
        )
        log.info(
            "review.decided",
            account_id=account_id,
            review_id=review_id,
            status=status.value,
            author=author,
        )
        await self._news.review_decided(account_id, review_id)
        await self._go_on(account_id, decided)
        return decided.review

    async def _go_on(self, account_id: str, decided: Decided) -> None:
        """Queues what waited; what is missed here is found standing still later."""
        again = f".{decided.review.id}.{len(decided.review.decisions)}"
        try:
            for video_id in decided.video_ids:
                with suppress(VideoNotFound):
                    video = await self._videos.get(account_id, video_id)
                    await self._jobs.make_video(video, again=again)
            for avatar_id in decided.avatar_ids:
                with suppress(AvatarNotFound):
                    avatar = await self._avatars.get(account_id, avatar_id)
                    await self._jobs.prepare_avatar(avatar, again=again)
        except DomainError as error:
            log.warning("review.not_queued", review_id=decided.review.id, reason=error.reason)

    async def for_training(self, account_id: str) -> AsyncGenerator[Review, None]:
        """Every decided review that its owner lets be learnt from, newest first."""
        cursor = ""
        while True:
            page = await self.records.list(
                account_id, for_training=True, limit=_PAGE, cursor=cursor
            )
            for review in page.items:
                if review.decided and review.text:
                    yield review
            cursor = page.next_cursor
            if not cursor:
                return
