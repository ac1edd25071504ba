"""Jobs over a real nats-server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from vultus.events.v1.events_pb2 import VideoJob

from services.common.errors import StartupError, Unavailable
from services.common.jetstream import (
    DEAD_STREAM,
    JOBS_STREAM,
    KEPT_DAYS,
    Delivery,
    Discard,
    JobQueue,
    RetryLater,
    connect,
    retry_delay_s,
    to_json,
)
from services.common.logging import current_request_id, request_scope
from tests.integration.conftest import NatsServer

if TYPE_CHECKING:
    from nats.aio.client import Client

WAIT_S = 20


@asynccontextmanager
async def queue_on(url: str) -> AsyncIterator[tuple[JobQueue, Client]]:
    async with connect(url, name="test") as client:
        queue = JobQueue(client)
        await queue.ensure_streams()
        yield queue, client


@asynccontextmanager
async def consuming(
    queue: JobQueue, handler: Callable[[Delivery], Awaitable[None]], ack_wait_s: float = 30
) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(queue.consume("videos", handler, ack_wait_s=ack_wait_s))
        try:
            yield
        finally:
            task.cancel()


def job(video_id: str) -> VideoJob:
    return VideoJob(account_id="ac_1", video_id=video_id)


async def next_of(seen: asyncio.Queue[Delivery]) -> Delivery:
    return await asyncio.wait_for(seen.get(), WAIT_S)


async def test_a_job_published_twice_is_done_once_with_its_request_id(
    nats_server: NatsServer,
) -> None:
    seen: asyncio.Queue[tuple[bytes, str | None]] = asyncio.Queue()

    async def handler(delivery: Delivery) -> None:
        await seen.put((delivery.payload, current_request_id()))

    async with queue_on(nats_server.url) as (queue, _):
        with request_scope("rq_original"):
            await queue.publish("videos", job("vd_1"), message_id="vd_1")
            await queue.publish("videos", job("vd_1"), message_id="vd_1")
        await queue.publish("videos", job("vd_2"), message_id="vd_2")
        async with consuming(queue, handler):
            first = await asyncio.wait_for(seen.get(), WAIT_S)
            second = await asyncio.wait_for(seen.get(), WAIT_S)
    assert first == (to_json(job("vd_1")), "rq_original")
    assert b"vd_2" in second[0]
    assert seen.empty()


async def test_a_job_that_asks_for_it_comes_again(nats_server: NatsServer) -> None:
    seen: asyncio.Queue[Delivery] = asyncio.Queue()

    async def handler(delivery: Delivery) -> None:
        await seen.put(delivery)
        if delivery.attempt == 1:
            raise RetryLater(0.01, "not yet")

    async with queue_on(nats_server.url) as (queue, _):
        await queue.publish("videos", job("vd_1"), message_id="vd_1")
        async with consuming(queue, handler):
            assert (await next_of(seen)).attempt == 1
            assert (await next_of(seen)).attempt == 2


async def test_a_poison_job_goes_to_the_dead_letters_and_blocks_nobody(
    nats_server: NatsServer,
) -> None:
    seen: asyncio.Queue[Delivery] = asyncio.Queue()

    async def handler(delivery: Delivery) -> None:
        await seen.put(delivery)
        if b"vd_poison" in delivery.payload:
            raise Discard("it can't be drawn")

    async with queue_on(nats_server.url) as (queue, client):
        await queue.publish("videos", job("vd_poison"), message_id="vd_poison")
        await queue.publish("videos", job("vd_good"), message_id="vd_good")
        async with consuming(queue, handler):
            await next_of(seen)
            assert b"vd_good" in (await next_of(seen)).payload
        dead = await client.jetstream().get_last_msg(DEAD_STREAM, "dead.videos")
    assert dead.data is not None
    assert b"vd_poison" in dead.data
    assert (dead.headers or {})["Vultus-Reason"] == "it can't be drawn"


async def test_a_cancelled_consumer_gives_its_job_back_at_once(nats_server: NatsServer) -> None:
    started = asyncio.Event()
    seen: asyncio.Queue[Delivery] = asyncio.Queue()

    async def stuck(_: Delivery) -> None:
        started.set()
        await asyncio.Event().wait()

    async def handler(delivery: Delivery) -> None:
        await seen.put(delivery)

    async with queue_on(nats_server.url) as (queue, _):
        await queue.publish("videos", job("vd_1"), message_id="vd_1")
        async with consuming(queue, stuck):
            await asyncio.wait_for(started.wait(), WAIT_S)
        async with consuming(queue, handler):
            assert (await next_of(seen)).attempt == 2


async def test_heartbeats_keep_a_long_job_with_its_consumer(nats_server: NatsServer) -> None:
    """The handler outlives the acknowledgement time: without heartbeats it would run twice."""
    deliveries: list[int] = []
    done = asyncio.Event()

    async def handler(delivery: Delivery) -> None:
        deliveries.append(delivery.attempt)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 3)
        done.set()

    async with queue_on(nats_server.url) as (queue, _):
        await queue.publish("videos", job("vd_1"), message_id="vd_1")
        async with consuming(queue, handler, ack_wait_s=1), consuming(queue, handler, ack_wait_s=1):
            await asyncio.wait_for(done.wait(), WAIT_S)
    assert deliveries == [1]


async def test_jobs_survive_the_servers_death(nats_server: NatsServer) -> None:
    seen: asyncio.Queue[Delivery] = asyncio.Queue()

    async def handler(delivery: Delivery) -> None:
        await seen.put(delivery)

    async with queue_on(nats_server.url) as (queue, _):
        await queue.publish("videos", job("vd_1"), message_id="vd_1")
        nats_server.kill()
        with pytest.raises(Unavailable):
            await queue.publish("videos", job("vd_2"), message_id="vd_2")
        nats_server.start()
        async with consuming(queue, handler):
            assert b"vd_1" in (await next_of(seen)).payload


async def test_no_server_is_unavailable_not_a_hang() -> None:
    with pytest.raises(Unavailable):
        async with connect("nats://127.0.0.1:1", name="test", first_wait_s=1):
            pass


def test_pauses_grow_to_a_limit() -> None:
    pauses = [retry_delay_s(attempt) for attempt in range(1, 12)]
    assert pauses == sorted(pauses)
    assert pauses[-1] == pauses[-2]


async def test_more_replicas_than_servers_are_refused_with_the_reason(
    nats_server: NatsServer,
) -> None:
    async with connect(nats_server.url, name="test") as client:
        with pytest.raises(StartupError, match="JOBS: replicas > 1"):
            await JobQueue(client, replicas=3).ensure_streams()


async def test_no_message_outlives_its_days_whichever_stream_it_is_in(
    nats_server: NatsServer,
) -> None:
    async with connect(nats_server.url, name="test") as client:
        for days in (KEPT_DAYS, 30, KEPT_DAYS):
            await JobQueue(client, kept_days=days).ensure_streams()
            for stream in (JOBS_STREAM, DEAD_STREAM):
                config = (await client.jetstream().stream_info(stream)).config
                assert config.max_age == days * 86_400
