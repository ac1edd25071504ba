"""A live stream as its viewers see and hear it, and a voice that speaks through it."""

from __future__ import annotations

import asyncio
import io
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from services.gateway.live.resampler import resample
from tests.e2e.conftest import Api, Json, eventually
from tests.e2e.watching import HEARD_RATE_HZ, Transcribe, error_rate, letters
from tests.fakes.talker import RATE_HZ, Microphone
from tests.fakes.watcher import SDP, Watcher, until

TEXT = "The morning train was late, but nobody on the platform complained."
_PATIENCE_S = 120.0
_CLOCK_HZ = 90_000
_QUIET = 0.02
_SILENCE_S = 4.0
"""On a busy machine the next clause may be late, but not so late."""


@asynccontextmanager
async def stream(api: Api, avatar_id: str) -> AsyncIterator[tuple[httpx.AsyncClient, Json]]:
    """A new stream, and a client that has its token."""
    made = await asyncio.to_thread(api.post, "/v1/streams", {"avatar_id": avatar_id})
    headers = {"Authorization": f"Bearer {made['token']}"}
    try:
        async with httpx.AsyncClient(
            base_url=api.http.base_url, headers=headers, trust_env=False, timeout=60
        ) as client:
            yield client, made
    finally:
        await asyncio.to_thread(api.http.delete, f"/v1/streams/{made['id']}")


@asynccontextmanager
async def watching(client: httpx.AsyncClient, made: Json) -> AsyncIterator[Watcher]:
    """A viewer that sees the stream."""
    watcher = Watcher()
    try:
        await watcher.watch(client, made["whep_url"])
        await until(lambda: watcher.pictures, _PATIENCE_S)
        yield watcher
    finally:
        await watcher.close()


async def heard_out(watcher: Watcher) -> NDArray[np.float32]:
    """What the viewer heard, once something was said and then nothing for a while."""
    await until(lambda: any(level > _QUIET for _, level in watcher.sounds), _PATIENCE_S)
    silence = int(_SILENCE_S * 50)

    def quiet() -> bool:
        return all(level < _QUIET for _, level in watcher.sounds[-silence:])

    await until(quiet, _PATIENCE_S)
    pcm = resample(bytes(watcher.received["audio"].pcm), RATE_HZ, HEARD_RATE_HZ)
    return (np.frombuffer(pcm, "<i2") / 32_768).astype(np.float32)


def misheard(heard: str) -> float:
    words = [letters(word).lower() for word in TEXT.split()]
    return error_rate(words, [letters(word).lower() for word in heard.split()])


async def test_a_viewer_hears_what_is_said(
    api: Api, avatar_id: str, transcript: Transcribe
) -> None:
    async with stream(api, avatar_id) as (client, made), watching(client, made) as watcher:
        said = await client.post(f"/v1/streams/{made['id']}/drives", json={"text": TEXT})
        assert said.status_code == httpx.codes.ACCEPTED
        drive = f"/v1/streams/{made['id']}/drives/{said.json()['id']}"
        await asyncio.to_thread(
            eventually, "its end", lambda: api.get(drive)["status"] == "finished" or None
        )
        sound = await heard_out(watcher)
        record = await asyncio.to_thread(api.get, f"/v1/streams/{made['id']}")
        assert record["status"] == "live"
    assert misheard(transcript(sound, "en")) <= 0.1


async def test_a_voice_speaks_through_the_avatar(
    api: Api, avatar_id: str, transcript: Transcribe
) -> None:
    body = {"voice_id": "vo_en_heart", "text": TEXT, "format": "wav"}
    speech = await asyncio.to_thread(api.http.post, "/v1/speech", json=body)
    with wave.open(io.BytesIO(speech.content)) as file:
        pcm = resample(file.readframes(file.getnframes()), file.getframerate(), RATE_HZ)
    speaker, microphone = Watcher(), Microphone()
    speaker.connection.addTrack(microphone)
    speaker.connection.getTransceivers()[0].direction = "sendonly"
    async with stream(api, avatar_id) as (client, made), watching(client, made) as watcher:
        url = f"/v1/streams/{made['id']}/whip?language=en"
        answer = await client.post(url, content=await speaker.offer(), headers=SDP)
        assert answer.status_code == httpx.codes.CREATED, answer.text
        microphone.recording = pcm
        await speaker.accept(answer.text)
        sound = await heard_out(watcher)
    await speaker.close()
    assert misheard(transcript(sound, "en")) <= 0.2


async def test_a_bad_network_stays_watchable(api: Api, avatar_id: str) -> None:
    """One datagram in twenty is lost, the others come up to 200 ms late and out of order."""
    async with stream(api, avatar_id) as (client, made), watching(client, made) as watcher:
        await client.post(f"/v1/streams/{made['id']}/drives", json={"text": TEXT})
        watcher.worsen(loss=0.05, jitter_s=0.2)
        first, begun = len(watcher.pictures), watcher.pictures[-1][0]
        await until(lambda: watcher.pictures[-1][0] > begun + 10 * _CLOCK_HZ, _PATIENCE_S)
        seen = [time for time, _ in watcher.pictures[first:]]
    assert len(seen) >= 10 * 25 * 0.8
    assert max(after - before for before, after in pairwise(seen)) < 1.0 * _CLOCK_HZ


@pytest.mark.parametrize("viewers", [4])
async def test_viewers_share_one_stream(api: Api, avatar_id: str, viewers: int) -> None:
    async with stream(api, avatar_id) as (client, made):
        watchers = [Watcher() for _ in range(viewers)]
        for watcher in watchers:
            await watcher.watch(client, made["whep_url"])
        await until(lambda: all(len(one.pictures) > 50 for one in watchers), _PATIENCE_S)
        for watcher in watchers:
            await watcher.close()
