"""The whole service with its real models: a portrait becomes a face that speaks."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray
from vultus.lipsync.v1 import lipsync_service_pb2 as wire
from vultus.lipsync.v1 import lipsync_service_pb2_grpc
from vultus.media.v1 import media_pb2
from vultus.storage.v1 import object_service_pb2, object_service_pb2_grpc

from services.common.errors import AvatarNotReady, NotFound, StartupError
from services.common.grpc_client import open_channel, responses
from services.common.grpc_server import serve_grpc
from services.common.models import ModelStore
from services.common.onnx import open_network
from services.lipsync.app import open_studio, serve
from services.lipsync.faces import FaceDetector, FaceReader
from services.lipsync.settings import LipsyncSettings

HOME = Path(__file__).parents[3] / ".vultus"
PORTRAIT = HOME / "models" / "demo_portrait.jpg"
RATE = 24_000
AA, PP = media_pb2.VISEME_SHAPE_AA, media_pb2.VISEME_SHAPE_PP
INNER_LIPS, EYE_CORNERS = (13, 14), (33, 263)

pytestmark = pytest.mark.skipif(
    not PORTRAIT.is_file(), reason="the models are not there: python -m services.local.models fetch"
)


class ObjectsInMemory(object_service_pb2_grpc.ObjectServiceServicer):
    """ObjectService that keeps its objects in a dictionary."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    async def Put(self, request_iterator: Any, context: Any) -> object_service_pb2.PutResponse:
        header = (await anext(request_iterator)).header
        data = b"".join([request.data async for request in request_iterator])
        self.objects[header.object.key] = data
        return object_service_pb2.PutResponse(size_bytes=len(data))

    async def Get(self, request: Any, context: Any) -> AsyncIterator[Any]:
        if request.object.key not in self.objects:
            raise NotFound("no such object")
        data = self.objects[request.object.key]
        etag = hashlib.sha256(data).hexdigest()
        yield object_service_pb2.GetResponse(header=object_service_pb2.GetHeader(etag=etag))
        end = request.length if request.HasField("length") else len(data)
        for start in range(0, end, 500_000):
            yield object_service_pb2.GetResponse(data=data[start : min(end, start + 500_000)])

    async def Delete(self, request: Any, context: Any) -> object_service_pb2.DeleteResponse:
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class House:
    """A running service and what lies in its storage."""

    stub: lipsync_service_pb2_grpc.LipsyncServiceAsyncStub
    objects: ObjectsInMemory


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    memory = ObjectsInMemory()
    memory.objects["ac_1/photo"] = PORTRAIT.read_bytes()

    def register(server: Any) -> None:
        object_service_pb2_grpc.add_ObjectServiceServicer_to_server(memory, server)

    name = "vultus.storage.v1.ObjectService"
    async with serve_grpc("127.0.0.1:0", {name: register}, drain_timeout_s=1) as storage:
        await storage.set_serving(True)
        settings = LipsyncSettings(
            home=HOME, storage_address=storage.address, pack_cache_folder=tmp_path
        )
        async with serve(settings) as address, open_channel(address) as channel:
            yield House(lipsync_service_pb2_grpc.LipsyncServiceStub(channel), memory)


def ref(bucket: str, key: str) -> media_pb2.ObjectRef:
    return media_pb2.ObjectRef(bucket=bucket, key=key)


async def prepared(house: House) -> wire.AvatarPack:
    request = wire.PrepareAvatarRequest(
        portrait=ref("assets", "ac_1/photo"),
        pack=ref("avatars", "ac_1/pack"),
        preview=ref("avatars", "ac_1/preview"),
    )
    return [response async for response in responses(house.stub.PrepareAvatar(request))][-1].pack


