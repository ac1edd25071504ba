"""Policies and reviews in memory, with the rules of the real catalog."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from services.common.errors import DomainError, PolicyNotFound, ReviewNotFound, StateConflict
from services.common.ids import new_id
from services.gateway.moderation.policy import Policy
from services.gateway.moderation.records import (
    Decided,
    Decision,
    NewReview,
    PolicyVersion,
    Review,
    ReviewStatus,
)
from services.gateway.records import AvatarStatus, Page
from tests.fakes.catalog import FakeAvatars, page_of
from tests.fakes.videos import FakeVideos


@dataclass
class FakePolicies:
    """Policies of all accounts."""

    now: Callable[[], datetime]
    kept: dict[str, builtins.list[PolicyVersion]] = field(default_factory=dict)

    async def get(self, account_id: str, version: int | None = None) -> PolicyVersion:
        versions = self._versions(account_id)
        if version is None:
            return versions[-1]
        if version >= len(versions):
            raise PolicyNotFound("no such version of the policy")
        return versions[version]

    async def put(
        self, account_id: str, policy: Policy, *, author: str, expected_version: int | None
    ) -> PolicyVersion:
        versions = self._versions(account_id)
        holds = versions[-1].policy.version
        if expected_version is not None and expected_version != holds:
            raise StateConflict(f"version {holds} of the policy holds by now")
        if holds and replace(policy, version=holds) == versions[-1].policy:
            return versions[-1]
        made = PolicyVersion(replace(policy, version=holds + 1), author, self.now())
        versions.append(made)
        return made

    async def list(
        self, account_id: str, *, limit: int, before: int
    ) -> builtins.list[PolicyVersion]:
        newest_first = reversed(self._versions(account_id)[1:])
        mine = [one for one in newest_first if not before or one.policy.version < before]
        return mine[:limit]

    def _versions(self, account_id: str) -> builtins.list[PolicyVersion]:
        return self.kept.setdefault(account_id, [PolicyVersion(Policy(), "", None)])


@dataclass
class FakeReviews:
    """Reviews of all accounts; their time runs out by `now`."""

    now: Callable[[], datetime]
    videos: FakeVideos
    avatars: FakeAvatars
    kept: dict[str, Review] = field(default_factory=dict)
    by_content: dict[tuple[str, str], str] = field(default_factory=dict)
    error: DomainError | None = None

    async def open(self, account_id: str, new: NewReview, *, known_id: str = "") -> Review:
        if self.error:
            raise self.error
        due_at = self.now() + timedelta(seconds=new.patience.time_limit_s)
        review_id = self.by_content.get((account_id, new.content_sha256))
        if review_id is None:
            return self._begin(account_id, new, due_at)
        kept = self.kept[review_id]
        if kept.decided:
            return kept
        lapsed = kept.due_at <= self.now()
        if lapsed and known_id == review_id:
            return self._told(kept)
        later = due_at if lapsed else max(due_at, kept.due_at)
        self.kept[review_id] = replace(kept, due_at=later)
        return self._told(self.kept[review_id])

    def _begin(self, account_id: str, new: NewReview, due_at: datetime) -> Review:
        approve = new.patience.approve
        otherwise = ReviewStatus.APPROVED if approve else ReviewStatus.REJECTED
        review = Review(
            id=new_id("rv"),
            account_id=account_id,
            kind=new.kind,
            purpose=new.purpose,
            text=new.text,
            asset_id=new.asset_id,
            findings=new.verdict.findings,
            policy_version=new.verdict.policy_version,
            status=ReviewStatus.PENDING,
            decided=False,
            otherwise=otherwise,
            due_at=due_at,
            decided_at=None,
            for_training=False,
            created_at=self.now(),
        )
        self.by_content[account_id, new.content_sha256] = review.id
        self.kept[review.id] = review
        return review

    async def get(self, account_id: str, review_id: str) -> Review:
        review = self.kept.get(review_id)
        if review is None or review.account_id != account_id:
            raise ReviewNotFound("no such review")
        return self._told(review)

    async def list(
        self,
        account_id: str,
        *,
        status: ReviewStatus | None = None,
        for_training: bool = False,
        limit: int,
        cursor: str,
    ) -> Page[Review]:
        mine = [
            replace(self._told(review), decisions=())
            for review in self.kept.values()
            if review.account_id == account_id
            and (not for_training or review.for_training)
            and status in {None, self._told(review).status}
        ]
        return page_of(mine, limit, cursor, "rv")

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
        review = await self.get(account_id, review_id)
        decision = Decision(status, author, note, self.now())
        self.kept[review_id] = replace(
            review,
            status=status,
            decided=True,
            decided_at=self.now(),
            for_training=review.for_training if for_training is None else for_training,
            decisions=(*review.decisions, decision),
        )
        return Decided(
            self.kept[review_id],
            tuple(
                video.id
                for video in self.videos.kept.values()
                if video.review_id == review_id and not video.ended
            ),
            tuple(
                avatar.id
                for avatar in self.avatars.kept.values()
                if avatar.review_id == review_id and avatar.status is AvatarStatus.PREPARING
            ),
        )

    def _told(self, review: Review) -> Review:
        if review.decided or review.due_at > self.now():
            return review
        return replace(review, status=review.otherwise)
