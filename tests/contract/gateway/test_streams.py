"""Live streams over HTTP: opened, looked at, driven, ended; who may do what."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest

from services.common.errors import Overloaded
from services.gateway.live.ice import IceServer, IceServers
from services.gateway.records import AvatarStatus, StreamStatus
from services.gateway.settings import GatewaySettings
from tests.fakes.stage import Stage

Json = dict[str, Any]


@pytest.fixture
def avatar_id(stage: Stage) -> str:
    return stage.avatars.add(stage.account.id).id


@pytest.fixture
async def stream(client: httpx.AsyncClient, avatar_id: str) -> Json:
    response = await client.post("/v1/streams", json={"avatar_id": avatar_id})
    assert response.status_code == 201, response.text
    made: Json = response.json()
    return made


@pytest.fixture
async def guest(stage: Stage, stream: Json) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who has the stream's token."""
    async with stage.client(stream["token"]) as client:
        yield client


def code_of(response: httpx.Response) -> str:
    """Of the problem that the response must be."""
    assert response.headers["content-type"] == "application/problem+json", response.text
    return str(response.json()["code"])


async def eventually(ask: Callable[[], Awaitable[Json]], status: str) -> Json:
    async with asyncio.timeout(20):
        while (answer := await ask())["status"] != status:
            moment: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            asyncio.get_running_loop().call_later(0.01, moment.set_result, None)
            await moment
    return answer


async def test_a_stream_is_opened_and_recorded(
    stage: Stage, client: httpx.AsyncClient, stream: Json, avatar_id: str
) -> None:
    assert stream["status"] == "created"
    assert stream["whep_url"] == f"/v1/streams/{stream['id']}/whep"
    assert stream["control_url"] == f"/v1/streams/{stream['id']}/control"
    assert stream["token"].startswith("vt_")
    assert (stream["idle_timeout_s"], stream["max_duration_s"]) == (900, 86_400)
    looked_at = (await client.get(f"/v1/streams/{stream['id']}")).json()
    assert "token" not in looked_at
    assert looked_at.items() <= stream.items()
    listed = (await client.get("/v1/streams")).json()["items"]
    assert [one["id"] for one in listed] == [stream["id"]]
    assert stage.animator.configs[-1].paced
    assert avatar_id == stream["avatar_id"]


async def test_an_idempotent_repetition_is_not_told_the_token(
    client: httpx.AsyncClient, avatar_id: str
) -> None:
    headers = {"Idempotency-Key": "once"}
    body = {"avatar_id": avatar_id}
    first = (await client.post("/v1/streams", json=body, headers=headers)).json()
    second = (await client.post("/v1/streams", json=body, headers=headers)).json()
    assert second["id"] == first["id"]
    assert second.get("token") != first["token"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "validation_failed"),
        ({"avatar_id": "av_nobody"}, "not_found"),
        ({"voice_id": "vo_nobody"}, "not_found"),
        ({"width": 513}, "validation_failed"),
        ({"width": 2000, "height": 2000}, "validation_failed"),
        ({"width": 300}, "validation_failed"),
        ({"fps": 24}, "validation_failed"),
        ({"idle_timeout_s": 1}, "validation_failed"),
        ({"max_duration_s": 86_401}, "validation_failed"),
        ({"colour": "red"}, "validation_failed"),
    ],
)
async def test_what_can_not_be_opened_is_refused(
    client: httpx.AsyncClient, avatar_id: str, body: Json, code: str
) -> None:
    wish = {"avatar_id": avatar_id, **body} if body else {}
    if body == {"width": 300}:
        wish["width"] = 200
    response = await client.post("/v1/streams", json=wish)
    assert code_of(response) == code


