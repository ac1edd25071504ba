"""Streams sent to servers that are not ours: FFmpeg decodes what arrives."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import pairwise

import httpx
import pytest

from services.gateway.outputs.output import Pauses
from services.gateway.outputs.srt import caller
from services.gateway.settings import GatewaySettings
from tests.fakes.film import Film
from tests.fakes.network import Authority, lossy_path, tls_in_front_of
from tests.fakes.receiver import Receiver, free_port
from tests.fakes.stage import Stage
from tests.fakes.watcher import until

SKEW_S = 0.025
"""A picture may stand half its duration off the sound, and a millisecond for rounding."""
Json = dict[str, object]


@pytest.fixture
def film() -> Film:
    return Film()


@pytest.fixture
def authority() -> Authority:
    """Whom the gateway trusts."""
    return Authority()


@pytest.fixture
async def stage(film: Film, authority: Authority) -> AsyncIterator[Stage]:
    stage = Stage(GatewaySettings(key_cache_s=0, output_private_addresses=True))
    stage.animator = film
    stage.tls = authority.trusted()
    stage.pauses = Pauses(first_s=0.1, most_s=0.2)
    yield stage
    await stage.sessions.close()
    await stage.outputs.close()


@pytest.fixture
async def client(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    async with stage.client() as client:
        yield client


@pytest.fixture
async def outputs_url(stage: Stage, client: httpx.AsyncClient) -> str:
    avatar = stage.avatars.add(stage.account.id)
    stream = (await client.post("/v1/streams", json={"avatar_id": avatar.id})).json()
    return f"/v1/streams/{stream['id']}/outputs"


@pytest.fixture
def receive() -> Iterator[Callable[..., Receiver]]:
    """Starts a receiver."""
    started: list[Receiver] = []

    def start(*source: str) -> Receiver:
        receiver = Receiver(source)
        receiver.start()
        started.append(receiver)
        return receiver

    yield start
    for receiver in started:
        receiver.stop()


async def added(client: httpx.AsyncClient, outputs_url: str, url: str, **more: str) -> Json:
    response = await client.post(outputs_url, json={"url": url, **more})
    assert response.status_code == 201, response.text
    told: Json = response.json()
    return told


async def looked_at(client: httpx.AsyncClient, outputs_url: str, output: Json) -> Json:
    told: Json = (await client.get(f"{outputs_url}/{output['id']}")).json()
    return told


async def eventually(
    client: httpx.AsyncClient, outputs_url: str, output: Json, status: str
) -> Json:
    """The output as soon as it has that status."""
    never: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    async with asyncio.timeout(20):
        while (told := await looked_at(client, outputs_url, output))["status"] != status:
            await asyncio.wait({never}, timeout=0.02)
    return told


def assert_in_sync(receiver: Receiver) -> None:
    """Each flash has its beep. The first pair may have begun before it was received."""
    flashes, beeps = receiver.flashes(), receiver.beeps()
    skews_s = [min(abs(flash - beep) for beep in beeps) for flash in flashes[1:-1]]
    assert len(skews_s) >= 2
    assert max(skews_s) <= SKEW_S, (flashes, beeps)


async def test_rtmp_arrives_whole_and_in_sync(
    client: httpx.AsyncClient, outputs_url: str, receive: Callable[..., Receiver]
) -> None:
    url = f"rtmp://127.0.0.1:{free_port()}/live/a-key"
    receiver = receive("-listen", "1", "-i", url)
    output = await added(client, outputs_url, url)
    assert (output["kind"], output["status"]) == ("rtmp", "connecting")
    await until(lambda: len(receiver.flashes()) > 3 and len(receiver.beeps()) > 3)
    assert receiver.codecs == {"h264", "aac"}
    assert_in_sync(receiver)
    steps_s = [after - before for (before, _), (after, _) in pairwise(receiver.pictures)]
    assert max(steps_s) < 0.06, "no picture is missing"
    told = await looked_at(client, outputs_url, output)
    assert told["status"] == "live"
    assert isinstance(told["bytes_sent"], int)
    assert told["bytes_sent"] > 5_000
    assert not receiver.complaints
    assert (await client.delete(f"{outputs_url}/{output['id']}")).status_code == 204
    await until(lambda: receiver.ended)


async def test_srt_arrives_whole_and_in_sync(
    client: httpx.AsyncClient, outputs_url: str, receive: Callable[..., Receiver]
) -> None:
    url = f"srt://127.0.0.1:{free_port(socket.SOCK_DGRAM)}"
    receiver = receive("-i", f"{url}?mode=listener")
    output = await added(client, outputs_url, f"{url}?streamid=secret-name")
    await until(lambda: len(receiver.flashes()) > 3 and len(receiver.beeps()) > 3)
    assert receiver.codecs == {"h264", "aac"}
    assert_in_sync(receiver)
    assert (await looked_at(client, outputs_url, output))["status"] == "live"
    assert not receiver.complaints
    assert (await client.delete(f"{outputs_url}/{output['id']}")).status_code == 204
    await until(lambda: receiver.ended)


async def test_rtmp_goes_on_when_the_server_was_killed_and_comes_back(
    client: httpx.AsyncClient, outputs_url: str, receive: Callable[..., Receiver]
) -> None:
    url = f"rtmp://127.0.0.1:{free_port()}/live/a-key"
    first = receive("-listen", "1", "-i", url)
    output = await added(client, outputs_url, url)
    await until(lambda: len(first.pictures) > 25)
    first.stop()
    await eventually(client, outputs_url, output, "retrying")
    second = receive("-listen", "1", "-i", url)
    await eventually(client, outputs_url, output, "live")
    await until(lambda: len(second.flashes()) > 3 and len(second.beeps()) > 3)
    assert_in_sync(second)
    assert second.pictures[0][0] > first.pictures[-1][0], "one timeline runs through both"
    told = await looked_at(client, outputs_url, output)
    assert (told["reconnects"], told["error"]) == (1, None)


async def test_srt_goes_on_when_the_listener_was_killed_and_comes_back(
    client: httpx.AsyncClient,
    outputs_url: str,
    receive: Callable[..., Receiver],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(caller, "SILENCE_S", 1.0)
    url = f"srt://127.0.0.1:{free_port(socket.SOCK_DGRAM)}"
    first = receive("-i", f"{url}?mode=listener")
    output = await added(client, outputs_url, url)
    await until(lambda: len(first.pictures) > 25)
    first.stop()
    await eventually(client, outputs_url, output, "retrying")
    second = receive("-i", f"{url}?mode=listener")
    await eventually(client, outputs_url, output, "live")
    await until(lambda: len(second.flashes()) > 3 and len(second.beeps()) > 3)
    assert_in_sync(second)
    assert second.pictures[0][0] > first.pictures[-1][0], "one timeline runs through both"


async def test_srt_is_encrypted_under_a_passphrase(
    client: httpx.AsyncClient, outputs_url: str, receive: Callable[..., Receiver]
) -> None:
    url = f"srt://127.0.0.1:{free_port(socket.SOCK_DGRAM)}"
    options = "passphrase=a-long-passphrase&pbkeylen=32"
    receiver = receive("-i", f"{url}?mode=listener&{options}")
    await added(client, outputs_url, f"{url}?{options}&streamid=publish:someone")
    await until(lambda: receiver.flashes() and receiver.beeps())
    assert receiver.codecs == {"h264", "aac"}


async def test_srt_is_given_up_when_the_passphrase_is_not_the_listeners(
    client: httpx.AsyncClient, outputs_url: str, receive: Callable[..., Receiver]
) -> None:
    url = f"srt://127.0.0.1:{free_port(socket.SOCK_DGRAM)}"
    receiver = receive("-i", f"{url}?mode=listener&passphrase=a-long-passphrase")
    output = await added(client, outputs_url, f"{url}?passphrase=another-passphrase")
    told = await eventually(client, outputs_url, output, "failed")
    assert told["error"] == {
        "code": "forbidden",
        "detail": "the passphrase is not the listener's",
        "retryable": False,
        "categories": [],
    }
    assert not receiver.pictures


async def test_srt_packets_that_get_lost_are_sent_again(
    client: httpx.AsyncClient, outputs_url: str, receive: Callable[..., Receiver]
) -> None:
    port = free_port(socket.SOCK_DGRAM)
    receiver = receive("-i", f"srt://127.0.0.1:{port}?mode=listener")
    async with lossy_path(port, lose_every=10) as path:
        await added(client, outputs_url, f"srt://127.0.0.1:{path.port}?latency=1000")
        await until(lambda: len(receiver.flashes()) > 4 and len(receiver.beeps()) > 4)
    assert path.lost > 20
    assert_in_sync(receiver)
    steps_s = [after - before for (before, _), (after, _) in pairwise(receiver.pictures)]
    assert max(steps_s) < 0.06, "no picture is missing"


async def test_rtmps_goes_to_a_server_whose_certificate_is_good(
    authority: Authority,
    client: httpx.AsyncClient,
    outputs_url: str,
    receive: Callable[..., Receiver],
) -> None:
    port = free_port()
    receiver = receive("-listen", "1", "-i", f"rtmp://127.0.0.1:{port}/live/a-key")
    async with tls_in_front_of(port, authority) as secure_port:
        await added(client, outputs_url, f"rtmps://localhost:{secure_port}/live/a-key")
        await until(lambda: receiver.flashes() and receiver.beeps())
    assert receiver.codecs == {"h264", "aac"}


async def test_rtmps_is_given_up_when_the_certificate_is_not_good(
    client: httpx.AsyncClient, outputs_url: str
) -> None:
    async with tls_in_front_of(free_port(), Authority()) as secure_port:
        output = await added(client, outputs_url, f"rtmps://localhost:{secure_port}/live/a-key")
        told = await eventually(client, outputs_url, output, "failed")
    assert told["error"] == {
        "code": "forbidden",
        "detail": "the server's certificate is not valid",
        "retryable": False,
        "categories": [],
    }
