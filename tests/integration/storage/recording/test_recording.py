from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import pytest
from c2pa import Reader
from vultus.media.v1 import media_pb2
from vultus.storage.v1 import record_service_pb2 as wire
from vultus.storage.v1.record_service_pb2_grpc import RecordServiceStub

from services.common.errors import InvalidInput, Unavailable
from services.common.grpc_client import unary
from services.gateway import media
from services.gateway.clients.media import GrpcRecorder
from services.gateway.clients.storage import GrpcObjects
from services.gateway.ports import RecordingHeader
from services.gateway.records import Recording
from tests.fakes.media_files import Samples, Unit, film, noise, transparent_film
from tests.integration.storage.conftest import SeaweedFs, Serve, Storage
from tests.unit.storage.recording.test_muxer import boxes, heard, offset_of
from tests.unit.storage.recording.test_transparent import planes

WORDS = (media.Word("Guten", 0, 400_000, 0, 5), media.Word("天", 400_000, 900_000, 6, 7))


async def spoken(
    samples: Samples, rate_hz: int, fps: int = 25, units: Sequence[Unit] = ()
) -> AsyncGenerator[Any, None]:
    """What the pipeline sends: frames, the sound of each, and words."""
    yield WORDS
    for index, unit in enumerate(units or film(len(samples) * fps // rate_hz, fps=fps)):
        pts_us = index * 1_000_000 // fps
        yield media.Frame(unit.data, pts_us, unit.keyframe, unit.alpha)
        first, end = index * rate_hz // fps, (index + 1) * rate_hz // fps
        start_us = first * 1_000_000 // rate_hz
        yield media.AudioChunk(samples[first:end].tobytes(), rate_hz, start_us)


def header(storage: Storage, *, words: bool = True, rate_hz: int = 24_000) -> RecordingHeader:
    stem = f"{storage.account_id}/vd_1"
    return RecordingHeader(
        media.ObjectRef("videos", f"{stem}.mp4"),
        media.ObjectRef("videos", f"{stem}.words.json") if words else None,
        *(128, 96, 25),
        rate_hz,
    )


async def read(storage: Storage, ref: media.ObjectRef, **part: int) -> bytes:
    _, blocks = await GrpcObjects(storage.channel).open(ref, **part)
    return b"".join([block async for block in blocks])


@pytest.mark.parametrize("rate_hz", [16_000, 24_000, 48_000])
async def test_a_recording_is_stored_in_step_with_its_words_beside_it(
    storage: Storage, tmp_path: Path, rate_hz: int
) -> None:
    samples, place = noise(2, rate_hz), header(storage, rate_hz=rate_hz)

    stored = await GrpcRecorder(storage.channel).record(place, spoken(samples, rate_hz))

    content, path = await read(storage, place.content), tmp_path / "video.mp4"
    path.write_bytes(content)
    assert stored == Recording(2.0, len(content))
    assert boxes(path).index("moov") < boxes(path).index("mdat")
    with Reader(str(path)) as manifest:
        assert manifest.get_validation_state() == "Valid"
    assert offset_of(heard(path), samples) == 0
    assert place.words
    assert json.loads(await read(storage, place.words)) == {
        "words": [
            {"text": "Guten", "start_us": 0, "end_us": 400_000, "char_start": 0, "char_end": 5},
            {"text": "天", "start_us": 400_000, "end_us": 900_000, "char_start": 6, "char_end": 7},
        ]
    }
    assert await read(storage, place.content, offset=100, length=50) == content[100:150]
    assert not list(storage.spool.iterdir())


async def test_recording_again_gives_the_same_film_in_the_same_place(
    storage: Storage, tmp_path: Path
) -> None:
    recorder, place = GrpcRecorder(storage.channel), header(storage, words=False)
    packets = []
    for path in (tmp_path / "first.mp4", tmp_path / "again.mp4"):
        await recorder.record(place, spoken(noise(1, 24_000), 24_000))
        path.write_bytes(await read(storage, place.content))
        with av.open(str(path)) as container:
            packets.append([bytes(packet) for packet in container.demux()])
    # Every signature is another.
    assert packets[0] == packets[1]
    assert storage.stored() == {f"videos/{place.content.key}"}


async def test_what_has_alpha_becomes_a_webm_that_keeps_it(
    storage: Storage, tmp_path: Path
) -> None:
    place = replace(header(storage), transparent=True)
    samples = noise(2, 24_000)

    stored = await GrpcRecorder(storage.channel).record(
        place, spoken(samples, 24_000, units=transparent_film(50))
    )

    assert stored.duration_s == 2.0
    described, blocks = await GrpcObjects(storage.channel).open(place.content)
    assert described.content_type == "video/webm"
    path = tmp_path / "video.webm"
    path.write_bytes(b"".join([block async for block in blocks]))
    shown = planes(path)
    assert len(shown) == 50
    assert [int(alpha.max()) for _, alpha in shown[::10]] == pytest.approx(
        [255, 245, 235, 225, 215], abs=2
    )


async def test_a_source_that_fails_stores_nothing(storage: Storage) -> None:
    async def failing() -> AsyncGenerator[Any, None]:
        async for item in spoken(noise(1, 24_000), 24_000):
            yield item
        raise RuntimeError("the drawing failed")

    with pytest.raises(RuntimeError):
        await GrpcRecorder(storage.channel).record(header(storage), failing())
    await until_swept(storage)
    assert storage.stored() == set()


async def until_swept(storage: Storage) -> None:
    """Returns when nothing is spooled any more."""
    while list(storage.spool.iterdir()):
        await GrpcObjects(storage.channel).delete([])


async def test_a_stream_without_an_end_stores_nothing(storage: Storage) -> None:
    place = media_pb2.ObjectRef(bucket="videos", key=f"{storage.account_id}/vd_1.mp4")
    unit = film(1)[0]
    messages = [
        wire.RecordRequest(
            header=wire.RecordHeader(
                content=place, width=128, height=96, fps=25, sample_rate_hz=24_000
            )
        ),
        wire.RecordRequest(
            frame=media_pb2.FrameChunk(access_unit=unit.data, pts_us=0, keyframe=True)
        ),
        wire.RecordRequest(
            audio=media_pb2.AudioChunk(pcm_s16le=bytes(960), sample_rate_hz=24_000, start_us=0)
        ),
    ]

    async def requests() -> AsyncGenerator[wire.RecordRequest, None]:
        for message in messages:
            yield message

    with pytest.raises(InvalidInput, match="broke off"):
        await unary(RecordServiceStub(storage.channel).Record(requests()))
    assert storage.stored() == set()
    assert not list(storage.spool.iterdir())


async def test_a_video_that_can_not_be_stored_leaves_no_words(
    mortal_seaweedfs: SeaweedFs, serve_storage: Serve
) -> None:
    await asyncio.to_thread(mortal_seaweedfs.start)
    async with serve_storage(mortal_seaweedfs) as storage:

        async def outage() -> AsyncGenerator[Any, None]:
            async for item in spoken(noise(1, 24_000), 24_000):
                yield item
            mortal_seaweedfs.kill()

        with pytest.raises(Unavailable) as caught:
            await GrpcRecorder(storage.channel).record(header(storage), outage())
        assert caught.value.retryable
        assert not list(storage.spool.iterdir())
        await asyncio.to_thread(mortal_seaweedfs.start)
        assert storage.stored() == set()
