"""Jobs that wait for a person: put aside, decided, taken up again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from vultus.events.v1 import events_pb2 as events

from services.common.errors import ContentRejected, NoFace, ReviewPending
from services.common.jetstream import Delivery, to_json
from services.gateway.moderation.policy import Patience, Policy, Reviewing
from services.gateway.moderation.records import Review, ReviewStatus
from services.gateway.records import Avatar, AvatarStatus, Suggestion, Video, VideoStatus
from tests.fakes.people import DOUBT
from tests.fakes.stage import Stage
from tests.unit.gateway.test_video_job import delivery, now, queued

APPROVED, REJECTED = ReviewStatus.APPROVED, ReviewStatus.REJECTED


async def held(stage: Stage) -> tuple[Video, Review]:
    """A job that a person has to decide on."""
    stage.moderator.verdict = DOUBT
    video = await queued(stage)
    await stage.video_jobs().handle(delivery(video))
    video = now(stage, video)
    return video, await stage.reviews.get(stage.account.id, video.review_id)


async def decide(stage: Stage, review: Review, status: ReviewStatus) -> Review:
    return await stage.approvals.reviews.decide(
        stage.account.id, review.id, status, author="key_1", note="looked at it"
    )


async def test_a_doubtful_script_puts_the_job_aside_with_what_was_found(stage: Stage) -> None:
    video, review = await held(stage)
    assert video.status is VideoStatus.MODERATING
    assert video.id not in stage.videos.leases
    assert (review.purpose, review.text) == ("video", video.spec.text)
    assert review.findings == DOUBT.findings
    assert review.policy_version == DOUBT.policy_version
    assert not stage.speaker.spoken


async def test_an_approved_job_is_taken_up_again_and_made(stage: Stage) -> None:
    video, review = await held(stage)
    await decide(stage, review, APPROVED)
    (job,) = stage.queue.of("videos")
    assert job == events.VideoJob(account_id=video.account_id, video_id=video.id)
    await stage.video_jobs().handle(delivery(video))
    assert now(stage, video).status is VideoStatus.SUCCEEDED


async def test_a_rejected_job_ends_with_what_was_found(stage: Stage) -> None:
    video, review = await held(stage)
    await decide(stage, review, REJECTED)
    await stage.video_jobs().handle(delivery(video))
    done = now(stage, video)
    assert done.status is VideoStatus.REJECTED
    assert done.error is not None
    assert (done.error.code, done.error.categories) == ("content_rejected", ("gambling",))
    assert "a person refused" in done.error.detail


async def test_a_decision_that_is_taken_back_is_queued_anew(stage: Stage) -> None:
    _, review = await held(stage)
    await decide(stage, review, REJECTED)
    decided = await decide(stage, review, APPROVED)
    assert [decision.status for decision in decided.decisions] == [REJECTED, APPROVED]
    assert len(stage.queue.of("videos")) == 2


@pytest.mark.parametrize(
    ("approve", "status"), [(False, VideoStatus.REJECTED), (True, VideoStatus.SUCCEEDED)]
)
async def test_what_nobody_decides_in_time_ends_as_the_policy_says(
    stage: Stage, approve: bool, status: VideoStatus
) -> None:
    reviewing = Reviewing(jobs=Patience(3_600, approve))
    await stage.policies.put(
        stage.account.id, Policy(reviewing=reviewing), author="key_1", expected_version=None
    )
    video, _ = await held(stage)
    await stage.video_jobs().handle(delivery(video))
    assert now(stage, video).status is VideoStatus.MODERATING
    stage.clock.time += timedelta(hours=1)
    await stage.video_jobs().handle(delivery(video))
    assert now(stage, video).status is status


async def test_where_nobody_reviews_doubt_is_a_no(stage: Stage) -> None:
    policy = Policy(reviewing=Reviewing(enabled=False))
    await stage.policies.put(stage.account.id, policy, author="key_1", expected_version=None)
    stage.moderator.verdict = DOUBT
    video = await queued(stage)
    await stage.video_jobs().handle(delivery(video))
    assert now(stage, video).status is VideoStatus.REJECTED
    assert not stage.reviews.kept


async def test_the_same_content_is_one_review_and_others_are_others(stage: Stage) -> None:
    _, review = await held(stage)
    video, again = await held(stage)
    assert again.id == review.id
    await decide(stage, review, APPROVED)
    assert len(stage.queue.of("videos")) == 2
    approver = stage.approvals.for_job(stage.account.id, "speech")
    await approver.text(video.spec.text or "")
    with pytest.raises(ReviewPending):
        await approver.text("Something else.")
    stranger, _ = stage.stranger()
    with pytest.raises(ReviewPending):
        await stage.approvals.for_job(stranger.id, "speech").text(video.spec.text or "")


async def test_what_is_blocked_is_refused_whatever_was_approved(stage: Stage) -> None:
    video, review = await held(stage)
    await decide(stage, review, APPROVED)
    stage.moderator.verdict = replace(DOUBT, suggestion=Suggestion.BLOCK)
    with pytest.raises(ContentRejected):
        await stage.approvals.for_job(stage.account.id, "video").text(video.spec.text or "")


async def test_a_cancelled_job_is_not_put_aside(stage: Stage) -> None:
    stage.moderator.verdict = DOUBT
    video = await queued(stage, cancel_requested=True)
    await stage.video_jobs().handle(delivery(video))
    assert now(stage, video).status is VideoStatus.CANCELLED


async def avatar_held(stage: Stage) -> tuple[Avatar, Review]:
    stage.moderator.verdict = DOUBT
    async with stage.client() as client:
        files = {"image": ("me.png", b"IMG")}
        data = {"name": "Ada", "subject_authorised": "true"}
        made = await client.post("/v1/avatars", files=files, data=data)
    assert made.status_code == 201, made.text
    avatar = stage.avatars.kept[made.json()["id"]]
    assert made.json()["review_id"] == avatar.review_id
    assert not stage.queue.of("avatars")
    return avatar, await stage.reviews.get(stage.account.id, avatar.review_id)


def avatar_delivery(avatar: Avatar) -> Delivery:
    job = events.AvatarJob(account_id=avatar.account_id, avatar_id=avatar.id)
    return Delivery(to_json(job), 1)


async def test_nobody_is_asked_about_a_picture_that_can_not_be_used(stage: Stage) -> None:
    stage.moderator.verdict = DOUBT
    stage.animator.portrait_error = NoFace("no face")
    async with stage.client() as client:
        files = {"image": ("me.png", b"IMG")}
        data = {"name": "Ada", "subject_authorised": "true"}
        made = await client.post("/v1/avatars", files=files, data=data)
    assert made.json()["code"] == "no_face"
    assert not stage.reviews.kept


@pytest.mark.parametrize(
    ("decision", "status"), [(APPROVED, AvatarStatus.READY), (REJECTED, AvatarStatus.REJECTED)]
)
async def test_an_avatar_waits_for_the_person_who_looks_at_its_portrait(
    stage: Stage, decision: ReviewStatus, status: AvatarStatus
) -> None:
    avatar, review = await avatar_held(stage)
    await stage.avatar_jobs().handle(avatar_delivery(avatar))
    assert stage.avatars.kept[avatar.id].status is AvatarStatus.PREPARING
    await decide(stage, review, decision)
    assert len(stage.queue.of("avatars")) == 1
    await stage.avatar_jobs().handle(avatar_delivery(avatar))
    assert stage.avatars.kept[avatar.id].status is status


async def test_an_avatar_that_nobody_looks_at_is_rejected(stage: Stage) -> None:
    avatar, _ = await avatar_held(stage)
    stage.clock.time += timedelta(days=2)
    await stage.avatar_jobs().handle(avatar_delivery(avatar))
    done = stage.avatars.kept[avatar.id]
    assert done.status is AvatarStatus.REJECTED
    assert done.error is not None
    assert done.error.code == "content_rejected"
