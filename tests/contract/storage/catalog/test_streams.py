"""Live streams: recorded, moved forward, ended once, and the videos that they become."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from vultus.storage.v1 import catalog_service_pb2 as wire

from services.common.errors import (
    AvatarNotFound,
    AvatarNotReady,
    InvalidInput,
    StateConflict,
    StreamNotFound,
    VideoNotFound,
)
from services.common.grpc_client import unary
from services.common.ids import is_id, new_id
from services.gateway.records import StreamRecord, StreamStatus, VideoStatus
from tests.contract.storage.catalog.conftest import House

CREATED, CONNECTING, LIVE, ENDED, FAILED = StreamStatus
REASON = "idle_timeout"


async def move(
    house: House, stream: StreamRecord, status: StreamStatus, reason: str | None = None
) -> StreamRecord:
    why = (REASON if status.is_end else "") if reason is None else reason
    return await house.streams.move(stream.account_id, stream.id, status, reason=why)


async def test_a_new_stream_is_told_as_it_was_asked_for(house: House) -> None:
    account = await house.account()
    stream = await house.stream(account.id)
    assert is_id(stream.id, "st")
    assert (stream.account_id, stream.status, stream.reason) == (account.id, CREATED, "")
    assert (stream.recording_video_id, stream.live_at, stream.ended_at) == ("", None, None)
    again = await house.streams.create(account.id, stream.spec)
    assert again.spec == stream.spec
    assert again.id != stream.id
    assert await house.streams.get(account.id, stream.id) == stream


async def test_a_stream_needs_an_own_avatar_that_is_ready(house: House) -> None:
    account, other = await house.account(), await house.account()
    spec = (await house.stream(account.id)).spec
    strange, preparing = await house.avatar(other.id), await house.preparing(account.id)
    for avatar_id, error in (
        (strange.id, AvatarNotFound),
        (new_id("av"), AvatarNotFound),
        (preparing.id, AvatarNotReady),
    ):
        with pytest.raises(error):
            await house.streams.create(account.id, replace(spec, avatar_id=avatar_id))


async def test_a_stream_of_another_account_is_not_there(house: House) -> None:
    account, other = await house.account(), await house.account()
    stream = await house.stream(account.id)
    strange = replace(stream, account_id=other.id)
    with pytest.raises(StreamNotFound):
        await house.streams.get(other.id, stream.id)
    with pytest.raises(StreamNotFound):
        await move(house, strange, LIVE)
    with pytest.raises(StreamNotFound):
        await house.recording(
            replace(
                strange, spec=replace(strange.spec, avatar_id=(await house.avatar(other.id)).id)
            )
        )


async def test_a_stream_tells_when_it_went_live_and_why_it_ended(house: House) -> None:
    stream = await house.stream((await house.account()).id)
    assert (await move(house, stream, CONNECTING)).status is CONNECTING
    house.clock.advance(seconds=10)
    live = await move(house, stream, LIVE)
    house.clock.advance(seconds=60)
    ended = await move(house, stream, ENDED)
    assert live.live_at is not None
    assert live.live_at - stream.created_at >= timedelta(seconds=10)
    assert ended.ended_at is not None
    assert ended.ended_at - live.live_at >= timedelta(seconds=60)
    assert (ended.status, ended.reason, ended.live_at) == (ENDED, REASON, live.live_at)
    assert await house.streams.get(stream.account_id, stream.id) == ended


@pytest.mark.parametrize("before", [CREATED, CONNECTING, LIVE])
@pytest.mark.parametrize("after", list(StreamStatus))
async def test_a_stream_moves_only_forward(
    house: House, before: StreamStatus, after: StreamStatus
) -> None:
    stream = await house.stream((await house.account()).id)
    stood = await move(house, stream, before)
    order = [CREATED, CONNECTING, LIVE, ENDED, FAILED]
    if order.index(after) >= order.index(before):
        assert (await move(house, stream, after)).status is after
        return
    with pytest.raises(StateConflict):
        await move(house, stream, after)
    assert await house.streams.get(stream.account_id, stream.id) == stood


@pytest.mark.parametrize("end", [ENDED, FAILED])
async def test_an_ended_stream_never_moves_again(house: House, end: StreamStatus) -> None:
    stream = await house.stream((await house.account()).id)
    ended = await move(house, stream, end)
    for status in {*StreamStatus} - {end}:
        with pytest.raises(StateConflict):
            await move(house, stream, status)
    house.clock.advance(seconds=10)
    assert await move(house, stream, end, "deleted") == ended


async def test_what_is_told_twice_changes_nothing(house: House) -> None:
    stream = await house.stream((await house.account()).id)
    live = await move(house, stream, LIVE)
    house.clock.advance(seconds=10)
    assert await move(house, stream, LIVE) == live


async def test_of_two_ends_at_once_one_stands(house: House) -> None:
    stream = await house.stream((await house.account()).id)
    ends = await asyncio.gather(
        move(house, stream, ENDED), move(house, stream, FAILED), return_exceptions=True
    )
    assert sorted(isinstance(end, StateConflict) for end in ends) == [False, True]
    stands = next(end for end in ends if isinstance(end, StreamRecord))
    assert await house.streams.get(stream.account_id, stream.id) == stands


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (ENDED, ""),
        (FAILED, ""),
        (LIVE, REASON),
        (ENDED, "Idle timeout"),
        (ENDED, "_idle"),
        (ENDED, "idle__timeout"),
        (ENDED, "idle\n"),
        (ENDED, "i" * 65),
    ],
)
async def test_a_reason_is_a_word_in_snake_case_and_belongs_to_an_end(
    house: House, status: StreamStatus, reason: str
) -> None:
    stream = await house.stream((await house.account()).id)
    with pytest.raises(InvalidInput):
        await move(house, stream, status, reason)
    assert await house.streams.get(stream.account_id, stream.id) == stream


async def test_a_move_without_a_status_is_refused(house: House) -> None:
    stream = await house.stream((await house.account()).id)
    request = wire.MoveStreamRequest(account_id=stream.account_id, stream_id=stream.id)
    with pytest.raises(InvalidInput):
        await unary(house.stub.MoveStream(request))


async def test_a_stream_outlives_its_avatar(house: House) -> None:
    stream = await house.stream((await house.account()).id)
    await house.avatars.delete(stream.account_id, stream.spec.avatar_id)
    assert await house.streams.get(stream.account_id, stream.id) == stream
    assert (await move(house, stream, ENDED, "avatar_deleted")).reason == "avatar_deleted"


async def test_unended_streams_of_all_accounts_are_told_oldest_first(house: House) -> None:
    accounts = [await house.account() for _ in range(3)]
    made = [await house.stream(account.id) for account in accounts for _ in range(2)]
    await move(house, made[0], ENDED)
    await move(house, made[1], FAILED)
    live, connecting = await move(house, made[2], LIVE), await move(house, made[3], CONNECTING)
    expected = sorted([live, connecting, *made[4:]], key=lambda stream: stream.id)
    assert await house.streams.unended() == expected
    assert await house.streams.unended(limit=3) == expected[:3]
    assert await house.streams.unended(limit=3, after=expected[2].id) == expected[3:]


@pytest.mark.parametrize("limit", [0, -1, 501])
async def test_at_most_500_unended_streams_are_told_at_once(house: House, limit: int) -> None:
    with pytest.raises(InvalidInput):
        await house.streams.unended(limit=limit)


async def test_a_stream_becomes_a_video_that_its_gateway_makes(house: House) -> None:
    stream = await house.stream((await house.account()).id)
    job = await house.recording(stream)
    assert (job.status, job.spec.stream_id) == (VideoStatus.QUEUED, stream.id)
    assert (job.spec.text, job.spec.audio_asset_id) == (None, None)
    await house.videos.lease(stream.account_id, job.id, holder="gw_1", lease_s=30)
    house.clock.advance(seconds=20)
    assert (await house.videos.stranded(idle_s=10)).videos == ()
    house.clock.advance(seconds=20)
    (stranded,) = (await house.videos.stranded(idle_s=10)).videos
    assert (stranded.id, stranded.spec) == (job.id, job.spec)


async def test_a_recording_outlives_its_avatar_but_has_no_other(house: House) -> None:
    stream = await house.stream((await house.account()).id)
    other = await house.avatar(stream.account_id)
    await house.avatars.delete(stream.account_id, stream.spec.avatar_id)
    assert (await house.recording(stream)).spec.avatar_id == stream.spec.avatar_id
    with pytest.raises(InvalidInput):
        await house.recording(replace(stream, spec=replace(stream.spec, avatar_id=other.id)))


async def test_a_stream_names_its_recording_once(house: House) -> None:
    stream = await house.stream((await house.account()).id)
    job, second = await house.recording(stream), await house.recording(stream)

    async def name(status: StreamStatus, video_id: str, reason: str = "") -> StreamRecord:
        return await house.streams.move(
            stream.account_id, stream.id, status, reason=reason, recording_video_id=video_id
        )

    assert (await name(LIVE, job.id)).recording_video_id == job.id
    assert (await name(LIVE, job.id)).recording_video_id == job.id
    with pytest.raises(StateConflict):
        await name(LIVE, second.id)
    with pytest.raises(StateConflict):
        await name(ENDED, second.id, REASON)
    assert (await name(ENDED, "", REASON)).recording_video_id == job.id


async def test_an_ended_stream_may_name_its_recording_late(house: House) -> None:
    stream = await house.stream((await house.account()).id)
    job = await house.recording(stream)
    ended = await move(house, stream, ENDED)
    named = await house.streams.move(
        stream.account_id, stream.id, ENDED, reason="deleted", recording_video_id=job.id
    )
    assert named == replace(ended, recording_video_id=job.id)


async def test_a_recording_must_be_a_video_of_this_stream(house: House) -> None:
    account, other = await house.account(), await house.account()
    stream, second = await house.stream(account.id), await house.stream(account.id)
    strange = await house.recording(await house.stream(other.id))
    of_second, of_text = await house.recording(second), await house.video(account.id)
    for video_id in (strange.id, of_second.id, of_text.id, new_id("vd")):
        with pytest.raises(VideoNotFound):
            await house.streams.move(account.id, stream.id, LIVE, recording_video_id=video_id)
    assert await house.streams.get(account.id, stream.id) == stream
