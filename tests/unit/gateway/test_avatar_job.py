"""One avatar job, and every way in which it can end."""

from __future__ import annotations

import pytest
from vultus.events.v1 import events_pb2 as events

from services.common.errors import FaceTooSmall, Internal, Unavailable
from services.common.jetstream import Delivery, Discard, RetryLater, to_json
from services.gateway.records import Avatar, AvatarPack, AvatarStatus
from tests.fakes.stage import Stage


def delivery(avatar: Avatar, attempt: int = 1) -> Delivery:
    job = events.AvatarJob(account_id=avatar.account_id, avatar_id=avatar.id)
    return Delivery(to_json(job), attempt)


@pytest.fixture
def avatar(stage: Stage) -> Avatar:
    return stage.avatars.add(stage.account.id, AvatarStatus.PREPARING)


async def test_an_avatar_is_ready_in_its_natural_size(stage: Stage, avatar: Avatar) -> None:
    await stage.avatar_jobs().handle(delivery(avatar))
    done = stage.avatars.kept[avatar.id]
    assert (done.status, done.width, done.height) == (AvatarStatus.READY, 512, 640)


async def test_a_portrait_that_can_not_be_used_fails_with_its_code(
    stage: Stage, avatar: Avatar
) -> None:
    stage.animator.portrait_error = FaceTooSmall("use a larger picture")
    await stage.avatar_jobs().handle(delivery(avatar))
    done = stage.avatars.kept[avatar.id]
    assert done.status is AvatarStatus.FAILED
    assert done.error is not None
    assert (done.error.code, done.error.detail) == ("face_too_small", "use a larger picture")


async def test_what_is_down_is_tried_again_then_fails(stage: Stage, avatar: Avatar) -> None:
    stage.animator.portrait_error = Unavailable("lipsync is down")
    jobs = stage.avatar_jobs()
    for attempt in (1, 2):
        with pytest.raises(RetryLater):
            await jobs.handle(delivery(avatar, attempt))
    await jobs.handle(delivery(avatar, 3))
    error = stage.avatars.kept[avatar.id].error
    assert error is not None
    assert error.retryable


async def test_a_defect_is_tried_three_times_then_buried(stage: Stage, avatar: Avatar) -> None:
    stage.animator.portrait_error = Internal("internal error")
    jobs = stage.avatar_jobs()
    for attempt in (1, 2):
        with pytest.raises(RetryLater):
            await jobs.handle(delivery(avatar, attempt))
    with pytest.raises(Discard):
        await jobs.handle(delivery(avatar, 3))
    assert stage.avatars.kept[avatar.id].status is AvatarStatus.FAILED


async def test_an_avatar_that_killed_its_workers_is_buried(stage: Stage, avatar: Avatar) -> None:
    stage.strikes.counts[avatar.id] = 3
    with pytest.raises(Discard):
        await stage.avatar_jobs().handle(delivery(avatar, 4))


async def test_a_finished_or_erased_avatar_is_left_alone(stage: Stage, avatar: Avatar) -> None:
    ready = stage.avatars.add(stage.account.id)
    await stage.avatar_jobs().handle(delivery(ready, 2))
    assert stage.avatars.kept[ready.id] == ready
    del stage.avatars.kept[avatar.id]
    await stage.avatar_jobs().handle(delivery(avatar))


async def test_an_avatar_that_is_erased_while_it_is_built_leaves_nothing(
    stage: Stage, avatar: Avatar, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def build(*_: object, **__: object) -> AvatarPack:
        stage.objects.kept[avatar.pack] = stage.objects.kept[avatar.preview] = b"built"
        del stage.avatars.kept[avatar.id]
        return AvatarPack(512, 640)

    monkeypatch.setattr(stage.animator, "prepare", build)
    await stage.avatar_jobs().handle(delivery(avatar))
    assert not stage.objects.kept
