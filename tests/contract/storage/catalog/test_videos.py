"""Video jobs: recorded, leased, moved on, cancelled, erased."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from vultus.storage.v1 import catalog_service_pb2 as wire

from services.common.errors import (
    AssetNotFound,
    AvatarNotFound,
    AvatarNotReady,
    InvalidInput,
    StateConflict,
    UnsupportedMedia,
    VideoNotFound,
)
from services.common.grpc_client import unary
from services.common.ids import is_id, new_id
from services.gateway.look import Look
from services.gateway.media import ObjectRef
from services.gateway.records import (
    AvatarStatus,
    Trouble,
    Video,
    VideoResult,
    VideoStatus,
)
from services.storage import refs
from services.storage.catalog.records import AssetKind
from tests.contract.storage.catalog.conftest import House

TROUBLE = Trouble("content_rejected", "refused", retryable=False, categories=("hate",))
WORKING = (
    VideoStatus.MODERATING,
    VideoStatus.SYNTHESISING,
    VideoStatus.RENDERING,
    VideoStatus.ARCHIVING,
)


def result_of(video: Video) -> VideoResult:
    stem = f"{video.account_id}/{video.id}"
    return VideoResult(
        content=ObjectRef("videos", f"{stem}.mp4"),
        words=ObjectRef("videos", f"{stem}.words.json"),
        duration_s=2.5,
        width=512,
        height=640,
        size_bytes=5_000_000_000,
    )


async def lease(house: House, video: Video, holder: str = "wk_1", lease_s: int = 30) -> Video:
    return await house.videos.lease(video.account_id, video.id, holder=holder, lease_s=lease_s)


async def move(
    house: House,
    video: Video,
    status: VideoStatus,
    progress: float = 0.0,
    holder: str = "wk_1",
    **how: Any,
) -> Video:
    return await house.videos.update(
        video.account_id, video.id, holder=holder, status=status, progress=progress, **how
    )


async def succeed(house: House, video: Video) -> Video:
    """Makes a video; its objects are then in the store."""
    await lease(house, video)
    made = result_of(video)
    house.objects.kept |= {
        refs.ObjectRef(ref.bucket, ref.key) for ref in (made.content, made.words) if ref
    }
    return await move(house, video, VideoStatus.SUCCEEDED, 1.0, result=made)


async def test_a_new_job_waits_and_is_told_as_it_was_asked_for(house: House) -> None:
    account = await house.account()
    new = await house.new_video(account.id, speed=1.25, width=320, height=240)
    video = await house.videos.create(account.id, new)
    assert is_id(video.id, "vd")
    assert (video.spec, video.metadata, video.webhook_url) == (
        new.spec,
        new.metadata,
        new.webhook_url,
    )
    assert (video.status, video.progress, video.attempts) == (VideoStatus.QUEUED, 0.0, 0)
    assert (video.width, video.height) == (320, 240)
    assert (video.started_at, video.finished_at, video.deleted_at) == (None, None, None)
    assert not video.cancel_requested
    assert await house.videos.get(account.id, video.id) == video


async def test_a_recording_is_a_script_too(house: House) -> None:
    account = await house.account()
    sound = await house.asset(account.id, AssetKind.AUDIO)
    new = await house.new_video(account.id, text=None, audio_asset_id=sound.id, voice_id="")
    video = await house.videos.create(account.id, new)
    assert (video.spec.text, video.spec.audio_asset_id) == (None, sound.id)


async def test_any_json_is_kept_as_metadata(house: House) -> None:
    account = await house.account()
    avatar = await house.avatar(account.id)
    request = wire.CreateVideoRequest(account_id=account.id)
    request.spec.avatar_id, request.spec.text = avatar.id, "你好 \U0001f600"
    request.metadata.update({"é\U0001f600": [1, 2.5, {"x": None}], "zero": "\0"})
    made = (await unary(house.stub.CreateVideo(request))).video
    assert made.metadata == request.metadata
    assert made.spec == request.spec
    request.metadata.update({"endless": float("inf")})
    with pytest.raises(InvalidInput):
        await unary(house.stub.CreateVideo(request))


async def test_how_a_video_is_to_look_is_kept_until_it_is_erased(house: House) -> None:
    account = await house.account()
    avatar = await house.avatar(account.id)
    request = wire.CreateVideoRequest(account_id=account.id)
    request.spec.avatar_id, request.spec.text = avatar.id, "Hello."
    request.spec.look.update({"cues": [{"time_us": 5e6, "action": "nod"}], "expression": {}})
    made = (await unary(house.stub.CreateVideo(request))).video
    assert made.spec == request.spec
    await house.videos.delete(account.id, made.id)
    assert (await house.videos.get(account.id, made.id)).spec.look == Look()


async def test_a_job_needs_an_own_avatar_that_is_ready(house: House) -> None:
    account, other = await house.account(), await house.account()
    strange = await house.avatar(other.id)
    preparing = await house.preparing(account.id)
    failed = await house.preparing(account.id)
    await house.avatars.finish(account.id, failed.id, AvatarStatus.FAILED, error=TROUBLE)
    for avatar_id, error in (
        (strange.id, AvatarNotFound),
        (new_id("av"), AvatarNotFound),
        (preparing.id, AvatarNotReady),
        (failed.id, AvatarNotReady),
    ):
        new = await house.new_video(account.id, avatar_id=avatar_id)
        with pytest.raises(error):
            await house.videos.create(account.id, new)


async def test_a_job_needs_an_own_recording_that_can_be_heard(house: House) -> None:
    account, other = await house.account(), await house.account()
    strange = await house.asset(other.id, AssetKind.AUDIO)
    picture = await house.asset(account.id)
    for asset_id, error in (
        (strange.id, AssetNotFound),
        (new_id("as"), AssetNotFound),
        (picture.id, UnsupportedMedia),
    ):
        new = await house.new_video(account.id, text=None, audio_asset_id=asset_id)
        with pytest.raises(error):
            await house.videos.create(account.id, new)


async def test_a_job_without_a_script_is_refused(house: House) -> None:
    account = await house.account()
    avatar = await house.avatar(account.id)
    request = wire.CreateVideoRequest(account_id=account.id)
    request.spec.avatar_id = avatar.id
    with pytest.raises(InvalidInput):
        await unary(house.stub.CreateVideo(request))


async def test_another_accounts_video_is_not_found(house: House) -> None:
    account, other = await house.account(), await house.account()
    video = await house.video(account.id)
    await lease(house, video)
    calls = (
        lambda: house.videos.get(other.id, video.id),
        lambda: house.videos.cancel(other.id, video.id),
        lambda: house.videos.delete(other.id, video.id),
        lambda: house.videos.lease(other.id, video.id, holder="wk_1", lease_s=9),
        lambda: house.videos.update(
            other.id, video.id, holder="wk_1", status=VideoStatus.RENDERING, progress=0.5
        ),
    )
    for call in calls:
        with pytest.raises(VideoNotFound):
            await call()
    assert (await house.videos.get(account.id, video.id)).status is VideoStatus.QUEUED
    assert (await house.videos.list(other.id, limit=10, cursor="")).items == ()


async def test_the_queue_position_counts_the_jobs_of_all_accounts_ahead(house: House) -> None:
    videos = [await house.video((await house.account()).id) for _ in range(3)]
    videos.sort(key=lambda video: video.id)
    places = [(await house.videos.get(v.account_id, v.id)).queue_position for v in videos]
    assert places == [0, 1, 2]
    await lease(house, videos[0])
    begun = await move(house, videos[0], VideoStatus.MODERATING)
    assert begun.queue_position is None
    await house.videos.cancel(videos[1].account_id, videos[1].id)
    (last,) = (await house.videos.list(videos[2].account_id, limit=1, cursor="")).items
    assert last.queue_position == 0


async def test_a_job_goes_through_its_stages_to_a_result(house: House) -> None:
    video = await house.video((await house.account()).id)
    leased = await lease(house, video)
    assert leased.attempts == 1
    assert leased.started_at is not None
    for number, status in enumerate(WORKING):
        moved = await move(house, video, status, number / 10)
        assert moved.status is status
        assert moved.progress == pytest.approx(number / 10)
    made = result_of(video)
    ended = await move(house, video, VideoStatus.SUCCEEDED, 0.99, result=made)
    assert (ended.status, ended.progress) == (VideoStatus.SUCCEEDED, 1.0)
    assert (ended.content, ended.words, ended.duration_s) == (made.content, made.words, 2.5)
    assert (ended.width, ended.height, ended.size_bytes) == (512, 640, 5_000_000_000)
    assert ended.finished_at is not None
    assert ended.started_at == leased.started_at
    assert await house.videos.get(video.account_id, video.id) == ended


@pytest.mark.parametrize("status", [VideoStatus.FAILED, VideoStatus.REJECTED])
async def test_a_job_that_ends_badly_says_why(house: House, status: VideoStatus) -> None:
    video = await house.video((await house.account()).id)
    await lease(house, video)
    ended = await move(house, video, status, 0.5, error=TROUBLE)
    assert (ended.status, ended.error, ended.progress) == (status, TROUBLE, 0.5)
    assert ended.finished_at is not None


async def test_progress_never_falls_while_a_job_runs(house: House) -> None:
    video = await house.video((await house.account()).id)
    await lease(house, video)
    told = [
        (await move(house, video, VideoStatus.RENDERING, progress)).progress
        for progress in (0.25, 0.125, 0.5, 0.0, 0.5)
    ]
    assert told == [0.25, 0.25, 0.5, 0.5, 0.5]


async def test_a_job_that_is_given_back_begins_anew(house: House) -> None:
    video = await house.video((await house.account()).id)
    await lease(house, video)
    await move(house, video, VideoStatus.RENDERING, 0.5)
    back = await move(house, video, VideoStatus.QUEUED)
    assert (back.status, back.progress, back.queue_position) == (VideoStatus.QUEUED, 0.0, 0)
    with pytest.raises(StateConflict):
        await move(house, video, VideoStatus.RENDERING, 0.6)
    assert (await lease(house, video, "wk_2")).attempts == 2


async def test_moves_that_make_no_sense_are_refused(house: House) -> None:
    video = await house.video((await house.account()).id)
    await lease(house, video)
    problem, result = wire.Problem(code="x"), wire.VideoResult()
    result.content.bucket, result.content.key = "videos", f"{video.account_id}/{video.id}.mp4"
    senseless = (
        wire.UpdateVideoRequest(),
        wire.UpdateVideoRequest(status=wire.VIDEO_STATUS_SUCCEEDED),
        wire.UpdateVideoRequest(status=wire.VIDEO_STATUS_FAILED),
        wire.UpdateVideoRequest(status=wire.VIDEO_STATUS_RENDERING, error=problem),
        wire.UpdateVideoRequest(status=wire.VIDEO_STATUS_CANCELLED, result=result),
        wire.UpdateVideoRequest(status=wire.VIDEO_STATUS_RENDERING, progress=1.5),
        wire.UpdateVideoRequest(status=wire.VIDEO_STATUS_RENDERING, progress=float("nan")),
        wire.UpdateVideoRequest(
            status=wire.VIDEO_STATUS_SUCCEEDED, result=wire.VideoResult(duration_s=1)
        ),
    )
    for request in senseless:
        request.account_id, request.video_id = video.account_id, video.id
        request.holder = "wk_1"
        with pytest.raises(InvalidInput):
            await unary(house.stub.UpdateVideo(request))


async def test_of_many_workers_one_gets_the_job(house: House) -> None:
    video = await house.video((await house.account()).id)
    results = await asyncio.gather(
        *(lease(house, video, f"wk_{number}") for number in range(12)), return_exceptions=True
    )
    assert [type(result) for result in results].count(StateConflict) == 11
    (won,) = [number for number, result in enumerate(results) if isinstance(result, Video)]
    assert (await move(house, video, VideoStatus.MODERATING, holder=f"wk_{won}")).attempts == 1


async def test_a_holder_renews_and_others_wait(house: House) -> None:
    video = await house.video((await house.account()).id)
    await lease(house, video, lease_s=30)
    house.clock.advance(seconds=20)
    assert (await lease(house, video, lease_s=30)).attempts == 1
    house.clock.advance(seconds=20)
    with pytest.raises(StateConflict):
        await lease(house, video, "wk_2")
    with pytest.raises(StateConflict):
        await move(house, video, VideoStatus.RENDERING, holder="wk_2")


async def test_a_lease_that_ran_out_passes_to_another_worker(house: House) -> None:
    video = await house.video((await house.account()).id)
    first = await lease(house, video, lease_s=30)
    await move(house, video, VideoStatus.RENDERING, 0.5)
    house.clock.advance(seconds=31)
    taken = await lease(house, video, "wk_2")
    assert (taken.attempts, taken.started_at) == (2, first.started_at)
    with pytest.raises(StateConflict):
        await move(house, video, VideoStatus.SUCCEEDED, 1.0, result=result_of(video))
    with pytest.raises(StateConflict):
        await lease(house, video, "wk_1")


async def test_a_late_holder_may_go_on_while_nobody_took_the_job(house: House) -> None:
    video = await house.video((await house.account()).id)
    await lease(house, video, lease_s=30)
    house.clock.advance(minutes=5)
    assert (await move(house, video, VideoStatus.RENDERING, 0.5)).attempts == 1


@pytest.mark.parametrize(("holder", "lease_s"), [("", 30), ("wk_1", 0), ("wk_1", -1)])
async def test_a_lease_has_a_holder_and_a_length(house: House, holder: str, lease_s: int) -> None:
    video = await house.video((await house.account()).id)
    with pytest.raises(InvalidInput):
        await lease(house, video, holder, lease_s)


async def test_an_ended_job_is_neither_leased_nor_moved(house: House) -> None:
    video = await house.video((await house.account()).id)
    ended = await succeed(house, video)
    with pytest.raises(StateConflict):
        await lease(house, video)
    with pytest.raises(StateConflict):
        await move(house, video, VideoStatus.QUEUED)
    assert await house.videos.get(video.account_id, video.id) == ended


async def test_a_waiting_job_is_cancelled_at_once(house: House) -> None:
    video = await house.video((await house.account()).id)
    cancelled = await house.videos.cancel(video.account_id, video.id)
    assert (cancelled.status, cancelled.cancel_requested) == (VideoStatus.CANCELLED, True)
    assert cancelled.finished_at is not None
    with pytest.raises(StateConflict):
        await lease(house, video)


@pytest.mark.parametrize("status", WORKING)
async def test_a_running_job_is_marked_and_its_worker_ends_it(
    house: House, status: VideoStatus
) -> None:
    video = await house.video((await house.account()).id)
    await lease(house, video)
    await move(house, video, status)
    marked = await house.videos.cancel(video.account_id, video.id)
    assert (marked.status, marked.cancel_requested) == (status, True)
    assert (await lease(house, video)).cancel_requested
    assert (await move(house, video, status, 0.5)).cancel_requested
    ended = await move(house, video, VideoStatus.CANCELLED, 0.5)
    assert ended.status is VideoStatus.CANCELLED


async def test_a_running_job_whose_worker_died_is_cancelled_at_once(house: House) -> None:
    video = await house.video((await house.account()).id)
    await lease(house, video)
    await move(house, video, VideoStatus.RENDERING, 0.5)
    house.clock.advance(minutes=1)
    cancelled = await house.videos.cancel(video.account_id, video.id)
    assert cancelled.status is VideoStatus.CANCELLED
    with pytest.raises(StateConflict):
        await move(house, video, VideoStatus.RENDERING, 0.6)


async def test_a_marked_job_that_is_given_back_is_cancelled(house: House) -> None:
    video = await house.video((await house.account()).id)
    await lease(house, video)
    await move(house, video, VideoStatus.RENDERING, 0.5)
    await house.videos.cancel(video.account_id, video.id)
    back = await move(house, video, VideoStatus.QUEUED)
    assert back.status is VideoStatus.CANCELLED
    assert back.finished_at is not None


async def test_cancelling_an_ended_job_changes_nothing(house: House) -> None:
    video = await house.video((await house.account()).id)
    ended = await succeed(house, video)
    assert await house.videos.cancel(video.account_id, video.id) == ended


async def test_an_erased_video_is_a_tombstone_without_content(house: House) -> None:
    video = await house.video((await house.account()).id)
    ended = await succeed(house, video)
    await house.videos.delete(video.account_id, video.id)
    stone = await house.videos.get(video.account_id, video.id)
    assert (stone.status, stone.finished_at) == (VideoStatus.SUCCEEDED, ended.finished_at)
    assert stone.deleted_at is not None
    assert (stone.spec.text, stone.metadata, stone.webhook_url) == ("", {}, "")
    assert (stone.content, stone.words) == (None, None)
    await house.erasures.work_off()
    assert not [ref for ref in house.objects.kept if ref.bucket == "videos"]
    assert (await house.videos.list(video.account_id, limit=10, cursor="")).items == ()
    await house.videos.delete(video.account_id, video.id)
    assert await house.videos.get(video.account_id, video.id) == stone


async def test_erasing_a_running_job_cancels_it_and_what_it_wrote_goes(house: House) -> None:
    video = await house.video((await house.account()).id)
    await lease(house, video)
    await move(house, video, VideoStatus.ARCHIVING, 0.9)
    await house.videos.delete(video.account_id, video.id)
    await house.erasures.work_off()
    stone = await house.videos.get(video.account_id, video.id)
    assert stone.status is VideoStatus.CANCELLED
    with pytest.raises(StateConflict):
        await move(house, video, VideoStatus.SUCCEEDED, 1.0, result=result_of(video))
    late = result_of(video).content
    house.objects.kept.add(refs.ObjectRef(late.bucket, late.key))
    house.clock.advance(hours=7)
    await house.erasures.work_off()
    assert not [ref for ref in house.objects.kept if ref.bucket == "videos"]


@pytest.mark.parametrize("kind", ["mp4", "webm", "words.json"])
async def test_what_a_failed_attempt_left_goes(house: House, kind: str) -> None:
    video = await house.video((await house.account()).id)
    await lease(house, video)
    house.objects.kept.add(refs.ObjectRef("videos", f"{video.account_id}/{video.id}.{kind}"))
    await move(house, video, VideoStatus.FAILED, 0.5, error=TROUBLE)
    await house.erasures.work_off()
    assert not [ref for ref in house.objects.kept if ref.bucket == "videos"]


async def test_jobs_that_stand_still_without_a_worker_are_stranded(house: House) -> None:
    account = await house.account()
    waiting, held, left, ended = [await house.video(account.id) for _ in range(4)]
    avatar = await house.preparing(account.id)
    await lease(house, held, lease_s=300)
    await lease(house, left, lease_s=10)
    await move(house, left, VideoStatus.RENDERING, 0.5)
    await succeed(house, ended)
    assert (await house.videos.stranded(idle_s=60)).videos == ()
    house.clock.advance(seconds=61)
    stranded = await house.videos.stranded(idle_s=60)
    assert {video.id for video in stranded.videos} == {waiting.id, left.id}
    assert [found.id for found in stranded.avatars] == [avatar.id]


async def test_the_list_of_stranded_jobs_holds_no_texts(house: House) -> None:
    video = await house.video((await house.account()).id)
    house.clock.advance(hours=1)
    (stranded,) = (await house.videos.stranded(idle_s=60)).videos
    assert (stranded.id, stranded.account_id) == (video.id, video.account_id)
    assert (stranded.spec.text, stranded.metadata) == ("", {})


async def test_times_are_told_by_the_clock_of_the_database(house: House) -> None:
    video = await house.video((await house.account()).id)
    house.clock.advance(hours=1)
    leased = await lease(house, video)
    assert leased.started_at is not None
    waited = leased.started_at - leased.created_at
    assert timedelta(hours=1) <= waited < timedelta(hours=1, minutes=1)
