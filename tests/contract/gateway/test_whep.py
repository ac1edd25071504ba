"""Watching a stream by WHEP, with aiortc on the other side."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.fakes.film import Film
from tests.fakes.stage import Stage
from tests.fakes.watcher import Watcher, until

DARK = 128
"""Flashes are brighter."""
QUIET = 0.1
"""Beeps are louder."""
PACKET_S = 0.02
"""How exactly the start of a beep is told."""


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    stage = Stage()
    stage.animator = Film()
    yield stage
    await stage.sessions.close()
    await stage.guests.close()


@pytest.fixture
async def watcher() -> AsyncIterator[Watcher]:
    watcher = Watcher()
    yield watcher
    await watcher.close()


async def opened(stage: Stage, client: httpx.AsyncClient) -> dict[str, str]:
    """A new stream, as the API tells of it."""
    avatar = stage.avatars.add(stage.account.id)
    response = await client.post("/v1/streams", json={"avatar_id": avatar.id})
    assert response.status_code == 201, response.text
    told: dict[str, str] = response.json()
    return told


async def test_a_viewer_sees_and_hears_the_stream_in_sync(
    stage: Stage, client: httpx.AsyncClient, watcher: Watcher
) -> None:
    stream = await opened(stage, client)
    await watcher.watch(client, stream["whep_url"])
    await until(lambda: len(watcher.reports) == 2 and watcher.onset_ntp_s("video", DARK)[2:])
    await until(lambda: watcher.onset_ntp_s("audio", QUIET)[2:])
    flashes, beeps = watcher.onset_ntp_s("video", DARK), watcher.onset_ntp_s("audio", QUIET)
    skews_s = [flash - beep for flash, beep in zip(flashes, beeps, strict=False)]
    assert max(map(abs, skews_s)) <= PACKET_S