def voiced(duration_us: int) -> bytes:
    noise = np.random.default_rng(0).normal(0, 3000, duration_us * RATE // 1_000_000)
    return noise.clip(-32767, 32767).astype("<i2").tobytes()


async def spoken(spans: Sequence[tuple[int, int, int]], duration_us: int) -> AsyncIterator[Any]:
    """Half a second of idle, an utterance of the given shapes, a second of idle."""
    yield wire.AnimateRequest(
        config=wire.AnimateConfig(
            pack=ref("avatars", "ac_1/pack"), fps=25, sample_rate_hz=RATE, seed=4
        )
    )
    yield wire.AnimateRequest(idle=wire.Idle(duration_us=500_000))
    yield wire.AnimateRequest(
        utterance_start=wire.UtteranceStart(
            utterance_id="u1", mouth_source=wire.MOUTH_SOURCE_VISEMES
        )
    )
    visemes = [
        media_pb2.Viseme(
            shape=media_pb2.VisemeShape.ValueType(shape),
            start_us=start,
            duration_us=end - start,
            weight=1.0,
        )
        for shape, start, end in spans
    ]
    yield wire.AnimateRequest(visemes=wire.Visemes(visemes=visemes))
    chunk = media_pb2.AudioChunk(pcm_s16le=voiced(duration_us), sample_rate_hz=RATE)
    yield wire.AnimateRequest(audio=chunk)
    yield wire.AnimateRequest(utterance_end=wire.UtteranceEnd())
    yield wire.AnimateRequest(idle=wire.Idle(duration_us=1_000_000))


@pytest.fixture
def openings() -> Callable[[list[NDArray[np.uint8]]], NDArray[np.float64]]:
    """Measures how far lips are parted, in distances between the outer corners of the eyes."""
    models = ModelStore(HOME)
    provider = ["CPUExecutionProvider"]
    detector = FaceDetector(open_network(models.path("face-detector"), provider))
    reader = FaceReader(open_network(models.path("face-landmarks"), provider))

    def measure(pictures: list[NDArray[np.uint8]]) -> NDArray[np.float64]:
        face = detector.find(pictures[0])[0]
        parted = []
        for picture in pictures:
            points = reader.read(picture, face).points[:, :2]
            upper, lower = points[list(INNER_LIPS)]
            right, left = points[list(EYE_CORNERS)]
            parted.append(np.linalg.norm(upper - lower) / np.linalg.norm(left - right))
        return np.array(parted)

    return measure


async def test_a_portrait_speaks_with_lips_that_open_and_seal(
    house: House, openings: Callable[[list[NDArray[np.uint8]]], NDArray[np.float64]]
) -> None:
    pack = await prepared(house)
    stored = house.objects.objects["ac_1/pack"]
    assert pack.sha256 == hashlib.sha256(stored).hexdigest()
    assert house.objects.objects["ac_1/preview"].startswith(b"\xff\xd8")
    spans = [
        (AA, 200_000, 500_000),
        (PP, 500_000, 580_000),
        (AA, 580_000, 880_000),
    ]
    received = [r async for r in responses(house.stub.Animate(spoken(spans, 1_000_000)))]
    decoder = av.CodecContext.create("h264", "r")
    units = [r.frame.access_unit for r in received if r.HasField("frame")]
    decoded = [frame for unit in units for frame in decoder.decode(av.Packet(unit))]
    decoded += decoder.decode(None)
    pictures = [np.asarray(frame.to_ndarray(format="rgb24"), np.uint8) for frame in decoded]
    assert len(pictures) == 63
    assert pictures[0].shape == (pack.height, pack.width, 3)
    parted = openings(pictures)
    rest, vowels = parted[:12].mean(), max(parted[17:24].max(), parted[28:34].max())
    assert vowels > rest + 0.06
    assert parted[24:28].min() < rest + 0.02
    assert parted[:12].std() < 0.01
    assert parted[-15:].std() < 0.01
    corner = np.stack(pictures)[:, :8, :8].astype(np.float32)
    assert corner.std(axis=0).max() < 4


async def test_an_altered_pack_is_refused(house: House) -> None:
    await prepared(house)
    house.objects.objects["ac_1/pack"] = house.objects.objects["ac_1/pack"][:-100]
    with pytest.raises(AvatarNotReady, match="damaged"):
        [r async for r in responses(house.stub.Animate(spoken([], 100_000)))]


@pytest.mark.skipif(
    "CUDAExecutionProvider" in onnxruntime.get_available_providers(), reason="there is a GPU"
)
def test_a_demanded_provider_that_is_missing_stops_the_start() -> None:
    settings = LipsyncSettings(
        home=HOME, storage_address="127.0.0.1:1", onnx_providers=("CUDAExecutionProvider",)
    )
    with pytest.raises(StartupError, match="CUDAExecutionProvider"):
        open_studio(settings)
