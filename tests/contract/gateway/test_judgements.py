"""What the gateway relies on of the record of moderation holds for the fake and the real one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from services.common.errors import PolicyNotFound, ReviewNotFound, StateConflict
from services.gateway.moderation.policies import PolicyRecords
from services.gateway.moderation.policy import (
    DeniedPhrase,
    LabelRule,
    Patience,
    Policy,
    Reviewing,
    Uncovered,
)
from services.gateway.moderation.records import NewReview, ReviewKind, ReviewStatus
from services.gateway.moderation.reviews import ReviewRecords
from services.gateway.records import Suggestion
from tests.contract.gateway.test_catalog import Clock
from tests.contract.storage.catalog.conftest import open_house
from tests.fakes.people import DOUBT
from tests.fakes.stage import Stage

PENDING, APPROVED, REJECTED = ReviewStatus.PENDING, ReviewStatus.APPROVED, ReviewStatus.REJECTED
STRICT = Policy(
    (
        LabelRule("fraud", Suggestion.BLOCK),
        LabelRule("gambling", None, review_from=0.25, block_from=0.75),
    ),
    (DeniedPhrase("miracle cure", "illicit", Suggestion.REVIEW),),
    ("poker face",),
    ("en", "zh"),
    Uncovered.REVIEW,
    Reviewing(True, Patience(3_600, approve=True), Patience(15, approve=False)),
)
CLAUSE = NewReview(
    ReviewKind.TEXT, "ab" * 32, "video", DOUBT, Patience(3_600, approve=False), "a bet on it"
)


@dataclass
class Record:
    """The ports of one record of moderation, and two accounts in it."""

    policies: PolicyRecords
    reviews: ReviewRecords
    clock: Clock
    account: str
    other: str

    async def put(self, policy: Policy, expected: int | None = None) -> int:
        made = await self.policies.put(
            self.account, policy, author="key_1", expected_version=expected
        )
        return made.policy.version


@pytest.fixture(params=["fake", "real"])
async def record(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Record]:
    async with AsyncExitStack() as stack:
        if request.param == "fake":
            stage = Stage()
            other, _ = stage.stranger()
            yield Record(stage.policies, stage.reviews, stage.clock, stage.account.id, other.id)
            return
        url = URL.create("sqlite+aiosqlite", database=str(tmp_path / "catalog.sqlite"))
        house = await stack.enter_async_context(open_house(url))
        account, other = await house.account(), await house.account()
        yield Record(house.policies, house.reviews, house.clock, account.id, other.id)


async def test_without_a_policy_there_is_version_0(record: Record) -> None:
    known = await record.policies.get(record.account)
    assert (known.policy, known.author, known.created_at) == (Policy(), "", None)
    assert await record.policies.get(record.account, 0) == known
    assert list(await record.policies.list(record.account, limit=10, before=0)) == []


async def test_every_version_of_a_policy_is_kept(record: Record) -> None:
    assert await record.put(STRICT) == 1
    assert await record.put(replace(STRICT, allow=())) == 2
    latest = await record.policies.get(record.account)
    assert latest.policy == replace(STRICT, allow=(), version=2)
    assert latest.author == "key_1"
    assert latest.created_at is not None
    first = await record.policies.get(record.account, 1)
    assert first.policy == replace(STRICT, version=1)
    versions = await record.policies.list(record.account, limit=10, before=0)
    assert [one.policy.version for one in versions] == [2, 1]
    versions = await record.policies.list(record.account, limit=10, before=2)
    assert [one.policy.version for one in versions] == [1]
    assert (await record.policies.get(record.other)).policy.version == 0
    with pytest.raises(PolicyNotFound):
        await record.policies.get(record.account, 3)


async def test_a_policy_that_holds_already_makes_no_version(record: Record) -> None:
    assert [await record.put(STRICT), await record.put(STRICT)] == [1, 1]


async def test_of_two_authors_the_second_learns_of_the_first(record: Record) -> None:
    assert await record.put(STRICT, expected=0) == 1
    with pytest.raises(StateConflict):
        await record.put(Policy(), expected=0)
    assert await record.put(Policy(), expected=1) == 2


async def test_a_review_waits_until_it_is_decided_or_its_time_is_over(record: Record) -> None:
    review = await record.reviews.open(record.account, CLAUSE)
    assert (review.status, review.decided, review.decisions) == (PENDING, False, ())
    assert (review.text, review.findings) == ("a bet on it", DOUBT.findings)
    assert review.due_at - review.created_at >= timedelta(seconds=3_599)
    record.clock.advance(seconds=3_601)
    lapsed = await record.reviews.get(record.account, review.id)
    assert (lapsed.status, lapsed.decided) == (REJECTED, False)


async def test_the_same_content_is_one_review_of_its_account(record: Record) -> None:
    review = await record.reviews.open(record.account, CLAUSE)
    longer = replace(CLAUSE, patience=Patience(7_200, approve=False))
    again = await record.reviews.open(record.account, longer)
    assert again.id == review.id
    assert again.due_at > review.due_at
    other = await record.reviews.open(record.other, CLAUSE)
    assert other.id != review.id
    with pytest.raises(ReviewNotFound):
        await record.reviews.get(record.account, other.id)
    with pytest.raises(ReviewNotFound):
        await record.reviews.decide(record.account, other.id, APPROVED, author="key_1")


async def test_what_lapsed_is_asked_anew_but_not_for_who_waited(record: Record) -> None:
    review = await record.reviews.open(record.account, CLAUSE)
    record.clock.advance(seconds=3_601)
    over = await record.reviews.open(record.account, CLAUSE, known_id=review.id)
    assert over.status is REJECTED
    anew = await record.reviews.open(record.account, CLAUSE)
    assert (anew.id, anew.status) == (review.id, PENDING)


async def test_every_decision_is_kept_and_the_last_one_holds(record: Record) -> None:
    review = await record.reviews.open(record.account, CLAUSE)
    await record.reviews.decide(record.account, review.id, REJECTED, author="key_1", note="no")
    decided = await record.reviews.decide(
        record.account, review.id, APPROVED, author="key_2", for_training=True
    )
    assert (decided.video_ids, decided.avatar_ids) == ((), ())
    told = await record.reviews.get(record.account, review.id)
    assert told == decided.review
    assert (told.status, told.decided, told.for_training) == (APPROVED, True, True)
    history = [(one.status, one.author, one.note) for one in told.decisions]
    assert history == [(REJECTED, "key_1", "no"), (APPROVED, "key_2", "")]
    record.clock.advance(days=2)
    assert (await record.reviews.open(record.account, CLAUSE)).status is APPROVED


async def test_reviews_are_listed_by_where_they_stand(record: Record) -> None:
    ids = []
    for number in range(3):
        new = replace(CLAUSE, content_sha256=f"{number:064x}")
        ids.append((await record.reviews.open(record.account, new)).id)
    await record.reviews.decide(record.account, ids[0], APPROVED, author="k", for_training=True)

    async def listed(status: ReviewStatus | None = None, for_training: bool = False) -> list[str]:
        page = await record.reviews.list(
            record.account, status=status, for_training=for_training, limit=10, cursor=""
        )
        return [review.id for review in page.items]

    assert await listed() == ids[::-1]
    assert await listed(PENDING) == [ids[2], ids[1]]
    assert await listed(APPROVED) == [ids[0]]
    assert await listed(for_training=True) == [ids[0]]
    record.clock.advance(seconds=3_601)
    assert await listed(PENDING) == []
    assert await listed(REJECTED) == [ids[2], ids[1]]
    page = await record.reviews.list(record.account, limit=2, cursor="")
    rest = await record.reviews.list(record.account, limit=2, cursor=page.next_cursor)
    assert [one.id for one in (*page.items, *rest.items)] == ids[::-1]
