"""How long a caller of the lipsync service waits: for an avatar, and for the first frame of it."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import grpc
import numpy as np
from vultus.lipsync.v1 import lipsync_service_pb2 as wire
from vultus.lipsync.v1 import lipsync_service_pb2_grpc
from vultus.media.v1 import media_pb2

from bench.figures import Figure
from services.common.grpc_client import open_channel
from services.common.grpc_server import serve_grpc
from services.lipsync.app import SERVICE_NAME, limits_of
from services.lipsync.capacity import Capacity
from services.lipsync.motion.voice import OnnxMouthNetwork
from services.lipsync.pack import AvatarPack
from services.lipsync.servicer import LipsyncServicer
from services.lipsync.settings import LipsyncSettings
from services.lipsync.store import ObjectName, PackCache, StoredObject
from services.lipsync.studio import PictureStudio

_FPS, _RATE_HZ = 25, 24_000
_ROUNDS = 7
_SOUND_S = 0.4
_MS = 1000.0
_PHOTO, _PACK, _PREVIEW = (
    media_pb2.ObjectRef(bucket="bench", key=key) for key in ("photo", "pack", "preview")
)


class _Memory:
    """Objects without a storage service around them."""

    def __init__(self, photo: bytes) -> None:
        self._objects = {ObjectName(_PHOTO.bucket, _PHOTO.key): photo}

    async def etag(self, name: ObjectName) -> str:
        return hashlib.sha256(self._objects[name]).hexdigest()

    async def read(self, name: ObjectName) -> StoredObject:
        return StoredObject(await self.etag(name), self._objects[name])

    async def write(self, name: ObjectName, content_type: str, data: bytes) -> None:
        self._objects[name] = data


def first_frames(studio: PictureStudio, portrait: bytes, settings: LipsyncSettings) -> list[Figure]:
    """Medians of what passes between a request and its first answer of use, over loopback."""
    return asyncio.run(_measured(studio, portrait, settings))


async def _measured(
    studio: PictureStudio, portrait: bytes, settings: LipsyncSettings
) -> list[Figure]:
    async with _served(studio, portrait, settings) as stub:
        prepared = [await _prepare_s(stub) for _ in range(_ROUNDS)]
        figures = [Figure("PrepareAvatar, call to pack", median(prepared) * _MS, "ms")]
        for side in (512, 1080):
            for source in (wire.MOUTH_SOURCE_VISEMES, wire.MOUTH_SOURCE_AUDIO):
                waits = [await _wait_s(stub, side, source) for _ in range(_ROUNDS)]
                opened, first = (median(column) * _MS for column in zip(*waits, strict=True))
                told = "visemes" if source == wire.MOUTH_SOURCE_VISEMES else "sound alone"
                name = f"Animate {side}×{side}, {told}"
                figures.append(Figure(f"{name}: config to started", opened, "ms"))
                figures.append(Figure(f"{name}: first sound to first frame", first, "ms"))
        return figures


@asynccontextmanager
async def _served(
    studio: PictureStudio, portrait: bytes, settings: LipsyncSettings
) -> AsyncIterator[lipsync_service_pb2_grpc.LipsyncServiceAsyncStub]:
    objects = _Memory(portrait)
    with (
        TemporaryDirectory() as folder,
        ThreadPoolExecutor(settings.render_threads) as drawing,
        ThreadPoolExecutor(settings.max_preparations) as preparing,
    ):
        packs = PackCache(
            objects, AvatarPack.from_bytes, Path(folder), max_open=8, max_disk_bytes=10**9
        )
        servicer = LipsyncServicer(
            studio,
            objects,
            packs,
            OnnxMouthNetwork(),
            Capacity(_ROUNDS),
            limits_of(settings),
            drawing=drawing,
            preparing=preparing,
        )

        def register(server: grpc.aio.Server) -> None:
            lipsync_service_pb2_grpc.add_LipsyncServiceServicer_to_server(servicer, server)

        services: dict[str, Callable[[grpc.aio.Server], None]] = {SERVICE_NAME: register}
        async with (
            serve_grpc("127.0.0.1:0", services, drain_timeout_s=1) as endpoint,
            open_channel(endpoint.address) as channel,
        ):
            yield lipsync_service_pb2_grpc.LipsyncServiceStub(channel)


async def _prepare_s(stub: lipsync_service_pb2_grpc.LipsyncServiceAsyncStub) -> float:
    start = time.perf_counter()
    request = wire.PrepareAvatarRequest(portrait=_PHOTO, pack=_PACK, preview=_PREVIEW)
    async for _ in stub.PrepareAvatar(request):
        pass
    return time.perf_counter() - start


async def _wait_s(
    stub: lipsync_service_pb2_grpc.LipsyncServiceAsyncStub,
    side: int,
    source: wire.MouthSource.ValueType,
) -> tuple[float, float]:
    """From the config to `started`, and from the first sound to the first frame."""
    call = stub.Animate()
    start = time.perf_counter()
    config = wire.AnimateConfig(
        pack=_PACK, width=side, height=side, fps=_FPS, sample_rate_hz=_RATE_HZ
    )
    await call.write(wire.AnimateRequest(config=config))
    await anext(aiter(call))
    opened = time.perf_counter()
    for request in _utterance(source):
        await call.write(request)
    async for response in call:
        if response.HasField("frame"):
            break
    seen = time.perf_counter()
    call.cancel()
    return opened - start, seen - opened


def _utterance(source: wire.MouthSource.ValueType) -> list[wire.AnimateRequest]:
    """The beginning of something said, and its mouth shapes if the source is visemes."""
    noise = np.random.default_rng(0).normal(0, 3000, int(_SOUND_S * _RATE_HZ))
    pcm = noise.clip(-32767, 32767).astype("<i2").tobytes()
    start = wire.UtteranceStart(utterance_id="u", mouth_source=source)
    requests = [wire.AnimateRequest(utterance_start=start)]
    if source == wire.MOUTH_SOURCE_VISEMES:
        shape = media_pb2.VISEME_SHAPE_AA
        viseme = media_pb2.Viseme(
            shape=shape, start_us=0, duration_us=int(_SOUND_S * 1e6), weight=1.0
        )
        requests.append(wire.AnimateRequest(visemes=wire.Visemes(visemes=[viseme])))
    sound = media_pb2.AudioChunk(pcm_s16le=pcm, sample_rate_hz=_RATE_HZ, start_us=0)
    return [*requests, wire.AnimateRequest(audio=sound)]
