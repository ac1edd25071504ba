"""Claims in a bucket of a real nats-server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from nats.aio.client import Client

from services.common.errors import StartupError, Unavailable
from services.common.jetstream import connect
from services.gateway.live.owners import BUCKET, KvOwners
from tests.integration.conftest import NatsServer

HERE, THERE = "10.0.0.1:8080", "10.0.0.2:8080"
LEASE_S = 1.0


@pytest.fixture
async def nats(nats_server: NatsServer) -> AsyncIterator[Client]:
    async with connect(nats_server.url, name="test") as client:
        yield client


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(15):
        while not await condition():
            pass


def nowhere(owners: KvOwners, stream_id: str) -> Callable[[], Awaitable[bool]]:
    async def condition() -> bool:
        return await owners.owner_of(stream_id) is None

    return condition


def found(owners: KvOwners, stream_id: str, address: str) -> Callable[[], Awaitable[bool]]:
    async def condition() -> bool:
        try:
            return await owners.owner_of(stream_id) == address
        except Unavailable:
            return False

    return condition


async def test_a_claim_is_known_to_all_while_it_is_held_and_renewed(nats: Client) -> None:
    here = KvOwners(nats, HERE, lease_s=LEASE_S)
    there = KvOwners(nats, THERE, lease_s=LEASE_S)
    await here.ensure()
    await there.ensure()
    async with here.held("st_1"), there.held("st_2"):
        loop = asyncio.get_running_loop()
        until_s = loop.time() + 2 * LEASE_S
        while loop.time() < until_s:
            assert await there.owner_of("st_1") == HERE
            assert await here.owner_of("st_2") == THERE
        assert (await here.claims()).stream_ids == {"st_1", "st_2"}
    assert await there.owner_of("st_1") is None


async def test_a_claim_that_is_not_renewed_runs_out(nats: Client) -> None:
    owners = KvOwners(nats, HERE, lease_s=2 * LEASE_S)
    await owners.ensure()
    bucket = await nats.jetstream().key_value(BUCKET)
    await bucket.put("st_1", HERE.encode())
    assert (await owners.claims()).stream_ids == {"st_1"}
    await asyncio.wait_for(until(nowhere(owners, "st_1")), 2 * LEASE_S)
    assert (await owners.claims()).stream_ids == frozenset()


async def test_a_bucket_of_another_lease_is_brought_to_this_one(nats: Client) -> None:
    async with KvOwners(nats, HERE, lease_s=60).held("st_1"):
        before = await nats.jetstream().stream_info(f"KV_{BUCKET}")
        await KvOwners(nats, THERE, lease_s=10).ensure()
        after = await nats.jetstream().stream_info(f"KV_{BUCKET}")
        assert (before.config.max_age, after.config.max_age) == (30, 5)
        assert before.created == after.created
        assert await KvOwners(nats, THERE, lease_s=10).owner_of("st_1") == HERE


async def test_what_the_server_refuses_is_told_at_the_start(nats: Client) -> None:
    with pytest.raises(StartupError, match=BUCKET):
        await KvOwners(nats, HERE, lease_s=10, replicas=3).ensure()


async def test_a_claim_survives_a_restart_of_the_server(
    nats: Client, nats_server: NatsServer
) -> None:
    owners = KvOwners(nats, HERE, lease_s=60)
    async with owners.held("st_1"):
        nats_server.kill()
        with pytest.raises(Unavailable) as refused:
            await owners.claims()
        assert refused.value.retry_after_s
        nats_server.start()
        await until(found(owners, "st_1", HERE))


async def test_a_claim_is_made_again_in_a_bucket_that_was_lost(nats: Client) -> None:
    owners = KvOwners(nats, HERE, lease_s=LEASE_S)
    async with owners.held("st_1"):
        first = await owners.claims()
        await nats.jetstream().delete_key_value(BUCKET)
        await until(found(owners, "st_1", HERE))
        assert (await owners.claims()).bucket_made_at != first.bucket_made_at


async def test_without_a_message_server_a_stream_goes_on_unseen(
    nats: Client, nats_server: NatsServer
) -> None:
    owners = KvOwners(nats, HERE, lease_s=LEASE_S)
    await owners.ensure()
    nats_server.kill()
    async with asyncio.timeout(10), owners.held("st_1"):
        with pytest.raises(Unavailable):
            await owners.owner_of("st_1")
        nats_server.start()
        await until(found(owners, "st_1", HERE))
