"""Strikes and lost jobs on a real nats-server."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from nats.aio.client import Client

from services.common.jetstream import JobQueue, connect
from services.gateway.jobs import VIDEOS, Jobs
from services.gateway.reconciler import Reconciler
from services.gateway.records import NewVideo, VideoSpec
from services.gateway.strikes import KvStrikes
from tests.fakes.stage import Stage
from tests.integration.conftest import NatsServer


@pytest.fixture
async def nats(nats_server: NatsServer) -> AsyncIterator[Client]:
    async with connect(nats_server.url, name="test") as client:
        yield client


async def waiting(nats: Client, queue: str) -> int:
    info = await nats.jetstream().stream_info("JOBS", subjects_filter=f"jobs.{queue}")
    return sum((info.state.subjects or {}).values())


async def test_strikes_count_what_had_no_orderly_end(nats: Client) -> None:
    strikes = KvStrikes(nats.jetstream())
    assert [await strikes.begin("vd_1"), await strikes.begin("vd_1")] == [1, 2]
    await strikes.end("vd_1")
    assert await strikes.begin("vd_2") == 1
    assert await KvStrikes(nats.jetstream()).begin("vd_1") == 2


async def test_strikes_survive_a_restart_of_the_server(
    nats: Client, nats_server: NatsServer
) -> None:
    strikes = KvStrikes(nats.jetstream())
    await strikes.begin("vd_1")
    nats_server.kill()
    nats_server.start()
    async with connect(nats_server.url, name="after") as again:
        assert await KvStrikes(again.jetstream()).begin("vd_1") == 2


async def test_without_a_connection_a_job_counts_as_new(nats: Client) -> None:
    strikes = KvStrikes(nats.jetstream())
    await strikes.begin("vd_1")
    await nats.close()
    assert await strikes.begin("vd_1") == 1
    await strikes.end("vd_1")


async def test_lost_jobs_are_queued_again_once_and_waiting_ones_left_alone(
    nats: Client,
) -> None:
    queue = JobQueue(nats)
    await queue.ensure_streams()
    stage, jobs = Stage(), Jobs(queue)
    reconciler = Reconciler(stage.videos, jobs, nats.jetstream(), every_s=60, idle_s=1)
    avatar = stage.avatars.add(stage.account.id)
    new = NewVideo(VideoSpec(avatar.id, "Hello.", None, "vo_en_heart", 1.0, 0, 0, 25, True))
    await jobs.make_video(await stage.videos.create(stage.account.id, new))
    stage.clock.advance(seconds=5)
    await reconciler.look()
    assert await waiting(nats, VIDEOS) == 1
    await stage.videos.create(stage.account.id, new)
    stage.clock.advance(seconds=5)
    await reconciler.look()
    found = await waiting(nats, VIDEOS)
    assert found >= 2
    await reconciler.look()
    assert await waiting(nats, VIDEOS) == found