async def test_an_avatar_that_is_not_ready_can_not_go_live(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    avatar = stage.avatars.add(stage.account.id, AvatarStatus.PREPARING)
    response = await client.post("/v1/streams", json={"avatar_id": avatar.id})
    assert code_of(response) == "avatar_not_ready"


async def test_no_room_is_told_at_the_door(
    stage: Stage, client: httpx.AsyncClient, avatar_id: str
) -> None:
    stage.animator.error = Overloaded("every animation slot is taken", retry_after_s=2)
    response = await client.post("/v1/streams", json={"avatar_id": avatar_id})
    assert code_of(response) == "overloaded"
    assert response.headers["retry-after"] == "2"
    (record,) = stage.streams.kept.values()
    assert (record.status, record.reason) == (StreamStatus.FAILED, "overloaded")


async def test_a_full_gateway_refuses(avatar_id: str) -> None:
    stage = Stage(GatewaySettings(key_cache_s=0, max_streams=1))
    avatar_id = stage.avatars.add(stage.account.id).id
    async with stage.client() as client:
        first = await client.post("/v1/streams", json={"avatar_id": avatar_id})
        second = await client.post("/v1/streams", json={"avatar_id": avatar_id})
        assert (first.status_code, second.status_code) == (201, 429)
        await client.delete(f"/v1/streams/{first.json()['id']}")
        third = await client.post("/v1/streams", json={"avatar_id": avatar_id})
        assert third.status_code == 201
    await stage.sessions.close()


async def test_a_drive_is_queued_heard_and_told(client: httpx.AsyncClient, stream: Json) -> None:
    url = f"/v1/streams/{stream['id']}/drives"
    response = await client.post(url, json={"text": "Hello."})
    assert response.status_code == 202
    assert response.json()["status"] == "queued"

    async def drive() -> Json:
        looked_at: Json = (await client.get(f"{url}/{response.json()['id']}")).json()
        return looked_at

    finished = await eventually(drive, "finished")
    assert finished["played_ms"] == 400
    assert finished["played_text"] == "Hello"


async def test_a_recording_is_played(client: httpx.AsyncClient, stream: Json) -> None:
    files = {"file": ("a.wav", b"SND" + bytes(5000))}
    asset = (await client.post("/v1/assets", files=files)).json()
    response = await client.post(
        f"/v1/streams/{stream['id']}/drives", json={"audio_asset_id": asset["id"]}
    )
    assert response.status_code == 202
    assert response.json()["kind"] == "audio"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "validation_failed"),
        ({"text": "a", "audio_asset_id": "as_1"}, "validation_failed"),
        ({"text": "😀"}, "text_empty"),
        ({"text": "a" * 2_001}, "text_too_long"),
        ({"text": "привет"}, "unsupported_language"),
        ({"text": "a", "mode": "shout"}, "validation_failed"),
        ({"audio_asset_id": "as_nobody"}, "not_found"),
    ],
)
async def test_what_can_not_be_said_is_refused(
    client: httpx.AsyncClient, stream: Json, body: Json, code: str
) -> None:
    response = await client.post(f"/v1/streams/{stream['id']}/drives", json=body)
    assert code_of(response) == code


async def test_an_interruption_tells_what_was_heard(
    client: httpx.AsyncClient, stream: Json
) -> None:
    url = f"/v1/streams/{stream['id']}"
    first = (await client.post(f"{url}/drives", json={"text": "one two three four"})).json()
    second = (await client.post(f"{url}/drives", json={"text": "five"})).json()

    async def drive() -> Json:
        looked_at: Json = (await client.get(f"{url}/drives/{first['id']}")).json()
        return looked_at

    await eventually(drive, "speaking")
    stopped = (await client.post(f"{url}/interrupt")).json()
    assert stopped["drive_id"] == first["id"]
    assert stopped["dropped"] == [second["id"]]
    assert 0 < stopped["played_ms"] < 1_600
    assert stopped["played_text"].startswith("one")
    nothing = (await client.post(f"{url}/interrupt", json={})).json()
    assert nothing == {"drive_id": None, "played_ms": 0, "played_text": "", "dropped": []}
    unknown = await client.post(f"{url}/interrupt", json={"drive_id": "dr_nobody"})
    assert code_of(unknown) == "not_found"


