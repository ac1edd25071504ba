"""Limits hold where things begin, also for two that begin at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import pytest

from services.common.errors import AccountNotFound, InvalidInput, QuotaExceeded, QuotaUsedUp
from services.common.ids import new_id
from services.gateway.records import StreamStatus
from services.gateway.usage import Quota
from tests.contract.storage.catalog.conftest import LIMITS, House
from tests.contract.storage.catalog.test_usage import finished, live, midday, now_of


async def limit(house: House, account_id: str, **limits: int | None) -> None:
    await house.usage.set_quotas(account_id, limits, unset=())


async def quota(house: House, account_id: str, name: str) -> Quota:
    return next(one for one in await house.usage.quotas(account_id) if one.name == name)


async def outcomes(*begun: Awaitable[object]) -> list[str]:
    told = await asyncio.gather(*begun, return_exceptions=True)
    return sorted(getattr(one, "reason", "") if isinstance(one, Exception) else "" for one in told)


async def test_every_limit_is_told_with_what_is_used_of_it(house: House) -> None:
    account = await house.account()
    told = {one.name: one for one in await house.usage.quotas(account.id)}
    assert {name: told[name].limit for name in LIMITS} == LIMITS
    assert told["stored_bytes"].limit is None
    assert (told["videos_at_once"].used, told["videos_at_once"].is_own) == (0, False)
    month = told["video_s_a_month"]
    now = await now_of(house)
    assert month.resets_at is not None
    assert month.resets_at > now
    assert (month.resets_at.day, month.resets_at.hour) == (1, 0)
    await house.video(account.id)
    await house.stream(account.id)
    assert (await quota(house, account.id, "videos_at_once")).used == 1
    assert (await quota(house, account.id, "streams_at_once")).used == 1


async def test_of_many_streams_at_once_no_more_begin_than_may(house: House) -> None:
    account, other = await house.account(), await house.account()
    spec = (await house.stream(account.id)).spec
    await limit(house, account.id, streams_at_once=3)
    begun = [house.streams.create(account.id, spec) for _ in range(8)]
    assert await outcomes(*begun) == ["", ""] + ["QUOTA_EXCEEDED"] * 6
    await house.stream(other.id)
    with pytest.raises(QuotaExceeded) as refused:
        await house.streams.create(account.id, spec)
    assert refused.value.context == {"quota": "streams_at_once", "limit": "3", "used": "3"}
    assert refused.value.retry_after_s
    (first, *_) = (await house.streams.list(account.id, limit=10, cursor="")).items
    await house.streams.move(account.id, first.id, StreamStatus.ENDED, reason="deleted")
    await house.streams.create(account.id, spec)


async def test_of_many_videos_at_once_no_more_are_queued_than_may(house: House) -> None:
    account = await house.account()
    new = await house.new_video(account.id)
    await limit(house, account.id, videos_at_once=2)
    begun = [house.videos.create(account.id, new) for _ in range(6)]
    assert await outcomes(*begun) == ["", ""] + ["QUOTA_EXCEEDED"] * 4
    (video, *_) = (await house.videos.list(account.id, limit=10, cursor="")).items
    await house.videos.cancel(account.id, video.id)
    await house.videos.create(account.id, new)


async def test_a_recording_is_the_streams_and_never_refused(house: House) -> None:
    account = await house.account()
    stream = await live(house, account.id)
    await limit(house, account.id, videos_at_once=0, video_s_a_month=0)
    assert (await house.recording(stream)).spec.stream_id == stream.id


async def test_a_month_that_is_used_up_ends_with_the_month(house: House) -> None:
    account = await house.account()
    await midday(house)
    new = await house.new_video(account.id)
    await finished(house, account.id)
    await limit(house, account.id, video_s_a_month=3)
    await finished(house, account.id)
    with pytest.raises(QuotaUsedUp) as refused:
        await house.videos.create(account.id, new)
    resets_at = (await quota(house, account.id, "video_s_a_month")).resets_at
    assert resets_at is not None
    facts = {"quota": "video_s_a_month", "limit": "3", "used": "5"}
    assert refused.value.context == facts | {"resets_at": resets_at.isoformat()}
    house.clock.ahead += resets_at - await now_of(house)
    await house.videos.create(account.id, new)


async def test_speech_and_streams_have_their_months_too(house: House) -> None:
    account = await house.account()
    await midday(house)
    spec = (await house.stream(account.id)).spec
    await limit(house, account.id, speech_s_a_month=2, stream_s_a_month=60)
    await house.usage.record_speech(account.id, "sp_1", duration_ms=1_999)
    await house.usage.require_speech(account.id)
    await house.usage.record_speech(account.id, "sp_2", duration_ms=1)
    with pytest.raises(QuotaUsedUp):
        await house.usage.require_speech(account.id)
    stream = await live(house, account.id)
    house.clock.advance(seconds=61)
    await house.streams.move(account.id, stream.id, StreamStatus.ENDED, reason="deleted")
    with pytest.raises(QuotaUsedUp):
        await house.streams.create(account.id, spec)


async def test_no_more_is_stored_than_may(house: House) -> None:
    account = await house.account()
    asset = await house.asset(account.id)
    await limit(house, account.id, stored_bytes=6)
    await house.asset(account.id)
    with pytest.raises(QuotaUsedUp) as refused:
        await house.asset(account.id)
    assert refused.value.context == {"quota": "stored_bytes", "limit": "6", "used": "6"}
    await house.assets.delete(account.id, asset.id)
    await house.asset(account.id)


async def test_limits_are_set_lifted_and_given_back_to_the_default(house: House) -> None:
    account, other = await house.account(), await house.account()
    await limit(house, account.id, streams_at_once=None, videos_at_once=1)
    lifted = await quota(house, account.id, "streams_at_once")
    assert (lifted.limit, lifted.is_own) == (None, True)
    assert (await quota(house, other.id, "streams_at_once")).limit == 50
    told = await house.usage.set_quotas(account.id, {}, unset=["streams_at_once"])
    assert {(one.name, one.limit) for one in told} >= {
        ("streams_at_once", 50),
        ("videos_at_once", 1),
    }


async def test_limits_that_are_none_are_refused(house: House) -> None:
    account = await house.account()
    wrong: list[dict[str, int | None]] = [{"streams_at_once": -1}, {"colours_at_once": 1}]
    for limits in wrong:
        with pytest.raises(InvalidInput):
            await house.usage.set_quotas(account.id, limits, unset=())
    with pytest.raises(AccountNotFound):
        await house.usage.set_quotas(new_id("ac"), {}, unset=())
    with pytest.raises(AccountNotFound):
        await house.usage.quotas(new_id("ac"))
