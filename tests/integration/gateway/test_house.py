"""Jobs through the real queue: from the request to the file and the webhook."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
from nats.aio.client import Client

from services.common.jetstream import connect
from services.gateway.records import AvatarStatus, VideoStatus
from tests.fakes.stage import Stage
from tests.integration.gateway.conftest import TEXT, House, Listener


async def video_of(client: httpx.AsyncClient, stage: Stage, **body: Any) -> dict[str, Any]:
    avatar = stage.avatars.add(stage.account.id)
    answer = await client.post("/v1/videos", json={"avatar_id": avatar.id, "script": TEXT, **body})
    assert answer.status_code == 202
    video: dict[str, Any] = answer.json()
    return video


async def followed(client: httpx.AsyncClient, video_id: str) -> AsyncIterator[dict[str, Any]]:
    async with client.stream("GET", f"/v1/videos/{video_id}/events", timeout=20) as response:
        async for line in response.aiter_lines():
            if line.startswith("data:"):
                yield json.loads(line[5:])


async def end_of(client: httpx.AsyncClient, video_id: str) -> dict[str, Any]:
    states = [state async for state in followed(client, video_id)]
    return states[-1]


async def test_a_job_goes_from_the_request_to_the_file_and_its_owner_is_told(
    house: House, stage: Stage, listener: Listener
) -> None:
    async with house.gateway() as client, house.worker():
        assert (await client.get("/readyz")).json()["status"] == "ok"
        video = await video_of(client, stage, webhook_url=listener.url)
        done = await end_of(client, video["id"])
        assert (done["status"], done["progress"]) == ("succeeded", 1.0)
        file = await client.get(f"/v1/videos/{video['id']}/content")
        assert len(file.content) == done["bytes"]
        headers, body = await asyncio.wait_for(listener.got.get(), 10)
        assert json.loads(body)["data"] == (await client.get(f"/v1/videos/{video['id']}")).json()
        assert headers["webhook-signature"].startswith("v1,")
        await client.post(f"/v1/videos/{video['id']}/webhook/replay")
        again, _ = await asyncio.wait_for(listener.got.get(), 10)
        assert again["webhook-id"] == headers["webhook-id"]


async def test_a_portrait_becomes_an_avatar_that_can_be_used(house: House, stage: Stage) -> None:
    async with house.gateway() as client, house.worker():
        answer = await client.post(
            "/v1/avatars",
            files={"image": ("me.png", b"IMG" + bytes(300_000))},
            data={"name": "Ada", "subject_authorised": "true"},
        )
        avatar = answer.json()
        async with asyncio.timeout(10):
            while stage.avatars.kept[avatar["id"]].status is AvatarStatus.PREPARING:
                await client.get(f"/v1/avatars/{avatar['id']}")
        ready = (await client.get(f"/v1/avatars/{avatar['id']}")).json()
        assert (ready["status"], ready["width"]) == ("ready", 512)


async def test_a_job_is_told_of_while_it_is_being_made(house: House, stage: Stage) -> None:
    async def until_told(frame: int) -> None:
        if frame % 20 == 10:
            stage.videos.updated.clear()
            await stage.videos.updated.wait()

    stage.animator.before_frame = until_told
    async with house.gateway(event_interval_s=60) as client, house.worker():
        video = await video_of(client, stage)
        states = [state async for state in followed(client, video["id"])]
    seen = list(dict.fromkeys(state["status"] for state in states))
    assert seen[0] == "queued"
    assert seen[-2:] == ["rendering", "succeeded"]
    shares = [state["progress"] for state in states]
    assert shares == sorted(shares)
    assert len(set(shares)) > 3


async def test_a_running_job_is_cancelled_within_moments(house: House, stage: Stage) -> None:
    reached = asyncio.Event()

    async def stand_still(frame: int) -> None:
        if frame == 10:
            reached.set()
            await asyncio.Event().wait()

    stage.animator.before_frame = stand_still
    async with house.gateway() as client, house.worker():
        video = await video_of(client, stage)
        await reached.wait()
        assert (await client.post(f"/v1/videos/{video['id']}/cancel")).status_code == 202
        assert (await end_of(client, video["id"]))["status"] == "cancelled"
        stage.animator.before_frame = None
        following = await video_of(client, stage)
        assert (await end_of(client, following["id"]))["status"] == "succeeded"


async def test_a_worker_that_ends_gives_its_job_to_the_next(house: House, stage: Stage) -> None:
    reached = asyncio.Event()

    async def stand_still(frame: int) -> None:
        if frame == 10:
            reached.set()
            await asyncio.Event().wait()

    stage.animator.before_frame = stand_still
    async with house.gateway() as client:
        async with house.worker():
            video = await video_of(client, stage)
            await reached.wait()
        assert stage.videos.kept[video["id"]].status is VideoStatus.QUEUED
        stage.animator.before_frame = None
        async with house.worker():
            done = await end_of(client, video["id"])
    assert done["status"] == "succeeded"
    assert stage.videos.kept[video["id"]].attempts == 2


async def test_two_workers_make_each_video_once(house: House, stage: Stage) -> None:
    async with house.gateway() as client, house.worker(), house.worker():
        videos = [await video_of(client, stage) for _ in range(6)]
        for video in videos:
            assert (await end_of(client, video["id"]))["status"] == "succeeded"
    assert len(stage.speaker.spoken) == 6


async def test_a_job_that_nobody_published_is_found(house: House, stage: Stage) -> None:
    async with house.gateway() as client:
        video = await video_of(client, stage)
        async with connect(house.nats.url, name="test") as nats:
            await nats.jetstream().purge_stream("JOBS")
        async with house.worker(reconcile_s=0.2, stranded_s=1), asyncio.timeout(20):
            assert (await end_of(client, video["id"]))["status"] == "succeeded"


async def test_a_poison_job_goes_to_the_dead_letters_and_blocks_nobody(
    house: House, stage: Stage
) -> None:
    async with house.gateway() as client, connect(house.nats.url, name="test") as nats:
        await nats.jetstream().publish("jobs.videos", b"\xff not a job")
        async with house.worker():
            video = await video_of(client, stage)
            assert (await end_of(client, video["id"]))["status"] == "succeeded"
        dead = await dead_letters(nats)
    assert dead == [("dead.videos", b"\xff not a job")]


async def dead_letters(nats: Client) -> list[tuple[str, bytes]]:
    js = nats.jetstream()
    info = await js.stream_info("DEAD")
    found = [await js.get_msg("DEAD", number + 1) for number in range(info.state.messages)]
    return [(message.subject or "", message.data or b"") for message in found]


async def test_events_end_and_requests_finish_when_the_gateway_drains(
    house: House, stage: Stage
) -> None:
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(house.gateway(event_interval_s=0.1))
        async with httpx.AsyncClient(base_url=client.base_url, headers=client.headers) as other:
            video = await video_of(client, stage)
            states = followed(other, video["id"])
            assert (await anext(states))["status"] == "queued"
            rest = asyncio.ensure_future(_rest(states))
            await stack.aclose()
            assert await rest == []


async def _rest(states: AsyncIterator[dict[str, Any]]) -> list[dict[str, Any]]:
    return [state async for state in states]


async def test_a_job_is_not_lost_when_the_queue_dies(house: House, stage: Stage) -> None:
    async with house.gateway() as client, house.worker(reconcile_s=0.5, stranded_s=1):
        house.nats.kill()
        answer = await client.get("/readyz")
        video = await video_of(client, stage)
        house.nats.start()
        async with asyncio.timeout(30):
            done = await end_of(client, video["id"])
    assert answer.status_code in {200, 503}
    assert done["status"] == "succeeded"


async def test_webhooks_are_tried_again(house: House, stage: Stage, listener: Listener) -> None:
    listener.statuses = [500]
    async with house.gateway() as client, house.worker():
        video = await video_of(client, stage, webhook_url=listener.url)
        await end_of(client, video["id"])
        first, _ = await asyncio.wait_for(listener.got.get(), 10)
        second, _ = await asyncio.wait_for(listener.got.get(), 15)
    assert first["webhook-id"] == second["webhook-id"]