async def test_a_stream_is_ended_and_stays_in_the_record(
    client: httpx.AsyncClient, stream: Json
) -> None:
    url = f"/v1/streams/{stream['id']}"
    for _ in range(2):
        assert (await client.delete(url)).status_code == 204
    ended = (await client.get(url)).json()
    assert (ended["status"], ended["reason"]) == ("ended", "deleted")
    assert code_of(await client.post(f"{url}/drives", json={"text": "Hi."})) == "stream_ended"
    assert code_of(await client.post(f"{url}/tokens", json={})) == "stream_ended"


async def test_a_recorded_stream_becomes_a_video(
    stage: Stage, client: httpx.AsyncClient, avatar_id: str
) -> None:
    made = (await client.post("/v1/streams", json={"avatar_id": avatar_id, "record": True})).json()
    url = f"/v1/streams/{made['id']}"

    async def recorder() -> Json:
        return {"status": "on" if stage.recorder.media else "off"}

    await eventually(recorder, "on")
    await client.delete(url)
    video_id = (await client.get(url)).json()["recording_video_id"]
    video = (await client.get(f"/v1/videos/{video_id}")).json()
    assert video["status"] == "succeeded"


async def test_a_token_drives_its_own_stream_and_no_other(
    stage: Stage, client: httpx.AsyncClient, guest: httpx.AsyncClient, stream: Json, avatar_id: str
) -> None:
    other = (await client.post("/v1/streams", json={"avatar_id": avatar_id})).json()
    mine = await guest.post(f"/v1/streams/{stream['id']}/drives", json={"text": "Hi."})
    assert mine.status_code == 202
    foreign = await guest.post(f"/v1/streams/{other['id']}/drives", json={"text": "Hi."})
    assert code_of(foreign) == "unauthenticated"
    account = await guest.get("/v1/streams")
    assert code_of(account) == "unauthenticated"


async def test_a_token_ends_with_its_stream(
    client: httpx.AsyncClient, guest: httpx.AsyncClient, stream: Json
) -> None:
    await client.delete(f"/v1/streams/{stream['id']}")
    late = await guest.post(f"/v1/streams/{stream['id']}/drives", json={"text": "Hi."})
    assert code_of(late) == "unauthenticated"


async def test_a_token_for_single_use_is_used_once(
    stage: Stage, client: httpx.AsyncClient, stream: Json
) -> None:
    url = f"/v1/streams/{stream['id']}"
    body: Json = {"rights": ["control"], "single_use": True}
    token = (await client.post(f"{url}/tokens", json=body)).json()["token"]
    async with stage.client(token) as guest:
        first = await guest.post(f"{url}/interrupt")
        second = await guest.post(f"{url}/interrupt")
    assert first.status_code == 200
    assert code_of(second) == "unauthenticated"


async def test_a_viewers_token_does_not_drive(
    stage: Stage, client: httpx.AsyncClient, stream: Json
) -> None:
    url = f"/v1/streams/{stream['id']}"
    token = (await client.post(f"{url}/tokens", json={})).json()["token"]
    async with stage.client(token) as guest:
        assert code_of(await guest.post(f"{url}/interrupt")) == "forbidden"


async def test_another_accounts_stream_does_not_exist(stage: Stage, stream: Json) -> None:
    _, secret = stage.stranger()
    url = f"/v1/streams/{stream['id']}"
    async with stage.client(secret) as stranger:
        for response in (
            await stranger.get(url),
            await stranger.delete(url),
            await stranger.post(f"{url}/drives", json={"text": "Hi."}),
            await stranger.post(f"{url}/interrupt"),
            await stranger.post(f"{url}/tokens", json={}),
        ):
            assert code_of(response) == "not_found"


def test_turn_credentials_are_as_coturn_checks_them() -> None:
    servers = IceServers((IceServer(urls=["stun:a"]),), ("turn:b",), "secret")
    fixed, turn = servers.for_stream("st_1", until_s=1_700_000_000)
    assert (fixed.urls, fixed.username) == (["stun:a"], None)
    assert turn.username == "1700000000:st_1"
    digest = hmac.new(b"secret", b"1700000000:st_1", hashlib.sha1).digest()
    assert turn.credential == base64.b64encode(digest).decode()
