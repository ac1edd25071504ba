"""One video job, and every way in which it can end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from vultus.events.v1 import events_pb2 as events

from services.common.errors import (
    DomainError,
    Internal,
    StorageFull,
    Unavailable,
    UnsupportedLanguage,
)
from services.common.jetstream import Delivery, Discard, RetryLater, to_json
from services.gateway.look import ImageAsset, Look
from services.gateway.media import ObjectRef, Photo, Transparent
from services.gateway.places import leftovers
from services.gateway.records import (
    AvatarStatus,
    NewVideo,
    StreamSpec,
    Suggestion,
    Trouble,
    Verdict,
    Video,
    VideoSpec,
    VideoStatus,
)
from tests.fakes.catalog import START
from tests.fakes.stage import Stage

HOOK = "https://example.com/hook"


def delivery(video: Video, attempt: int = 1) -> Delivery:
    job = events.VideoJob(account_id=video.account_id, video_id=video.id)
    return Delivery(to_json(job), attempt)


async def queued(stage: Stage, **changes: Any) -> Video:
    avatar = stage.avatars.add(stage.account.id)
    status = changes.pop("avatar", AvatarStatus.READY)
    spec = VideoSpec(
        avatar_id=avatar.id,
        text="Good day to you. How are you.",
        audio_asset_id=None,
        voice_id="vo_en_heart",
        speed=1.0,
        width=0,
        height=0,
        fps=25,
        subtitles=True,
    )
    new = NewVideo(spec, webhook_url=HOOK)
    video = await stage.videos.create(stage.account.id, new)
    stage.avatars.kept[avatar.id] = replace(avatar, status=status)
    return stage.videos.put(video, **changes)


def now(stage: Stage, video: Video) -> Video:
    return stage.videos.kept[video.id]


def statuses(stage: Stage) -> list[VideoStatus]:
    return list(dict.fromkeys(status for status, _ in stage.videos.history))


def hold_at_frame(stage: Stage, act: Callable[[], Awaitable[None]]) -> asyncio.Event:
    """Runs `act` at the tenth frame and then draws no more; tells when that is."""
    reached = asyncio.Event()

    async def before(frame: int) -> None:
        if frame == 10:
            await act()
            reached.set()
            await asyncio.Event().wait()

    stage.animator.before_frame = before
    return reached


async def nothing() -> None:
    pass


async def test_a_job_ends_with_its_file_and_its_owner_is_told(stage: Stage) -> None:
    video = await queued(stage)
    await stage.video_jobs().handle(delivery(video))
    done = now(stage, video)
    assert (done.status, done.progress) == (VideoStatus.SUCCEEDED, 1.0)
    assert (done.width, done.height, done.attempts) == (512, 640, 1)
    assert done.content in stage.objects.kept
    assert done.words in stage.objects.kept
    (told,) = stage.queue.of("webhooks")
    assert told.message_id == f"msg_{video.id[3:]}"
    assert stage.strikes.counts[video.id] == 0
    assert not stage.videos.leases


async def test_the_catalog_and_the_listeners_learn_of_every_stage(stage: Stage) -> None:
    video = await queued(stage)

    async def until_told(frame: int) -> None:
        if frame % 20 == 10:
            stage.videos.updated.clear()
            await stage.videos.updated.wait()

    stage.animator.before_frame = until_told
    await stage.video_jobs().handle(delivery(video))
    assert statuses(stage)[-2:] == [VideoStatus.RENDERING, VideoStatus.SUCCEEDED]
    shares = [share for _, share in stage.videos.history]
    assert shares == sorted(shares)
    assert len(shares) > 3
    assert stage.bus.said.count(f"events.videos.{video.account_id}.{video.id}") == len(shares)


async def test_a_refused_script_rejects_the_job_with_its_categories(stage: Stage) -> None:
    video = await queued(stage)
    stage.moderator.verdict = Verdict(Suggestion.BLOCK, ("violence", "hate"))
    await stage.video_jobs().handle(delivery(video))
    done = now(stage, video)
    assert done.status is VideoStatus.REJECTED
    assert done.error is not None
    assert (done.error.code, done.error.categories) == ("content_rejected", ("violence", "hate"))
    assert not stage.speaker.spoken
    assert len(stage.queue.of("webhooks")) == 1


async def test_what_can_never_be_done_fails_at_once_with_its_code(stage: Stage) -> None:
    video = await queued(stage)
    stage.speaker.error = UnsupportedLanguage("the voices read English and Mandarin")
    await stage.video_jobs().handle(delivery(video))
    done = now(stage, video)
    assert done.status is VideoStatus.FAILED
    assert done.error is not None
    assert done.error.code == "unsupported_language"
    assert not stage.objects.kept


@pytest.mark.parametrize("status", [AvatarStatus.FAILED, AvatarStatus.PREPARING])
async def test_an_avatar_that_can_not_be_used_fails_the_job(
    stage: Stage, status: AvatarStatus
) -> None:
    video = await queued(stage, avatar=status)
    await stage.video_jobs().handle(delivery(video))
    error = now(stage, video).error
    assert error is not None
    assert error.code == "avatar_not_ready"


@pytest.mark.parametrize("part", ["moderator", "speaker", "animator", "recorder", "objects"])
async def test_what_is_down_for_a_moment_gives_the_job_back(stage: Stage, part: str) -> None:
    video = await queued(stage)
    if part == "objects":
        data = await stage.assets.upload(
            stage.account.id, file_name="", accept_kinds=(), data=_sound()
        )
        spec = VideoSpec(video.spec.avatar_id, None, data.id, "", 1.0, 0, 0, 25, False)
        stage.videos.put(video, spec=spec)
    getattr(stage, part).error = Unavailable("down")
    with pytest.raises(RetryLater):
        await stage.video_jobs().handle(delivery(video))
    assert now(stage, video).status is VideoStatus.QUEUED
    assert not stage.videos.leases
    assert stage.strikes.counts[video.id] == 0
    getattr(stage, part).error = None
    if part != "objects":
        await stage.video_jobs().handle(delivery(video, 2))
        assert now(stage, video).status is VideoStatus.SUCCEEDED


@pytest.mark.parametrize("avatar_is_gone", [False, True])
async def test_a_recording_that_its_gateway_left_behind_fails_at_once(
    stage: Stage, avatar_is_gone: bool
) -> None:
    account, avatar = stage.account.id, stage.avatars.add(stage.account.id)
    shown = StreamSpec(avatar.id, "", 512, 640, 25, 900, 86_400, record=True)
    stream = await stage.streams.create(account, shown)
    spec = VideoSpec(avatar.id, None, None, "", 1.0, 512, 640, 25, True, stream.id)
    video = await stage.videos.create(account, NewVideo(spec, webhook_url=HOOK))
    await stage.videos.lease(account, video.id, holder="gw_1", lease_s=30)
    with pytest.raises(RetryLater):
        await stage.video_jobs().handle(delivery(video))
    assert now(stage, video).status is VideoStatus.QUEUED
    stage.clock.advance(seconds=31)
    if avatar_is_gone:
        await stage.avatars.delete(account, avatar.id)
    await stage.video_jobs().handle(delivery(video))
    done = now(stage, video)
    assert done.status is VideoStatus.FAILED
    assert done.error == Trouble(
        "unavailable", "the recording was lost with the process that made it", retryable=False
    )
    assert not stage.animator.cues
    assert len(stage.queue.of("webhooks")) == 1


async def _sound() -> Any:
    yield b"SND"


@pytest.mark.parametrize(("error", "begun"), [(Unavailable, 20), (StorageFull, 3)])
async def test_what_stays_down_fails_the_job_in_the_end(
    stage: Stage, error: type[DomainError], begun: int
) -> None:
    video = await queued(stage)
    stage.recorder.error = error("no")
    jobs = stage.video_jobs()
    for attempt in range(1, begun):
        with pytest.raises(RetryLater):
            await jobs.handle(delivery(video, attempt))
    await jobs.handle(delivery(video, begun))
    done = now(stage, video)
    assert (done.status, done.attempts) == (VideoStatus.FAILED, begun)
    assert done.error is not None
    assert (done.error.code, done.error.retryable) == (error.code, True)


async def test_a_job_waits_without_an_attempt_while_a_service_is_down(stage: Stage) -> None:
    video = await queued(stage)
    stage.peers.answers["tts"] = False
    with pytest.raises(RetryLater):
        await stage.video_jobs().handle(delivery(video))
    assert now(stage, video).attempts == 0


@pytest.mark.parametrize("status", [VideoStatus.SUCCEEDED, VideoStatus.CANCELLED])
async def test_a_job_that_has_ended_is_not_done_again(stage: Stage, status: VideoStatus) -> None:
    video = await queued(stage, status=status)
    await stage.video_jobs().handle(delivery(video))
    assert not stage.moderator.texts
    assert not stage.queue.of("webhooks")


async def test_a_worker_that_died_after_the_end_still_lets_the_owner_know(stage: Stage) -> None:
    video = await queued(stage, status=VideoStatus.SUCCEEDED)
    await stage.video_jobs().handle(delivery(video, 2))
    assert len(stage.queue.of("webhooks")) == 1


async def test_a_job_without_a_record_is_dropped(stage: Stage) -> None:
    video = await queued(stage)
    del stage.videos.kept[video.id]
    await stage.video_jobs().handle(delivery(video))
    await stage.video_jobs().handle(Delivery(b'{"accountId": "ac", "videoId": "vd"}', 1))


async def test_a_message_that_can_not_be_read_is_discarded(stage: Stage) -> None:
    with pytest.raises(Discard):
        await stage.video_jobs().handle(Delivery(b"\xff{", 1))


async def test_a_job_that_another_worker_holds_is_left_to_it(stage: Stage) -> None:
    video = await queued(stage)
    stage.videos.leases[video.id] = ("other", START + timedelta(seconds=30))
    with pytest.raises(RetryLater):
        await stage.video_jobs().handle(delivery(video))
    assert stage.videos.leases[video.id][0] == "other"
    assert not stage.moderator.texts


async def test_two_deliveries_at_once_make_one_video(stage: Stage) -> None:
    video = await queued(stage)
    jobs = stage.video_jobs()
    results = await asyncio.gather(
        *(jobs.handle(delivery(video)) for _ in range(2)), return_exceptions=True
    )
    assert sum(isinstance(result, RetryLater) for result in results) == 1
    assert stage.speaker.spoken == [video.spec.text]


async def test_a_job_is_cancelled_by_the_word_on_the_bus(stage: Stage) -> None:
    video = await queued(stage)
    await_frame = hold_at_frame(stage, nothing)
    work = asyncio.ensure_future(stage.video_jobs().handle(delivery(video)))
    await await_frame.wait()
    await stage.news.video_cancelled(video)
    await work
    assert now(stage, video).status is VideoStatus.CANCELLED
    assert stage.animator.closed == 1
    assert not stage.objects.kept


async def test_a_job_is_cancelled_by_its_mark_in_the_catalog_too(stage: Stage) -> None:
    video = await queued(stage)

    async def mark() -> None:
        await stage.videos.cancel(video.account_id, video.id)

    hold_at_frame(stage, mark)
    stage.videos.put(video, status=VideoStatus.MODERATING)
    await stage.video_jobs(lease_s=3).handle(delivery(video))
    assert now(stage, video).status is VideoStatus.CANCELLED


async def test_a_job_that_was_marked_before_is_not_begun(stage: Stage) -> None:
    video = await queued(stage, status=VideoStatus.RENDERING, cancel_requested=True)
    await stage.video_jobs().handle(delivery(video, 2))
    assert now(stage, video).status is VideoStatus.CANCELLED
    assert not stage.objects.kept


async def test_an_erased_job_leaves_nothing(stage: Stage) -> None:
    video = await queued(stage)

    async def erase() -> None:
        await stage.videos.delete(video.account_id, video.id)
        await stage.news.video_cancelled(video)

    hold_at_frame(stage, erase)
    for ref in leftovers(video):
        stage.objects.kept[ref] = b"half a file"
    await stage.video_jobs().handle(delivery(video))
    assert not stage.objects.kept
    assert not stage.queue.of("webhooks")


async def test_a_worker_that_lost_its_lease_changes_nothing_more(stage: Stage) -> None:
    video = await queued(stage)

    async def steal() -> None:
        stage.videos.leases[video.id] = ("other", START + timedelta(seconds=30))

    hold_at_frame(stage, steal)
    with pytest.raises(RetryLater):
        await stage.video_jobs(lease_s=3).handle(delivery(video))
    assert stage.videos.leases[video.id][0] == "other"
    assert now(stage, video).status is not VideoStatus.SUCCEEDED
    assert VideoStatus.QUEUED not in statuses(stage)


async def test_sigterm_gives_the_job_back_at_once(stage: Stage) -> None:
    video = await queued(stage)
    reached = hold_at_frame(stage, nothing)
    work = asyncio.ensure_future(stage.video_jobs().handle(delivery(video)))
    await reached.wait()
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert now(stage, video).status is VideoStatus.QUEUED
    assert not stage.videos.leases
    assert stage.strikes.counts[video.id] == 0
    assert stage.animator.closed == 1


async def test_the_last_word_waits_out_a_short_outage(stage: Stage) -> None:
    video = await queued(stage)

    async def stop_catalog(frame: int) -> None:
        if frame == 84:
            stage.videos.failures[:] = [Unavailable("down")] * 2

    stage.animator.before_frame = stop_catalog
    await stage.video_jobs().handle(delivery(video))
    assert now(stage, video).status is VideoStatus.SUCCEEDED


async def test_an_end_that_was_taken_but_not_answered_stands(stage: Stage) -> None:
    video = await queued(stage)
    update = stage.videos.update

    async def unanswered(*args: Any, **kwargs: Any) -> Video:
        done = await update(*args, **kwargs)
        if done.status is VideoStatus.SUCCEEDED:
            raise Unavailable("the connection broke")
        return done

    stage.videos.update = unanswered  # type: ignore[method-assign]  # a catalog that loses answers
    await stage.video_jobs().handle(delivery(video))
    assert now(stage, video).status is VideoStatus.SUCCEEDED
    assert stage.objects.kept
    assert len(stage.queue.of("webhooks")) == 1


async def test_a_defect_is_tried_three_times_then_buried(stage: Stage) -> None:
    video = await queued(stage)
    stage.animator.error = Internal("internal error")
    jobs = stage.video_jobs()
    for attempt in (1, 2):
        with pytest.raises(RetryLater):
            await jobs.handle(delivery(video, attempt))
        assert now(stage, video).status is VideoStatus.QUEUED
    with pytest.raises(Discard):
        await jobs.handle(delivery(video, 3))
    done = now(stage, video)
    assert done.status is VideoStatus.FAILED
    assert done.error is not None
    assert done.error.code == "internal"
    assert len(stage.queue.of("webhooks")) == 1


async def test_what_nobody_expected_counts_and_frees_the_job(stage: Stage) -> None:
    video = await queued(stage)

    async def defect(_: int) -> None:
        raise RuntimeError("a defect")

    stage.animator.before_frame = defect
    with pytest.raises(RuntimeError):
        await stage.video_jobs().handle(delivery(video))
    assert now(stage, video).status is VideoStatus.QUEUED
    assert stage.strikes.counts[video.id] == 1


async def test_a_job_that_killed_its_workers_is_buried_unread(stage: Stage) -> None:
    video = await queued(stage, status=VideoStatus.RENDERING)
    stage.strikes.counts[video.id] = 3
    with pytest.raises(Discard):
        await stage.video_jobs().handle(delivery(video, 4))
    assert now(stage, video).status is VideoStatus.FAILED
    assert not stage.moderator.texts


async def test_a_job_that_never_ends_is_ended(stage: Stage) -> None:
    video = await queued(stage, attempts=5)
    hold_at_frame(stage, nothing)
    await stage.video_jobs(video_timeout_s=0.05).handle(delivery(video))
    done = now(stage, video)
    assert done.status is VideoStatus.FAILED
    assert done.error is not None
    assert done.error.code == "unavailable"


async def test_a_conflict_at_the_end_is_read_from_the_catalog(stage: Stage) -> None:
    video = await queued(stage)
    stage.moderator.verdict = Verdict(Suggestion.BLOCK)
    update = stage.videos.update

    async def too_late(*args: Any, **kwargs: Any) -> Video:
        if kwargs["status"] is VideoStatus.REJECTED:
            stage.videos.put(now(stage, video), status=VideoStatus.CANCELLED)
        return await update(*args, **kwargs)

    stage.videos.update = too_late  # type: ignore[method-assign]  # another is faster
    await stage.video_jobs().handle(delivery(video))
    assert now(stage, video).status is VideoStatus.CANCELLED
    assert len(stage.queue.of("webhooks")) == 1


async def test_every_attempt_at_a_video_has_the_same_seed_and_each_video_its_own(
    stage: Stage,
) -> None:
    videos = [await queued(stage) for _ in range(2)]
    for video in videos:
        stage.animator.breaks = Unavailable("lipsync is down")
        with pytest.raises(RetryLater):
            await stage.video_jobs().handle(delivery(video))
        stage.animator.breaks = None
        stage.clock.advance(seconds=3_600)
        await stage.video_jobs().handle(delivery(video, 2))
        assert now(stage, video).status is VideoStatus.SUCCEEDED
    seeds = [config.seed for config in stage.animator.configs]
    assert seeds[0] == seeds[1] != seeds[2] == seeds[3]
    assert all(0 < seed < 2**64 for seed in seeds)


async def test_the_picture_behind_a_video_is_found_when_it_is_made(stage: Stage) -> None:
    async def blocks() -> AsyncIterator[bytes]:
        yield b"IMG"

    wall = await stage.assets.upload(
        stage.account.id, file_name="wall.png", accept_kinds=("image",), data=blocks()
    )
    video = await queued(stage)
    look = Look(background=ImageAsset(wall.id))
    video = stage.videos.put(video, spec=replace(video.spec, look=look))
    await stage.video_jobs().handle(delivery(video))
    assert stage.animator.configs[-1].background == Photo(wall.object)


async def test_a_video_with_nothing_behind_it_becomes_a_webm(stage: Stage) -> None:
    video = await queued(stage)
    look = Look(background=Transparent())
    video = stage.videos.put(video, spec=replace(video.spec, look=look))
    await stage.video_jobs().handle(delivery(video))
    assert stage.animator.configs[-1].background == Transparent()
    (header,) = stage.recorder.headers
    assert header.transparent
    content = ObjectRef("videos", f"{video.account_id}/{video.id}.webm")
    assert now(stage, video).content == header.content == content


async def test_a_video_before_something_becomes_an_mp4(stage: Stage) -> None:
    video = await queued(stage)
    await stage.video_jobs().handle(delivery(video))
    (header,) = stage.recorder.headers
    assert not header.transparent
    assert header.content.key == f"{video.account_id}/{video.id}.mp4"


async def test_a_video_whose_background_was_erased_fails_with_that(stage: Stage) -> None:
    video = await queued(stage)
    look = Look(background=ImageAsset("as_gone"))
    video = stage.videos.put(video, spec=replace(video.spec, look=look))
    await stage.video_jobs().handle(delivery(video))
    ended = now(stage, video)
    assert ended.status is VideoStatus.FAILED
    assert ended.error is not None
    assert ended.error.code == "not_found"
