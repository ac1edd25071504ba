"""Sending a stream elsewhere over HTTP: who may, where to, and what is told of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise

import httpx
import pytest

from services.gateway.live.events import Event
from services.gateway.media import Frame
from services.gateway.outputs.output import Pauses
from services.gateway.outputs.rtmp import publisher
from services.gateway.outputs.whip import whip_push
from services.gateway.records import StreamStatus
from services.gateway.settings import GatewaySettings
from tests.contract.gateway.test_doors import problem
from tests.fakes.film import Film
from tests.fakes.rtmp_server import RtmpServer, rtmp_server
from tests.fakes.stage import Stage
from tests.fakes.watcher import Watcher, until
from tests.fakes.whip_endpoint import WhipEndpoint, whip_endpoint

DARK = 128
"""Flashes are brighter."""
QUIET = 0.1
"""Beeps are louder."""
PACKET_S = 0.02
"""How exactly the start of a beep is told."""
KEY = "the-stream-key"
Json = dict[str, object]


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    stage = Stage(GatewaySettings(key_cache_s=0, output_private_addresses=True, max_outputs=2))
    stage.animator = Film()
    stage.pauses = Pauses(first_s=0.05, most_s=0.1)
    yield stage
    await stage.sessions.close()
    await stage.outputs.close()


@pytest.fixture
def strict(stage: Stage) -> Stage:
    """The stage, where streams go to public addresses only; to be asked for before a client."""
    stage.settings = stage.settings.model_copy(update={"output_private_addresses": False})
    return stage


@pytest.fixture
async def stream(stage: Stage, client: httpx.AsyncClient) -> Json:
    avatar = stage.avatars.add(stage.account.id)
    made: Json = (await client.post("/v1/streams", json={"avatar_id": avatar.id})).json()
    return made


@pytest.fixture
def outputs_url(stream: Json) -> str:
    return f"/v1/streams/{stream['id']}/outputs"


@pytest.fixture
async def server() -> AsyncIterator[RtmpServer]:
    async with rtmp_server(RtmpServer()) as server:
        yield server


@pytest.fixture
async def endpoint() -> AsyncIterator[WhipEndpoint]:
    async with whip_endpoint(WhipEndpoint()) as endpoint:
        yield endpoint


def rtmp_url(server: RtmpServer) -> str:
    return f"rtmp://127.0.0.1:{server.port}/live/{KEY}"


async def added(client: httpx.AsyncClient, outputs_url: str, url: str, **more: str) -> Json:
    response = await client.post(outputs_url, json={"url": url, **more})
    assert response.status_code == 201, response.text
    told: Json = response.json()
    return told


async def eventually(
    client: httpx.AsyncClient, outputs_url: str, output: Json, status: str
) -> Json:
    """The output as soon as it has that status."""
    never: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    async with asyncio.timeout(20):
        while True:
            told: Json = (await client.get(f"{outputs_url}/{output['id']}")).json()
            if told["status"] == status:
                return told
            await asyncio.wait({never}, timeout=0.02)


async def test_an_output_is_told_of_without_its_key(
    client: httpx.AsyncClient, outputs_url: str, server: RtmpServer
) -> None:
    output = await added(client, outputs_url, rtmp_url(server))
    shown = {**output, "id": "ou_", "created_at": ""}
    assert shown == {
        "id": "ou_",
        "url": f"rtmp://127.0.0.1:{server.port}/live/***",
        "kind": "rtmp",
        "status": "connecting",
        "error": None,
        "bytes_sent": 0,
        "reconnects": 0,
        "created_at": "",
    }
    assert str(output["id"]).startswith("ou_")
    assert (await client.get(outputs_url)).json()["items"][0]["id"] == output["id"]
    told = await eventually(client, outputs_url, output, "live")
    assert KEY not in str(told)
    assert [KEY in map(str, command) for command in server.commands if command[0] == "publish"]


async def test_a_stream_that_is_sent_somewhere_is_live(
    stage: Stage, client: httpx.AsyncClient, stream: Json, outputs_url: str, server: RtmpServer
) -> None:
    output = await added(client, outputs_url, rtmp_url(server))
    await until(lambda: stage.streams.kept[str(stream["id"])].status is StreamStatus.LIVE)
    session = stage.sessions.find(str(stream["id"]))
    assert session
    watched = [session.program.watched]
    assert (await client.delete(f"{outputs_url}/{output['id']}")).status_code == 204
    watched.append(session.program.watched)
    assert watched == [True, False]
    assert server.names[-2:] == ["FCUnpublish", "deleteStream"]
    problem(await client.get(f"{outputs_url}/{output['id']}"), 404, "not_found")
    assert (await client.get(outputs_url)).json() == {"items": []}


async def test_controllers_hear_how_an_output_gets_on(
    stage: Stage, client: httpx.AsyncClient, stream: Json, outputs_url: str, server: RtmpServer
) -> None:
    session = stage.sessions.find(str(stream["id"]))
    assert session
    with session.events.listen() as events:
        output = await added(client, outputs_url, rtmp_url(server))
        await until(lambda: len(server.media) > 10)
        server.say("NetStream.Failed", "error")
        await until(lambda: server.connections == 2 and server.names.count("publish") == 2)
        await eventually(client, outputs_url, output, "live")
        await client.delete(f"{outputs_url}/{output['id']}")
        await client.delete(f"/v1/streams/{stream['id']}")
        heard = [event async for event in events]
    states = [event.fields for event in heard if event.type == "output.state"]
    assert [state["status"] for state in states] == ["live", "retrying", "live", "ended"]
    assert {state["output_id"] for state in states} == {output["id"]}
    assert states[1]["detail"] == "the server ended the stream: NetStream.Failed"
    assert Event("stream.state").type in {event.type for event in heard}


async def test_outputs_end_with_the_stream(
    stage: Stage, client: httpx.AsyncClient, stream: Json, outputs_url: str, server: RtmpServer
) -> None:
    await added(client, outputs_url, rtmp_url(server))
    await until(lambda: len(server.media) > 10)
    await client.delete(f"/v1/streams/{stream['id']}")
    await stage.outputs.close()
    await until(lambda: not server.writers)
    assert server.names[-1] == "deleteStream"
    problem(await client.get(outputs_url), 409, "stream_ended")
    problem(await client.post(outputs_url, json={"url": rtmp_url(server)}), 409, "stream_ended")


async def test_there_are_only_so_many_outputs(
    client: httpx.AsyncClient, outputs_url: str, server: RtmpServer
) -> None:
    first = await added(client, outputs_url, rtmp_url(server))
    await added(client, outputs_url, rtmp_url(server))
    told = problem(await client.post(outputs_url, json={"url": rtmp_url(server)}), 409, "conflict")
    assert told["detail"] == "the stream has 2 outputs already; delete one first"
    await client.delete(f"{outputs_url}/{first['id']}")
    await added(client, outputs_url, rtmp_url(server))


async def test_who_may_steer_the_stream_may_send_it(
    stage: Stage, client: httpx.AsyncClient, stream: Json, outputs_url: str, server: RtmpServer
) -> None:
    made = await client.post(f"/v1/streams/{stream['id']}/tokens", json={"rights": ["view"]})
    async with stage.client(str(stream["token"])) as controller:
        output = await added(controller, outputs_url, rtmp_url(server))
    async with stage.client(made.json()["token"]) as viewer:
        problem(await viewer.get(outputs_url), 403, "forbidden")
    async with stage.client(stage.stranger()[1]) as stranger:
        problem(await stranger.get(outputs_url), 404, "not_found")
        problem(await stranger.delete(f"{outputs_url}/{output['id']}"), 404, "not_found")


async def test_the_same_request_again_sends_the_stream_once(
    client: httpx.AsyncClient, outputs_url: str, server: RtmpServer
) -> None:
    body, headers = {"url": rtmp_url(server)}, {"Idempotency-Key": "once"}
    first = await client.post(outputs_url, json=body, headers=headers)
    again = await client.post(outputs_url, json=body, headers=headers)
    assert first.json()["id"] == again.json()["id"]
    assert len((await client.get(outputs_url)).json()["items"]) == 1


@pytest.mark.parametrize(
    ("url", "detail"),
    [
        ("rtmp://localhost/live/key", "url: the address is not public"),
        ("srt://10.1.2.3:9000", "url: the address is not public"),
        ("whip+https://[::1]/whip", "url: the address is not public"),
    ],
)
async def test_private_addresses_are_refused(
    strict: Stage, client: httpx.AsyncClient, outputs_url: str, url: str, detail: str
) -> None:
    told = problem(await client.post(outputs_url, json={"url": url}), 422, "validation_failed")
    assert told["detail"] == detail


async def test_a_name_that_leads_to_a_private_address_is_given_up(
    strict: Stage, client: httpx.AsyncClient, outputs_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def getaddrinfo(*_: object, **__: object) -> list[object]:
        return [(2, 1, 6, "", ("192.168.1.1", 0))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    for url in ("rtmp://example.com/live/key", "whip+https://example.com/whip"):
        output = await added(client, outputs_url, url)
        told = await eventually(client, outputs_url, output, "failed")
        assert "address is not public" in str(told["error"])


@pytest.mark.parametrize(
    ("connect", "publish", "description", "detail"),
    [
        (
            "NetConnection.Connect.Rejected",
            "",
            f"no {KEY} here",
            "the server refuses the stream: NetConnection.Connect.Rejected",
        ),
        (
            "NetConnection.Connect.Rejected",
            "",
            "[ AccessManager.Reject ] : [ authmod=adobe ] : code=403 need auth",
            "the server asks for user and password, which are not supported",
        ),
        (
            "NetConnection.Connect.Success",
            "NetStream.Publish.BadName",
            f"{KEY} is taken",
            "the server refuses the stream: NetStream.Publish.BadName",
        ),
    ],
)
async def test_a_server_that_refuses_again_and_again_is_given_up(
    client: httpx.AsyncClient,
    outputs_url: str,
    server: RtmpServer,
    connect: str,
    publish: str,
    description: str,
    detail: str,
) -> None:
    server.connect, server.publish, server.description = connect, publish, description
    output = await added(client, outputs_url, rtmp_url(server))
    told = await eventually(client, outputs_url, output, "failed")
    error = {"code": "forbidden", "detail": detail, "retryable": False, "categories": []}
    assert told["error"] == error
    assert server.connections == 5


async def test_a_server_that_takes_nothing_delays_nobody(
    stage: Stage,
    client: httpx.AsyncClient,
    stream: Json,
    outputs_url: str,
    server: RtmpServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(publisher, "STALL_S", 1.0)
    monkeypatch.setattr(publisher, "_SEND_BUFFER_BYTES", 4_096)
    monkeypatch.setattr(publisher, "_WRITE_BUFFER_BYTES", 4_096)
    server.takes = False
    session = stage.sessions.find(str(stream["id"]))
    assert session
    output = await added(client, outputs_url, rtmp_url(server))
    times_us: list[int] = []
    with session.program.subscribe(Frame) as items:
        async for item in items:
            assert isinstance(item, Frame)
            times_us.append(item.pts_us)
            if server.connections > 1:
                break
        assert items.lost == 0
    assert {after - before for before, after in pairwise(times_us)} == {40_000}
    told = await eventually(client, outputs_url, output, "live")
    assert isinstance(told["reconnects"], int)
    assert told["reconnects"] >= 1


async def test_no_log_line_tells_a_secret(
    client: httpx.AsyncClient,
    outputs_url: str,
    server: RtmpServer,
    endpoint: WhipEndpoint,
    capsys: pytest.CaptureFixture[str],
) -> None:
    server.publish, server.description = "NetStream.Publish.Denied", f"not {KEY}"
    endpoint.status = 403
    for url, more in (
        (rtmp_url(server), {}),
        (f"{endpoint.url}/whip", {"kind": "whip", "token": KEY}),
    ):
        output = await added(client, outputs_url, url, **more)
        told = await eventually(client, outputs_url, output, "failed")
        assert KEY not in str(told)
        await client.delete(f"{outputs_url}/{output['id']}")
    await client.post(outputs_url, json={"url": f"ftp://{KEY}@host/{KEY}"})
    logged = capsys.readouterr().out
    assert "output.failed" in logged
    assert KEY not in logged


async def test_whip_arrives_in_sync_and_is_ended(
    client: httpx.AsyncClient, outputs_url: str, endpoint: WhipEndpoint
) -> None:
    endpoint.token = KEY
    output = await added(client, outputs_url, f"{endpoint.url}/elsewhere", kind="whip", token=KEY)
    assert (output["kind"], output["url"]) == ("whip", f"whip+{endpoint.url}/***")
    await until(lambda: endpoint.sessions)
    (session,) = endpoint.sessions
    await until(lambda: len(session.reports) == 2 and session.onset_ntp_s("video", DARK)[2:])
    await until(lambda: session.onset_ntp_s("audio", QUIET)[2:])
    assert skew_s(session) <= PACKET_S
    told = await eventually(client, outputs_url, output, "live")
    assert isinstance(told["bytes_sent"], int)
    assert told["bytes_sent"] > 1_000
    (offer,) = endpoint.offers
    assert offer.count("a=sendonly") == 2
    assert "H264" in offer
    assert "VP8" not in offer
    assert (await client.delete(f"{outputs_url}/{output['id']}")).status_code == 204
    assert endpoint.deleted == ["/sessions/1"]
    await until(lambda: session.connection.connectionState == "closed")


async def test_whip_connects_anew_when_the_connection_is_lost(
    client: httpx.AsyncClient,
    outputs_url: str,
    endpoint: WhipEndpoint,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(whip_push, "SILENCE_S", 2.0)
    output = await added(client, outputs_url, f"{endpoint.url}/whip", kind="whip")
    await until(lambda: endpoint.sessions and endpoint.sessions[0].pictures)
    await endpoint.sessions[0].connection.close()
    await until(lambda: len(endpoint.sessions) == 2 and endpoint.sessions[1].pictures)
    await endpoint.sessions[1].receiver("video").stop()
    endpoint.sessions[1].fall_silent()
    await until(lambda: len(endpoint.sessions) == 3 and endpoint.sessions[2].pictures)
    told = await eventually(client, outputs_url, output, "live")
    assert told["reconnects"] == 2


@pytest.mark.parametrize(
    ("status", "outcome", "detail"),
    [
        (401, "failed", "the endpoint refuses the stream with status 401"),
        (404, "failed", "the endpoint refuses the stream with status 404"),
        (503, "retrying", "the endpoint answers with status 503"),
        (429, "retrying", "the endpoint answers with status 429"),
    ],
)
async def test_what_a_whip_endpoint_answers_decides_whether_it_is_asked_again(
    client: httpx.AsyncClient,
    outputs_url: str,
    endpoint: WhipEndpoint,
    status: int,
    outcome: str,
    detail: str,
) -> None:
    endpoint.status = status
    output = await added(client, outputs_url, f"{endpoint.url}/whip", kind="whip")
    told = await eventually(client, outputs_url, output, outcome)
    assert detail in str(told["error"])
    if outcome == "retrying":
        endpoint.status = 201
        await eventually(client, outputs_url, output, "live")


def skew_s(session: Watcher) -> float:
    flashes, beeps = session.onset_ntp_s("video", DARK), session.onset_ntp_s("audio", QUIET)
    return max(abs(flash - beep) for flash, beep in zip(flashes, beeps, strict=False))
