"""What a live stream costs and how soon it answers, seen by a controller and by a viewer."""

from __future__ import annotations

import asyncio
import io
import json
import sys
import time
import wave
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
import numpy as np
from websockets.asyncio.client import ClientConnection, connect

from bench.figures import Figure
from bench.stack import MeasuredStack
from services.common.models import MODELS_FOLDER
from services.local.client import ApiClient
from services.local.say import avatar_of

_TEXTS = (
    "Hello, my friend. I am glad that you are here.",
    "Good morning, everybody. The bread is fresh today.",
    "Thank you, that is a good question. Let me think about it.",
    "Welcome back, we have missed you. Please take a seat.",
)
_SIDE = 512
_REST_S = 1.0
_MANY = (2, 4, 8)
_MANY_S = 12.0
_FULL_RATE = 0.98
_MS = 1000.0
_IDLE_S = 10.0
_BUSY = ("gateway", "lipsync")
PORTRAIT = f"{MODELS_FOLDER}/demo_portrait.jpg"

Json = dict[str, Any]


class _Stream:
    """A stream, and the socket that drives it."""

    def __init__(self, url: str, made: Json, socket: ClientConnection) -> None:
        self._url = url
        self._made = made
        self._socket = socket

    async def say(self, **message: object) -> None:
        await self._socket.send(json.dumps(message))

    async def send(self, pcm: bytes) -> None:
        await self._socket.send(pcm)

    async def heard(self, type_: str) -> Json:
        async with asyncio.timeout(60):
            while True:
                message: Json = json.loads(await self._socket.recv())
                if message["type"] == type_:
                    return message
                if message["type"] in ("drive.failed", "error"):
                    raise RuntimeError(f"the stream told of a failure: {message}")

    async def viewed(self, seconds: float) -> Json:
        """What a viewer in a process of its own sees in that time."""
        viewer = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bench.viewer"),
            f"{self._url}{self._made['whep_url']}",
            self._made["token"],
            str(seconds),
            stdout=asyncio.subprocess.PIPE,
        )
        told, _ = await viewer.communicate()
        seen: Json = json.loads(told)
        return seen


async def live(stack: MeasuredStack) -> list[Figure]:
    """Latencies of one stream, what it costs, and how many keep their pace."""
    api = ApiClient(stack.url, stack.key)
    avatar = await asyncio.to_thread(avatar_of, api, str(stack.home / PORTRAIT))
    api.close()
    async with httpx.AsyncClient(
        base_url=stack.url,
        headers={"Authorization": f"Bearer {stack.key}"},
        trust_env=False,
        timeout=60,
    ) as client:
        figures = await _alone(client, stack, avatar["id"])
        return [*figures, *await _many(client, stack, avatar["id"])]


async def _alone(client: httpx.AsyncClient, stack: MeasuredStack, avatar_id: str) -> list[Figure]:
    async with _open(client, avatar_id) as stream:
        await _drive(stream, _TEXTS[0])
        viewing = asyncio.ensure_future(stream.viewed(60.0))
        await asyncio.sleep(5)
        before = {name: stack.cpu_s(name) for name in _BUSY}
        await asyncio.sleep(_IDLE_S)
        share = {name: (stack.cpu_s(name) - before[name]) / _IDLE_S * 100 for name in _BUSY}
        answers_s = [await _drive(stream, text) for text in _TEXTS]
        stops_s = [await _interrupt(stream, text) for text in _TEXTS]
        sounds_s = [await _voice(client, stream, text) for text in _TEXTS[:2]]
        seen = await viewing
    return [
        Figure("live: offer to first picture", seen["first_frame_s"], "s"),
        Figure("live: text to first spoken frame", float(np.median(answers_s)), "s", 2.0, 0.7),
        Figure("live: interruption to shut mouth", max(stops_s) * _MS, "ms", 200, 80),
        Figure("live: end of a spoken clause to its first frame", float(np.median(sounds_s)), "s"),
        Figure("live: pictures a second, of 25", seen["fps"], ""),
        Figure("live: sound against picture, 95 %", seen["skew_ms"], "ms", 40, 20),
        Figure("live: longest gap between pictures", seen["gap_ms"][1], "ms"),
        Figure("live: gateway, one viewer, of a core", share["gateway"], "%", 10, 6),
        Figure("live: lip-sync, idle face, of a core", share["lipsync"], "%"),
    ]


