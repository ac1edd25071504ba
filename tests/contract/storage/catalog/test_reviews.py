"""Reviews and what hangs on them: jobs that wait, files that are kept for them, what is erased."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import select

from services.common.errors import InvalidInput, StateConflict
from services.gateway.consents import Attested
from services.gateway.moderation.policy import Patience, Policy
from services.gateway.moderation.records import NewReview, Review, ReviewKind, ReviewStatus
from services.gateway.records import AvatarStatus, Trouble, Video, VideoStatus
from services.storage.catalog.records import AssetKind
from services.storage.catalog.tables import assets, reviews
from tests.contract.storage.catalog.conftest import House
from tests.fakes.people import DOUBT

CLAUSE = NewReview(
    ReviewKind.TEXT, "ab" * 32, "video", DOUBT, Patience(3_600, approve=False), "a bet on it"
)
REFUSED = Trouble("content_rejected", "refused", categories=("gambling",))


async def held(house: House, account_id: str, new: NewReview = CLAUSE) -> tuple[Video, Review]:
    """A job that waits for a review."""
    video = await house.videos.create(account_id, await house.new_video(account_id))
    review = await house.reviews.open(account_id, new)
    await house.videos.lease(account_id, video.id, holder="wk", lease_s=30)
    return await put_aside(house, video, review), review


async def put_aside(house: House, video: Video, review: Review) -> Video:
    return await house.videos.update(
        video.account_id,
        video.id,
        holder="wk",
        status=VideoStatus.MODERATING,
        progress=0.0,
        review_id=review.id,
    )


async def stranded(house: House) -> list[str]:
    found = await house.videos.stranded(idle_s=60)
    return [*(video.id for video in found.videos), *(avatar.id for avatar in found.avatars)]


async def content(house: House, review: Review) -> tuple[str, str]:
    async with house.database.read() as tx:
        row = await tx.one(select(reviews).where(reviews.c.id == review.id))
        return await tx.unseal(reviews.c.text, row.account_id, row.text), row.asset_id


async def test_a_job_that_waits_for_a_person_is_not_stranded_until_its_time_is_over(
    house: House,
) -> None:
    account = await house.account()
    video, review = await held(house, account.id)
    assert (video.status, video.review_id) == (VideoStatus.MODERATING, review.id)
    house.clock.advance(minutes=10)
    assert video.id not in await stranded(house)
    house.clock.advance(hours=1)
    assert video.id in await stranded(house)


async def test_an_avatar_likewise(house: House) -> None:
    account = await house.account()
    review = await house.reviews.open(account.id, CLAUSE)
    asset = await house.asset(account.id)
    avatar = await house.avatars.create(
        account.id,
        name="Ada",
        asset_id=asset.id,
        owns_asset=True,
        review_id=review.id,
        consent=Attested("key_1"),
    )
    assert avatar.review_id == review.id
    house.clock.advance(minutes=10)
    assert avatar.id not in await stranded(house)
    decided = await house.reviews.decide(account.id, review.id, ReviewStatus.APPROVED, author="key")
    assert decided.avatar_ids == (avatar.id,)
    assert avatar.id in await stranded(house)


async def test_a_decision_tells_which_jobs_waited(house: House) -> None:
    account = await house.account()
    first, review = await held(house, account.id)
    second, _ = await held(house, account.id)
    await house.videos.cancel(account.id, first.id)
    decided = await house.reviews.decide(account.id, review.id, ReviewStatus.APPROVED, author="key")
    assert decided.video_ids == (second.id,)
    assert second.id in await stranded_later(house)


async def stranded_later(house: House) -> list[str]:
    house.clock.advance(minutes=2)
    return await stranded(house)


async def test_a_job_that_waits_can_be_taken_up_and_cancelled(house: House) -> None:
    account = await house.account()
    video, _ = await held(house, account.id)
    await house.videos.lease(account.id, video.id, holder="other", lease_s=30)
    marked = await house.videos.cancel(account.id, video.id)
    assert not marked.ended
    with pytest.raises(StateConflict):
        await put_aside(house, video, await house.reviews.open(account.id, CLAUSE))


async def test_a_job_that_was_to_stop_is_cancelled_when_it_is_put_aside(house: House) -> None:
    account = await house.account()
    video = await house.video(account.id)
    review = await house.reviews.open(account.id, CLAUSE)
    await house.videos.lease(account.id, video.id, holder="wk", lease_s=30)
    await house.videos.update(
        account.id, video.id, holder="wk", status=VideoStatus.MODERATING, progress=0.0
    )
    await house.videos.cancel(account.id, video.id)
    assert (await put_aside(house, video, review)).status is VideoStatus.CANCELLED


async def test_a_review_belongs_to_moderating_alone(house: House) -> None:
    account = await house.account()
    video = await house.video(account.id)
    await house.videos.lease(account.id, video.id, holder="wk", lease_s=30)
    with pytest.raises(InvalidInput, match="MODERATING"):
        await house.videos.update(
            account.id,
            video.id,
            holder="wk",
            status=VideoStatus.RENDERING,
            progress=0.1,
            review_id="rv_1",
        )


async def test_nobody_is_asked_for_a_job_that_is_gone(house: House) -> None:
    account = await house.account()
    video, review = await held(house, account.id)
    other, _ = await held(house, account.id)
    await house.videos.delete(account.id, video.id)
    assert (await house.reviews.get(account.id, review.id)).pending
    await house.videos.cancel(account.id, other.id)
    told = await house.reviews.get(account.id, review.id)
    assert (told.status, told.text) == (ReviewStatus.REJECTED, "")
    assert (await house.reviews.open(account.id, CLAUSE)).text == "a bet on it"


async def test_a_picture_that_was_refused_is_erased_with_its_avatar_s_record_left(
    house: House,
) -> None:
    account = await house.account()
    avatar = await house.preparing(account.id, owns_asset=True)
    await house.avatars.finish(account.id, avatar.id, AvatarStatus.REJECTED, error=REFUSED)
    await house.erasures.work_off()
    assert not house.objects.kept
    assert (await house.avatars.get(account.id, avatar.id)).status is AvatarStatus.REJECTED


async def test_contents_are_erased_a_month_after_the_end_unless_they_are_learnt_from(
    house: House,
) -> None:
    account = await house.account()
    sound = await house.asset(account.id, AssetKind.AUDIO)
    clauses = {
        "kept": await house.reviews.open(account.id, CLAUSE),
        "gone": await house.reviews.open(account.id, replace(CLAUSE, content_sha256="1" * 64)),
        "lapsed": await house.reviews.open(
            account.id,
            replace(
                CLAUSE,
                content_sha256="2" * 64,
                kind=ReviewKind.AUDIO,
                text="",
                asset_id=sound.id,
                owns_asset=True,
            ),
        ),
    }
    for name, for_training in (("kept", True), ("gone", False)):
        await house.reviews.decide(
            account.id,
            clauses[name].id,
            ReviewStatus.REJECTED,
            author="key",
            for_training=for_training,
        )
    house.clock.advance(days=29)
    await house.review_records.purge()
    assert await content(house, clauses["gone"]) == ("a bet on it", "")
    house.clock.advance(days=2)
    await house.review_records.purge()
    await house.erasures.work_off()
    assert await content(house, clauses["kept"]) == ("a bet on it", "")
    assert await content(house, clauses["gone"]) == ("", "")
    assert await content(house, clauses["lapsed"]) == ("", "")
    assert not house.objects.kept
    told = await house.reviews.get(account.id, clauses["gone"].id)
    assert len(told.decisions) == 1


async def test_of_two_files_of_one_content_one_is_kept(house: House) -> None:
    account = await house.account()
    first, second = [await house.asset(account.id, AssetKind.AUDIO) for _ in range(2)]
    sound = replace(CLAUSE, kind=ReviewKind.AUDIO, text="", owns_asset=True)
    review = await house.reviews.open(account.id, replace(sound, asset_id=first.id))
    await house.reviews.open(account.id, replace(sound, asset_id=second.id))
    async with house.database.read() as tx:
        left = [row.id for row in await tx.all(select(assets))]
    assert left == [first.id]
    house.clock.advance(hours=2)
    third = await house.asset(account.id, AssetKind.AUDIO)
    anew = await house.reviews.open(account.id, replace(sound, asset_id=third.id))
    assert (anew.id, anew.asset_id) == (review.id, third.id)
    async with house.database.read() as tx:
        assert [row.id for row in await tx.all(select(assets))] == [third.id]


async def test_of_policies_made_at_once_none_is_lost(house: House) -> None:
    account = await house.account()
    made = await asyncio.gather(
        *(
            house.policies.put(
                account.id, Policy(allow=(f"phrase {n}",)), author="k", expected_version=None
            )
            for n in range(8)
        ),
        return_exceptions=True,
    )
    versions = [one.policy.version for one in made if not isinstance(one, BaseException)]
    assert all(isinstance(one, StateConflict) for one in made if isinstance(one, BaseException))
    kept = await house.policies.list(account.id, limit=100, before=0)
    assert sorted(versions) == sorted(one.policy.version for one in kept)


@pytest.mark.parametrize("time_limit_s", [0, 31 * 86_400])
async def test_a_review_waits_neither_no_time_nor_for_ever(house: House, time_limit_s: int) -> None:
    account = await house.account()
    with pytest.raises(InvalidInput):
        await house.reviews.open(
            account.id, replace(CLAUSE, patience=Patience(time_limit_s, approve=False))
        )
