"""Speaking through the avatar by WHIP, with aiortc on the other side."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import httpx
import pytest

from services.gateway.live.drives import DriveKind, DriveStatus
from services.gateway.live.events import Event
from services.gateway.live.session import Session
from services.gateway.records import Suggestion, Verdict
from services.gateway.webrtc import guests
from tests.contract.gateway.test_doors import problem
from tests.fakes.film import Film
from tests.fakes.stage import Stage
from tests.fakes.talker import Microphone
from tests.fakes.watcher import SDP, Watcher, until

LONG_TEXT = " ".join(["word"] * 100)


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    stage = Stage()
    stage.animator = Film()
    yield stage
    await stage.sessions.close()
    await stage.guests.close()


@pytest.fixture
async def session(stage: Stage, client: httpx.AsyncClient) -> Session:
    avatar = stage.avatars.add(stage.account.id)
    response = await client.post("/v1/streams", json={"avatar_id": avatar.id})
    session = stage.sessions.find(response.json()["id"])
    assert session
    return session


@pytest.fixture
async def speaker() -> AsyncIterator[Watcher]:
    """The connection of somebody with a microphone."""
    speaker = Watcher()
    yield speaker
    await speaker.close()


@asynccontextmanager
async def connected(
    client: httpx.AsyncClient, session: Session, speaker: Watcher, query: str = ""
) -> AsyncIterator[Microphone]:
    """A microphone that the stream hears while the block runs."""
    microphone = Microphone()
    speaker.connection.addTrack(microphone)
    speaker.connection.getTransceivers()[0].direction = "sendonly"
    url = f"/v1/streams/{session.id}/whip{query}"
    response = await client.post(url, content=await speaker.offer(), headers=SDP)
    assert response.status_code == 201, response.text
    speaker.location = response.headers["location"]
    await speaker.accept(response.text)
    await until(lambda: speaker.connection.connectionState == "connected")
    yield microphone


def drives(events: list[Event], type_: str) -> list[str]:
    """The drives of which that was told, in order."""
    return [str(one.fields["drive_id"]) for one in events if one.type == type_]


def reached(events: list[Event], type_: str, count: int) -> bool:
    """Whether that was told of so many drives."""
    return len(drives(events, type_)) == count


@pytest.fixture
async def events(session: Session) -> AsyncIterator[list[Event]]:
    """All that the stream's controllers are told."""
    with session.events.listen() as listener:
        heard: list[Event] = []
        listener.offer = heard.append  # type: ignore[method-assign, assignment]
        yield heard


async def test_each_turn_is_a_drive_that_was_moderated(
    stage: Stage,
    client: httpx.AsyncClient,
    session: Session,
    speaker: Watcher,
    events: list[Event],
) -> None:
    async with connected(client, session, speaker, "?language=en") as microphone:
        for turn in (1, 2):
            microphone.talking = True
            await until(partial(reached, events, "drive.queued", turn))
            microphone.talking = False
            await until(partial(reached, events, "drive.finished", turn))
    said = [session.drives.get(name) for name in drives(events, "drive.finished")]
    assert [drive.kind for drive in said] == [DriveKind.AUDIO_STREAM] * 2
    assert all(drive.played_ms > 700 for drive in said)
    assert set(stage.moderator.languages) == {"en"}


async def test_what_moderation_blocks_is_not_heard(
    stage: Stage,
    client: httpx.AsyncClient,
    session: Session,
    speaker: Watcher,
    events: list[Event],
) -> None:
    stage.moderator.verdict = Verdict(Suggestion.BLOCK, ("violence",))
    async with connected(client, session, speaker) as microphone:
        microphone.talking = True
        await until(lambda: drives(events, "drive.queued"))
        microphone.talking = False
        await until(lambda: drives(events, "drive.failed"))
    (name,) = drives(events, "drive.failed")
    assert session.drives.get(name).played_ms == 0


@pytest.mark.parametrize(("query", "interrupted"), [("", False), ("?barge_in=true", True)])
async def test_a_voice_waits_or_interrupts_as_it_was_asked_to(
    client: httpx.AsyncClient,
    session: Session,
    speaker: Watcher,
    events: list[Event],
    query: str,
    interrupted: bool,
) -> None:
    said = await client.post(f"/v1/streams/{session.id}/drives", json={"text": LONG_TEXT})
    before = said.json()["id"]
    await until(lambda: before in drives(events, "drive.started"))
    async with connected(client, session, speaker, query) as microphone:
        microphone.talking = True
        await until(partial(reached, events, "drive.queued", 2))
        microphone.talking = False
        mine = drives(events, "drive.queued")[1]
        if interrupted:
            await until(lambda: mine in drives(events, "drive.started"))
            # Its own turns a voice does not interrupt.
            microphone.talking = True
            await until(partial(reached, events, "drive.queued", 3))
            await until(lambda: mine in drives(events, "drive.finished"))
    expected = DriveStatus.INTERRUPTED if interrupted else DriveStatus.SPEAKING
    assert session.drives.get(before).status is expected


async def test_a_turn_ends_when_the_sound_stops_or_the_speaker_leaves(
    client: httpx.AsyncClient, session: Session, speaker: Watcher, events: list[Event]
) -> None:
    async with connected(client, session, speaker) as microphone:
        microphone.talking = True
        await until(lambda: drives(events, "drive.queued"))
        microphone.unmuted.clear()
        await until(lambda: drives(events, "drive.finished"))
        microphone.unmuted.set()
        await until(partial(reached, events, "drive.queued", 2))
        assert (await client.delete(speaker.location)).status_code == 204
        await until(partial(reached, events, "drive.finished", 2))
        problem(await client.delete(speaker.location), 404, "not_found")
    assert {"voice.joined", "voice.left"} <= {one.type for one in events}


async def test_to_speak_takes_the_right_to_control_and_an_offer_that_sends(
    client: httpx.AsyncClient, stage: Stage, session: Session, speaker: Watcher
) -> None:
    url = f"/v1/streams/{session.id}/whip"
    offer = await speaker.offer("audio", direction="sendonly")
    made = await client.post(f"/v1/streams/{session.id}/tokens", json={"rights": ["view"]})
    async with stage.client(made.json()["token"]) as viewer:
        problem(await viewer.post(url, content=offer, headers=SDP), 403, "forbidden")
    silent = offer.replace("a=sendonly", "a=recvonly")
    response = await client.post(url, content=silent, headers=SDP)
    problem(response, 422, "validation_failed")
    response = await client.post(f"{url}?language=english", content=offer, headers=SDP)
    problem(response, 422, "validation_failed")


async def test_pictures_that_are_offered_too_are_not_taken(
    client: httpx.AsyncClient, session: Session, speaker: Watcher
) -> None:
    offer = await speaker.offer("audio", "video", direction="sendonly")
    url = f"/v1/streams/{session.id}/whip"
    response = await client.post(url, content=offer, headers=SDP)
    assert response.status_code == 201, response.text
    sound, picture = response.text.split("m=")[1:]
    assert "a=recvonly" in sound
    assert "a=inactive" in picture


async def test_there_is_a_limit_to_voices(
    client: httpx.AsyncClient,
    session: Session,
    speaker: Watcher,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(guests, "_MAX_VOICES", 1)
    offer = await speaker.offer("audio", direction="sendonly")
    url = f"/v1/streams/{session.id}/whip"
    assert (await client.post(url, content=offer, headers=SDP)).status_code == 201
    problem(await client.post(url, content=offer, headers=SDP), 429, "overloaded")
