"""What is used is counted once, on its day, whatever is killed or told again."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta

import pytest

from services.common.errors import AccountNotFound, InvalidInput, StateConflict
from services.common.ids import new_id
from services.gateway.records import StreamRecord, StreamStatus, VideoStatus
from services.gateway.usage import UsageOfDay
from services.storage.catalog.withdrawals import WITHDRAWN
from services.storage.usage.sampler import Sampler
from tests.contract.storage.catalog.conftest import House
from tests.contract.storage.catalog.test_videos import lease, move, result_of

DAY = timedelta(days=1)


async def used(house: House, account_id: str) -> list[UsageOfDay]:
    today = await today_of(house)
    return list(await house.usage.days(account_id, today - 30 * DAY, today + DAY))


async def today_of(house: House) -> date:
    return (await now_of(house)).date()


async def now_of(house: House) -> datetime:
    async with house.database.read() as tx:
        return await tx.now()


async def midday(house: House) -> None:
    """Moves the clock to the middle of the next day, so that no test runs over midnight."""
    now = await now_of(house)
    noon = datetime.combine(now.date() + DAY, datetime.min.time(), UTC) + timedelta(hours=12)
    house.clock.ahead += noon - now


async def finished(house: House, account_id: str) -> str:
    video = await house.video(account_id)
    await lease(house, video)
    await move(house, video, VideoStatus.SUCCEEDED, 1.0, result=result_of(video))
    return video.id


async def live(house: House, account_id: str) -> StreamRecord:
    stream = await house.stream(account_id)
    for status in (StreamStatus.CONNECTING, StreamStatus.LIVE):
        stream = await house.streams.move(account_id, stream.id, status)
    return stream


async def test_a_finished_video_is_counted_once_whoever_tells_it_again(house: House) -> None:
    account = await house.account()
    await midday(house)
    video = await house.video(account.id)
    await lease(house, video, "wk_1", lease_s=1)
    await move(house, video, VideoStatus.RENDERING, 0.5)
    house.clock.advance(seconds=2)
    await lease(house, video, "wk_2")
    done = result_of(video)
    await move(house, video, VideoStatus.SUCCEEDED, 1.0, holder="wk_2", result=done)
    for holder in ("wk_1", "wk_2"):
        with pytest.raises(StateConflict):
            await move(house, video, VideoStatus.SUCCEEDED, 1.0, holder=holder, result=done)
    today = await today_of(house)
    assert await used(house, account.id) == [UsageOfDay(today, video_ms=2_500, videos=1)]


async def test_a_video_that_fails_is_not_counted(house: House) -> None:
    account = await house.account()
    video = await house.video(account.id)
    await lease(house, video)
    await house.videos.cancel(account.id, video.id)
    assert await used(house, account.id) == []


async def test_a_stream_counts_from_live_to_its_end(house: House) -> None:
    account = await house.account()
    await midday(house)
    stream = await live(house, account.id)
    house.clock.advance(seconds=90)
    for _ in range(2):
        await house.streams.move(account.id, stream.id, StreamStatus.ENDED, reason="deleted")
    (day,) = await used(house, account.id)
    assert day.streams == 1
    assert 90_000 <= day.stream_ms < 100_000


async def test_a_stream_over_midnight_counts_on_both_days(house: House) -> None:
    account = await house.account()
    await midday(house)
    house.clock.advance(hours=11)
    stream = await live(house, account.id)
    house.clock.advance(hours=3)
    await house.streams.move(account.id, stream.id, StreamStatus.ENDED, reason="deleted")
    before, after = await used(house, account.id)
    assert after.day - before.day == DAY
    assert abs(before.stream_ms - 3_600_000) < 60_000
    assert abs(after.stream_ms - 7_200_000) < 60_000
    assert (before.streams, after.streams) == (0, 1)


async def test_a_stream_that_was_never_live_is_not_counted(house: House) -> None:
    account = await house.account()
    stream = await house.stream(account.id)
    house.clock.advance(seconds=90)
    await house.streams.move(account.id, stream.id, StreamStatus.FAILED, reason="internal")
    assert await used(house, account.id) == []


async def test_a_stream_that_ends_with_its_consent_is_counted(house: House) -> None:
    account = await house.account()
    await midday(house)
    stream = await live(house, account.id)
    avatar = await house.avatars.get(account.id, stream.spec.avatar_id)
    house.clock.advance(seconds=90)
    ended = await house.consents.withdraw(
        account.id, avatar.consent_id, note="", erase_videos=False
    )
    assert ended.end_reason == WITHDRAWN
    (day,) = await used(house, account.id)
    assert day.streams == 1
    assert 90_000 <= day.stream_ms < 100_000


async def test_what_streams_are_recorded_to_is_no_video_that_was_made(house: House) -> None:
    account = await house.account()
    recording = await house.recording(await live(house, account.id))
    await lease(house, recording)
    await move(house, recording, VideoStatus.SUCCEEDED, 1.0, result=result_of(recording))
    assert await used(house, account.id) == []


async def test_speech_is_counted_once_under_an_id_however_many_tell_it(house: House) -> None:
    account, other = await house.account(), await house.account()
    await midday(house)

    async def tell(account_id: str, usage_id: str) -> None:
        await house.usage.record_speech(account_id, usage_id, duration_ms=1_500)

    await asyncio.gather(*(tell(account.id, "sp_1") for _ in range(8)))
    await tell(account.id, "sp_2")
    await tell(other.id, "sp_1")
    today = await today_of(house)
    assert await used(house, account.id) == [UsageOfDay(today, speech_ms=3_000)]
    assert await used(house, other.id) == [UsageOfDay(today, speech_ms=1_500)]


async def test_many_that_count_at_once_lose_nothing(house: House) -> None:
    account = await house.account()
    await midday(house)
    ids = [new_id("sp") for _ in range(20)]
    told = (house.usage.record_speech(account.id, one, duration_ms=10) for one in ids)
    await asyncio.gather(*told)
    assert (await used(house, account.id))[0].speech_ms == 200


async def test_speech_of_nobody_or_of_no_length_is_refused(house: House) -> None:
    account = await house.account()
    with pytest.raises(AccountNotFound):
        await house.usage.record_speech(new_id("ac"), "sp_1", duration_ms=1)
    for usage_id, duration_ms in (("", 1), ("x" * 101, 1), ("sp_1", -1), ("sp_1", 86_400_001)):
        with pytest.raises(InvalidInput):
            await house.usage.record_speech(account.id, usage_id, duration_ms=duration_ms)


async def test_stored_bytes_are_counted_once_an_hour_by_one_of_several(house: House) -> None:
    account, empty = await house.account(), await house.account()
    await midday(house)
    await house.asset(account.id)
    video_id = await finished(house, account.id)
    others = [house.sampler, Sampler(house.database), Sampler(house.database)]
    stored = 5_000_000_000 + 3 * 2  # the asset, and that of the video's avatar
    for hour in range(3):
        for _ in range(2):
            await asyncio.gather(*(each.sample() for each in others))
        (day,) = await used(house, account.id)
        assert day.byte_hours == stored * (hour + 1)
        house.clock.advance(hours=1)
    await house.videos.delete(account.id, video_id)
    await house.sampler.sample()
    assert (await used(house, account.id))[0].byte_hours == stored * 3 + 6
    assert await used(house, empty.id) == []


async def test_a_list_of_days_has_its_limits(house: House) -> None:
    account = await house.account()
    today = await today_of(house)
    assert list(await house.usage.days(account.id, today - 399 * DAY, today)) == []
    for first in (today + DAY, today - 400 * DAY):
        with pytest.raises(InvalidInput):
            await house.usage.days(account.id, first, today)