async def _many(client: httpx.AsyncClient, stack: MeasuredStack, avatar_id: str) -> list[Figure]:
    """Streams that all speak and are all watched; how many keep their pace."""
    kept, memory = 1, [(0, stack.memory_mb(*_BUSY))]
    for count in _MANY:
        async with _opened(client, avatar_id, count) as streams:
            for stream in streams:
                await stream.say(type="drive", text=" ".join(_TEXTS))
            seen = await asyncio.gather(*(stream.viewed(_MANY_S) for stream in streams))
            memory.append((count, stack.memory_mb(*_BUSY)))
        if min(one["fps"] for one in seen) < 25 * _FULL_RATE:
            break
        kept = count
    (few, low), (many, high) = memory[0], memory[-1]
    per_stream = (high - low) / (many - few)
    return [
        Figure("live: speaking streams that keep their pace (at least)", float(kept), ""),
        Figure("live: memory of a further stream", per_stream, "MB", 60, 20),
    ]


@asynccontextmanager
async def _open(client: httpx.AsyncClient, avatar_id: str) -> AsyncIterator[_Stream]:
    body = {"avatar_id": avatar_id, "width": _SIDE, "height": _SIDE}
    made = (await client.post("/v1/streams", json=body)).raise_for_status().json()
    url = str(client.base_url).rstrip("/")
    address = url.replace("http", "ws", 1) + made["control_url"]
    subprotocols: Sequence[Any] = ("vultus", f"token.{made['token']}")
    try:
        async with connect(address, subprotocols=subprotocols, proxy=None) as socket:
            yield _Stream(url, made, socket)
    finally:
        await client.delete(f"/v1/streams/{made['id']}")


@asynccontextmanager
async def _opened(
    client: httpx.AsyncClient, avatar_id: str, count: int
) -> AsyncIterator[list[_Stream]]:
    if not count:
        yield []
        return
    async with (
        _open(client, avatar_id) as stream,
        _opened(client, avatar_id, count - 1) as others,
    ):
        yield [stream, *others]


async def _drive(stream: _Stream, text: str) -> float:
    """Seconds from a text to its first spoken frame; returns when it was said."""
    await asyncio.sleep(_REST_S)
    start = time.perf_counter()
    await stream.say(type="drive", text=text)
    await stream.heard("drive.started")
    taken_s = time.perf_counter() - start
    await stream.heard("drive.finished")
    return taken_s


async def _interrupt(stream: _Stream, text: str) -> float:
    """Seconds from an interruption to the frame with which the mouth closes."""
    await stream.say(type="drive", text=text)
    await stream.heard("word")
    await stream.heard("word")
    start = time.perf_counter()
    await stream.say(type="interrupt")
    await stream.heard("drive.interrupted")
    return time.perf_counter() - start


async def _voice(client: httpx.AsyncClient, stream: _Stream, text: str) -> float:
    """Seconds from the end of a clause, sent as it is spoken, to its first frame."""
    body = {"voice_id": "vo_en_heart", "text": text.split(".", maxsplit=1)[0] + "."}
    sound = (await client.post("/v1/speech", json=body)).raise_for_status().content
    with wave.open(io.BytesIO(sound)) as file:
        rate_hz, pcm = file.getframerate(), file.readframes(file.getnframes())
    await stream.say(type="audio.start", sample_rate=rate_hz, language="en")
    piece = rate_hz // 50 * 2
    begun_s = time.perf_counter()
    for number, at in enumerate(range(0, len(pcm), piece)):
        await asyncio.sleep(max(0.0, begun_s + number / 50 - time.perf_counter()))
        await stream.send(pcm[at : at + piece])
    start = time.perf_counter()
    await stream.say(type="audio.end")
    await stream.heard("drive.started")
    taken_s = time.perf_counter() - start
    await stream.heard("drive.finished")
    return taken_s
