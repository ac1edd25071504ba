"""The lipsync servicer on a real connection, with storage in memory and a face of one colour."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from numpy.typing import NDArray
from vultus.lipsync.v1 import lipsync_service_pb2_grpc
from vultus.storage.v1 import object_service_pb2, object_service_pb2_grpc

from services.common.errors import NoFace, NotFound
from services.common.grpc_client import open_channel
from services.common.grpc_server import serve_grpc
from services.lipsync.backdrop import Backdrop, Transparent
from services.lipsync.capacity import Capacity, Format
from services.lipsync.expression import MOUTH_SHAPES, Expression
from services.lipsync.servicer import Limits, LipsyncServicer
from services.lipsync.session import SessionLimits
from services.lipsync.store import PackCache, StorageObjects

LIPSYNC, OBJECTS = "vultus.lipsync.v1.LipsyncService", "vultus.storage.v1.ObjectService"
PORTRAIT = b"a face"


class ObjectsInMemory(object_service_pb2_grpc.ObjectServiceServicer):
    """ObjectService that keeps its objects in a dictionary."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], tuple[str, bytes]] = {}

    async def Put(self, request_iterator: Any, context: Any) -> object_service_pb2.PutResponse:
        header = (await anext(request_iterator)).header
        data = b"".join([request.data async for request in request_iterator])
        self.objects[header.object.bucket, header.object.key] = (header.content_type, data)
        return object_service_pb2.PutResponse(
            size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest()
        )

    async def Get(self, request: Any, context: Any) -> AsyncIterator[Any]:
        found = self.objects.get((request.object.bucket, request.object.key))
        if found is None:
            raise NotFound("no such object")
        content_type, data = found
        etag = hashlib.sha256(data).hexdigest()
        header = object_service_pb2.GetHeader(
            content_type=content_type, size_bytes=len(data), etag=etag
        )
        yield object_service_pb2.GetResponse(header=header)
        if request.HasField("length"):
            data = data[: request.length]
        for start in range(0, len(data), 100_000):
            yield object_service_pb2.GetResponse(data=data[start : start + 100_000])

    async def Delete(self, request: Any, context: Any) -> object_service_pb2.DeleteResponse:
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Rectangle:
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class PlainPack:
    width: int = 128
    height: int = 160
    face: Rectangle = Rectangle(10, 20, 60, 70)

    def to_bytes(self) -> bytes:
        return b"pack" * 100_000


class PlainRenderer:
    """Brightens with the jaw, and with lips that shut."""

    def __init__(self, width: int, height: int, channels: int) -> None:
        self._picture = np.zeros((height, width, channels), np.uint8)

    def render(self, expression: Expression) -> NDArray[np.uint8]:
        self._picture[:] = np.uint8(60 + 100 * max(0.0, *expression.mouth[:2].tolist()))
        return self._picture


class NoisyRenderer:
    """Draws what costs many bytes to encode, and counts."""

    def __init__(self, width: int, height: int) -> None:
        self._chance = np.random.default_rng(0)
        self._shape = (height, width, 3)
        self.drawn = 0

    def render(self, expression: Expression) -> NDArray[np.uint8]:
        self.drawn += 1
        return self._chance.integers(0, 255, self._shape, dtype=np.uint8)


class PlainStudio:
    """Sees a face in PORTRAIT alone; draws noise at 640 by 640."""

    def __init__(self) -> None:
        self.noisy = NoisyRenderer(640, 640)
        self.open_eyes = threading.Event()
        """Looking at a portrait waits while this is not set."""
        self.open_eyes.set()
        self.backdrops: list[Backdrop | None] = []

    def inspect(self, portrait: bytes) -> PlainPack:
        self.open_eyes.wait()
        if portrait != PORTRAIT:
            raise NoFace("no face was found")
        return PlainPack()

    def build(self, portrait: bytes, progress: Callable[[float], None]) -> PlainPack:
        self.inspect(portrait)
        for share in (0.2, 0.1, 0.7, 1.0):
            progress(share)
        return PlainPack()

    def preview(self, pack: PlainPack) -> bytes:
        return b"jpeg"

    def open(self, data: bytes) -> PlainPack:
        assert data == PlainPack().to_bytes()
        return PlainPack()

    def renderer(
        self, pack: PlainPack, width: int, height: int, backdrop: Backdrop | None
    ) -> PlainRenderer | NoisyRenderer:
        self.backdrops.append(backdrop)
        channels = 4 if isinstance(backdrop, Transparent) else 3
        return self.noisy if width == 640 else PlainRenderer(width, height, channels)


class Silent:
    """Hears nothing."""

    def __call__(
        self, seen: NDArray[np.float32], memory: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return np.zeros((1, len(MOUTH_SHAPES)), np.float32), memory


@dataclass(frozen=True, slots=True)
class House:
    """A running lipsync service and the storage behind it."""

    stub: lipsync_service_pb2_grpc.LipsyncServiceAsyncStub
    objects: ObjectsInMemory
    studio: PlainStudio


@asynccontextmanager
async def _serving(
    name: str, add: Callable[[Any, grpc.aio.Server], None], servicer: Any
) -> AsyncIterator[grpc.aio.Channel]:
    services = {name: lambda server: add(servicer, server)}
    async with serve_grpc("127.0.0.1:0", services, drain_timeout_s=1) as endpoint:
        await endpoint.set_serving(True)
        async with open_channel(endpoint.address) as channel:
            yield channel


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Two slots for animations."""
    memory, studio = ObjectsInMemory(), PlainStudio()
    memory.objects["assets", "ac_1/photo"] = ("image/png", PORTRAIT)
    memory.objects["assets", "ac_1/cat"] = ("image/png", b"a cat")
    memory.objects["avatars", "ac_1/pack"] = ("x", PlainPack().to_bytes())
    add_objects = object_service_pb2_grpc.add_ObjectServiceServicer_to_server
    add_lipsync = lipsync_service_pb2_grpc.add_LipsyncServiceServicer_to_server
    with ThreadPoolExecutor(2) as drawing, ThreadPoolExecutor(1) as preparing:
        async with _serving(OBJECTS, add_objects, memory) as storage:
            objects = StorageObjects(storage)
            packs = PackCache(objects, studio.open, tmp_path, max_open=2, max_disk_bytes=10**7)
            servicer = LipsyncServicer(
                studio,
                objects,
                packs,
                Silent(),
                Capacity(2 * Format(128, 160, 25).weight),
                Limits(4, SessionLimits(max_queued_us=10_000_000, stall_s=60)),
                drawing=drawing,
                preparing=preparing,
            )
            async with _serving(LIPSYNC, add_lipsync, servicer) as channel:
                yield House(lipsync_service_pb2_grpc.LipsyncServiceStub(channel), memory, studio)
