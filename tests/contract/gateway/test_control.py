"""The control socket of a live stream, over a real server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from services.gateway.app import bound_socket, serve_http
from services.gateway.live.control import Controller
from tests.fakes.stage import Stage

Json = dict[str, Any]


class House:
    """A gateway on fakes that listens on loopback, and a stream in it."""

    def __init__(self, stage: Stage, address: str, stream: Json) -> None:
        self.stage = stage
        self.address = address
        self.stream = stream

    @asynccontextmanager
    async def socket(self, token: str | None = None) -> AsyncIterator[ClientConnection]:
        """A controller, let in as a browser is."""
        token = token or self.stream["token"]
        async with connect(
            f"ws://{self.address}{self.stream['control_url']}",
            subprotocols=["vultus", f"token.{token}"],  # type: ignore[list-item]
            proxy=None,
        ) as socket:
            assert (await heard(socket, "stream.state"))["status"] == "created"
            yield socket


@pytest.fixture
async def house(stage: Stage) -> AsyncIterator[House]:
    avatar = stage.avatars.add(stage.account.id)
    with bound_socket("127.0.0.1:0") as (listener, address):
        async with (
            serve_http(stage.app(), listener, drain_timeout_s=1),
            httpx.AsyncClient(
                base_url=f"http://{address}", headers={"Authorization": f"Bearer {stage.secret}"}
            ) as client,
        ):
            made = (await client.post("/v1/streams", json={"avatar_id": avatar.id})).json()
            yield House(stage, address, made)
            await stage.sessions.close()


async def say(socket: ClientConnection, **message: object) -> None:
    await socket.send(json.dumps(message))


async def heard(socket: ClientConnection, type_: str) -> Json:
    """The next message of a type; those before it are passed over."""
    async with asyncio.timeout(20):
        while True:
            message: Json = json.loads(await socket.recv())
            assert message["event_id"]
            if message["type"] == type_:
                return message


def voice(seconds: float, rate_hz: int) -> bytes:
    samples = np.random.default_rng(1).normal(0, 3_000, int(seconds * rate_hz))
    return samples.astype("<i2").tobytes()


async def test_a_drive_is_followed_word_by_word(house: House) -> None:
    async with house.socket() as socket:
        await say(socket, type="drive", text="Good day.", event_id="e1")
        accepted = await heard(socket, "drive.accepted")
        assert accepted["in_reply_to"] == "e1"
        started = await heard(socket, "drive.started")
        assert started["drive_id"] == accepted["drive_id"]
        words = [await heard(socket, "word") for _ in range(2)]
        assert [(word["text"], word["start_ms"], word["end_ms"]) for word in words] == [
            ("Good", 0, 400),
            ("day", 400, 800),
        ]
        assert (await heard(socket, "drive.finished"))["played_ms"] == 800


async def test_all_controllers_hear_everything(house: House) -> None:
    async with house.socket() as one, house.socket() as other:
        await say(one, type="drive", text="Hello.")
        assert (await heard(other, "drive.queued"))["drive_id"]
        assert (await heard(other, "drive.finished"))["played_ms"] == 400


async def test_a_text_is_said_while_it_is_written(house: House) -> None:
    async with house.socket() as socket:
        await say(socket, type="text.delta", text="one two ")
        await heard(socket, "drive.started")
        await say(socket, type="text.delta", text="three")
        await say(socket, type="text.end")
        assert (await heard(socket, "drive.finished"))["played_ms"] == 1_200


async def test_sound_is_played_while_it_is_sent(house: House) -> None:
    async with house.socket() as socket:
        await say(
            socket, type="audio.start", sample_rate=16_000, channels=1, language="en", event_id="a1"
        )
        accepted = await heard(socket, "drive.accepted")
        assert (accepted["credits"], accepted["in_reply_to"]) == (60_000, "a1")
        for _ in range(3):
            await socket.send(voice(0.5, 16_000))
        await socket.send(bytes(16_000))
        await heard(socket, "drive.started")
        await say(socket, type="audio.end")
        assert (await heard(socket, "drive.finished"))["played_ms"] == pytest.approx(2_000, abs=2)


async def test_an_interruption_is_told(house: House) -> None:
    async with house.socket() as socket:
        await say(socket, type="drive", text="a b c d e f g h")
        await heard(socket, "word")
        await say(socket, type="interrupt")
        interrupted = await heard(socket, "drive.interrupted")
        assert interrupted["played_text"].startswith("a")
        assert 0 < interrupted["played_ms"] < 3_200


async def test_a_blocked_text_is_told_with_what_was_found(house: House) -> None:
    house.stage.moderator.harmful = ["knife"]
    async with house.socket() as socket:
        await say(socket, type="text.delta", text="the knife ")
        assert (await heard(socket, "moderation.blocked"))["categories"] == ["violence"]
        assert (await heard(socket, "drive.failed"))["problem"]["code"] == "content_rejected"


async def test_a_ping_is_answered(house: House) -> None:
    async with house.socket() as socket:
        await say(socket, type="ping", event_id="p1")
        assert (await heard(socket, "pong"))["in_reply_to"] == "p1"


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "{",
        "[]",
        "null",
        '{"type": "sing"}',
        '{"text": "no type"}',
        '{"type": "drive"}',
        '{"type": "drive", "text": 5}',
        '{"type": "drive", "text": "a", "volume": 11}',
        '{"type": "drive", "text": " "}',
        '{"type": "text.end"}',
        '{"type": "audio.end"}',
        '{"type": "audio.start", "sample_rate": 44100}',
        '{"type": "audio.start", "sample_rate": 16000, "channels": 2}',
        '{"type": "interrupt", "drive_id": "dr_nobody"}',
        "[" * 5_000,
        b"\x00\x01",
    ],
)
async def test_what_can_not_be_carried_out_is_answered_and_changes_nothing(
    house: House, frame: str | bytes
) -> None:
    async with house.socket() as socket:
        await socket.send(frame)
        assert (await heard(socket, "error"))["problem"]["code"]
        await say(socket, type="drive", text="Hello.")
        assert (await heard(socket, "drive.finished"))["played_ms"] == 400


async def test_half_a_sample_is_refused(house: House) -> None:
    async with house.socket() as socket:
        await say(socket, type="audio.start", sample_rate=16_000)
        await socket.send(bytes(3))
        assert (await heard(socket, "error"))["problem"]["code"] == "validation_failed"


async def test_who_sends_sound_too_far_ahead_is_told(house: House) -> None:
    async with house.socket() as socket:
        await say(socket, type="audio.start", sample_rate=16_000)
        for _ in range(30):
            await socket.send(voice(6.0, 16_000))
        assert (await heard(socket, "error"))["problem"]["code"] == "overloaded"


@pytest.mark.parametrize("token", ["vt_wrong", "vk_wrong", "x"])
async def test_without_a_good_token_the_door_stays_shut(house: House, token: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with house.socket(token):
            pass
    assert refused.value.response.status_code == 401
    assert b"unauthenticated" in refused.value.response.body


async def test_the_socket_ends_with_the_stream(house: House) -> None:
    async with house.socket() as socket:
        session = house.stage.sessions.find(house.stream["id"])
        assert session is not None
        session.end("deleted")
        ended = await heard(socket, "stream.state")
        assert (ended["status"], ended["reason"]) == ("ended", "deleted")
        with pytest.raises(ConnectionClosed):
            await heard(socket, "pong")


async def test_a_controller_that_leaves_ends_what_it_was_sending(house: House) -> None:
    async with house.socket() as watcher:
        async with house.socket() as socket:
            await say(socket, type="text.delta", text="cut short")
        assert (await heard(watcher, "drive.finished"))["played_ms"] == 800


@settings(max_examples=60, deadline=None)
@given(
    frames=st.lists(
        st.one_of(
            st.binary(max_size=50),
            st.text(max_size=50),
            st.recursive(
                st.none() | st.booleans() | st.integers() | st.text(max_size=5),
                lambda inner: (
                    st.lists(inner, max_size=3)
                    | st.dictionaries(st.sampled_from(["type", "text", "mode", "x"]), inner)
                ),
            ).map(json.dumps),
            st.fixed_dictionaries(
                {"type": st.sampled_from(["drive", "text.delta", "text.end", "audio.end", "ping"])},
                optional={"text": st.text(max_size=20), "event_id": st.text(max_size=5)},
            ).map(json.dumps),
        ),
        max_size=8,
    )
)
def test_no_frame_breaks_a_controller(frames: list[str | bytes]) -> None:
    async def main() -> None:
        stage = Stage()
        avatar = stage.avatars.add(stage.account.id)
        async with stage.client() as client:
            made = (await client.post("/v1/streams", json={"avatar_id": avatar.id})).json()
        session = stage.sessions.find(made["id"])
        assert session is not None
        controller = Controller(session, stage.director)
        for frame in frames:
            if isinstance(frame, str):
                await controller.take_text(frame)
            else:
                controller.take_sound(frame)
        controller.close()
        await stage.sessions.close()

    asyncio.run(main())
