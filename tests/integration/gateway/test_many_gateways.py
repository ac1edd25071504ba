"""Several gateways on one message server: a stream lives on one of them, every one serves it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from tests.fakes.stage import Stage
from tests.integration.gateway.conftest import House

LEASE_S = 1.0


class Process:
    """A gateway in a process of its own, which can be killed, stopped, and let go on."""

    def __init__(self, process: asyncio.subprocess.Process, client: httpx.AsyncClient) -> None:
        self._process = process
        self.client = client

    def send(self, how: signal.Signals) -> None:
        self._process.send_signal(how)


@asynccontextmanager
async def process_of(house: House, **settings: Any) -> AsyncIterator[Process]:
    values = {
        "listen": "127.0.0.1:0",
        "nats_url": house.nats.url,
        "stream_lease_s": LEASE_S,
        **house.addresses.settings(),
        **settings,
    }
    variables = {f"VULTUS_GATEWAY_{name.upper()}": str(value) for name, value in values.items()}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.gateway"),
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | variables,
    )
    assert process.stdout is not None
    try:
        ready: dict[str, Any] = {}
        while ready.get("event") != "service.ready":
            ready = json.loads(await process.stdout.readline())
        drained = asyncio.ensure_future(process.stdout.read())
        async with httpx.AsyncClient(
            base_url=f"http://{ready['address']}",
            headers={"Authorization": f"Bearer {house.stage.secret}"},
            trust_env=False,
            timeout=30,
        ) as client:
            yield Process(process, client)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await drained


@pytest.fixture
async def pair(house: House) -> AsyncIterator[tuple[httpx.AsyncClient, httpx.AsyncClient]]:
    """The gateway that will own a stream, and another."""
    async with AsyncExitStack() as stack:
        owner = await stack.enter_async_context(house.gateway(stream_lease_s=LEASE_S))
        other = await stack.enter_async_context(house.gateway(stream_lease_s=LEASE_S))
        yield owner, other


async def new_stream(client: httpx.AsyncClient, stage: Stage, **body: Any) -> dict[str, Any]:
    avatar = stage.avatars.add(stage.account.id)
    answer = await client.post("/v1/streams", json={"avatar_id": avatar.id, **body})
    assert answer.status_code == 201, answer.text
    stream: dict[str, Any] = answer.json()
    return stream


def socket_of(
    client: httpx.AsyncClient, stream: dict[str, Any], token: str | None = None
) -> connect:
    url = str(client.base_url).replace("http://", "ws://").rstrip("/")
    names = ("vultus", f"token.{token or stream['token']}")
    return connect(
        f"{url}{stream['control_url']}",
        subprotocols=[Subprotocol(name) for name in names],
        proxy=None,
    )


async def told(socket: ClientConnection, kind: str) -> dict[str, Any]:
    async with asyncio.timeout(10):
        async for text in socket:
            event: dict[str, Any] = json.loads(text)
            if event["type"] == kind:
                return event
    raise AssertionError(f"the socket was closed before {kind}")


async def ended(client: httpx.AsyncClient, stream: dict[str, Any]) -> dict[str, Any]:
    async with asyncio.timeout(20):
        while True:
            record: dict[str, Any] = (await client.get(f"/v1/streams/{stream['id']}")).json()
            if record["status"] in ("ended", "failed"):
                return record


async def test_every_gateway_serves_a_stream_that_lives_on_one(
    pair: tuple[httpx.AsyncClient, httpx.AsyncClient], stage: Stage
) -> None:
    owner, other = pair
    stream = await new_stream(owner, stage)
    path = f"/v1/streams/{stream['id']}"
    assert (await other.get(path)).json()["id"] == stream["id"]
    made = await other.post(
        f"{path}/drives", json={"text": "Good day."}, headers={"X-Request-Id": "from-a-client"}
    )
    assert (made.status_code, made.headers["x-request-id"]) == (202, "from-a-client")
    assert made.headers.get_list("date") == [made.headers["date"]]
    drive_id = made.json()["id"]
    assert (await other.get(f"{path}/drives/{drive_id}")).json()["id"] == drive_id
    stopped = await other.post(f"{path}/interrupt", json={"drive_id": drive_id})
    assert stopped.json()["drive_id"] == drive_id
    drive = (await owner.get(f"{path}/drives/{drive_id}")).json()
    assert (drive["status"], drive["played_ms"]) == ("interrupted", stopped.json()["played_ms"])
    assert (await other.delete(path)).status_code == 204
    assert (await ended(owner, stream))["reason"] == "deleted"
    late = await other.post(f"{path}/drives", json={"text": "Too late."})
    assert (late.status_code, late.json()["code"]) == (409, "stream_ended")


async def test_a_stream_s_token_opens_it_through_every_gateway(
    pair: tuple[httpx.AsyncClient, httpx.AsyncClient], stage: Stage
) -> None:
    owner, other = pair
    stream = await new_stream(owner, stage)
    path = f"/v1/streams/{stream['id']}/drives"
    for token, status in ((stream["token"], 202), ("vt_another", 401)):
        headers = {"Authorization": f"Bearer {token}"}
        answer = await other.post(path, json={"text": "Good day."}, headers=headers)
        assert answer.status_code == status
    _, strange = stage.stranger()
    headers = {"Authorization": f"Bearer {strange}"}
    answer = await other.post(path, json={"text": "Good day."}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_a_body_over_the_limit_is_refused_on_the_way(
    pair: tuple[httpx.AsyncClient, httpx.AsyncClient], stage: Stage
) -> None:
    owner, other = pair
    stream = await new_stream(owner, stage)

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(30):
            yield bytes(100_000)

    answer = await other.post(
        f"/v1/streams/{stream['id']}/drives",
        content=endless(),
        headers={"Content-Type": "application/json"},
    )
    assert (answer.status_code, answer.json()["code"]) == (413, "payload_too_large")


async def test_the_control_socket_passes_through_another_gateway(
    pair: tuple[httpx.AsyncClient, httpx.AsyncClient], stage: Stage
) -> None:
    owner, other = pair
    stream = await new_stream(owner, stage)
    async with socket_of(other, stream) as far, socket_of(owner, stream) as near:
        assert far.subprotocol == "vultus"
        await far.send(json.dumps({"type": "ping"}))
        await told(far, "pong")
        await far.send(json.dumps({"type": "drive", "text": "Good day to you."}))
        drive = (await told(near, "drive.queued"))["drive_id"]
        assert (await told(far, "drive.finished"))["drive_id"] == drive
        start = {"type": "audio.start", "sample_rate": 16000, "channels": 1}
        await far.send(json.dumps(start))
        await far.send(bytes(6400))
        await far.send(json.dumps({"type": "audio.end"}))
        heard = await told(far, "drive.started")
        assert heard["drive_id"] != drive
        assert (await other.delete(f"/v1/streams/{stream['id']}")).status_code == 204
        assert (await told(far, "stream.state"))["reason"] == "deleted"
        await far.wait_closed()
        assert far.close_code == 1000


async def test_a_socket_that_the_owner_refuses_is_refused_with_its_problem(
    pair: tuple[httpx.AsyncClient, httpx.AsyncClient], stage: Stage
) -> None:
    owner, other = pair
    stream = await new_stream(owner, stage)
    with pytest.raises(InvalidStatus) as refused:
        await socket_of(other, stream, token="vt_another")  # noqa: S106 - not valid
    assert refused.value.response.status_code == 401
    assert json.loads(refused.value.response.body)["code"] == "unauthenticated"


async def test_what_was_handed_on_once_is_not_handed_on_again(
    pair: tuple[httpx.AsyncClient, httpx.AsyncClient], stage: Stage
) -> None:
    owner, other = pair
    stream = await new_stream(owner, stage)
    answer = await other.post(
        f"/v1/streams/{stream['id']}/drives",
        json={"text": "Good day."},
        headers={"X-Vultus-Forwarded": "1"},
    )
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer.headers["retry-after"]


async def test_the_streams_of_a_killed_gateway_end_with_a_reason(
    house: House, stage: Stage
) -> None:
    async with house.gateway(stream_lease_s=LEASE_S) as other, process_of(house) as owner:
        stream = await new_stream(owner.client, stage)
        async with socket_of(other, stream) as socket:
            await told(socket, "stream.state")
            owner.send(signal.SIGKILL)
            with pytest.raises(ConnectionClosed):
                await told(socket, "stream.state")
            assert socket.close_code == 1012
        path = f"/v1/streams/{stream['id']}/drives"
        answer = await other.post(path, json={"text": "Anybody there?"})
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        record = await ended(other, stream)
        assert (record["status"], record["reason"]) == ("ended", "gateway_lost")
        for bearer in (stage.secret, stream["token"]):
            headers = {"Authorization": f"Bearer {bearer}"}
            answer = await other.post(path, json={"text": "Anybody?"}, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (409, "stream_ended")
            assert "gateway_lost" in answer.json()["detail"]
        with pytest.raises(InvalidStatus) as refused:
            await socket_of(other, stream)
        assert json.loads(refused.value.response.body)["code"] == "stream_ended"


async def test_a_gateway_that_stood_still_learns_that_it_was_given_up(
    house: House, stage: Stage
) -> None:
    async with house.gateway(stream_lease_s=LEASE_S) as other, process_of(house) as owner:
        stream = await new_stream(owner.client, stage)
        async with socket_of(owner.client, stream) as socket:
            await told(socket, "stream.state")
            owner.send(signal.SIGSTOP)
            try:
                assert (await ended(other, stream))["reason"] == "gateway_lost"
            finally:
                owner.send(signal.SIGCONT)
            assert (await told(socket, "stream.state"))["reason"] == "gateway_lost"
        assert (await new_stream(owner.client, stage))["status"] == "created"


async def test_an_outage_of_the_message_server_ends_no_stream(house: House, stage: Stage) -> None:
    async with AsyncExitStack() as stack:
        owner, other = [
            await stack.enter_async_context(house.gateway(stream_lease_s=LEASE_S)) for _ in "12"
        ]
        stream = await new_stream(owner, stage)
        path = f"/v1/streams/{stream['id']}/drives"
        house.nats.kill()
        outage = asyncio.get_running_loop().time() + 2 * LEASE_S
        while asyncio.get_running_loop().time() < outage:
            said = await owner.post(path, json={"text": "Still here."})
            assert said.status_code == 202, said.text
        answer = await other.post(path, json={"text": "Over there?"})
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        house.nats.start()
        async with asyncio.timeout(20):
            while (await other.post(path, json={"text": "Again."})).status_code != 202:
                pass
        judged = asyncio.get_running_loop().time() + 2 * LEASE_S
        while asyncio.get_running_loop().time() < judged:
            assert (await other.get(f"/v1/streams/{stream['id']}")).json()["status"] != "ended"
        assert (await owner.delete(f"/v1/streams/{stream['id']}")).status_code == 204
