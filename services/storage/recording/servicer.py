"""The wire of RecordService: messages in, the recorder's call, one message out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
from vultus.storage.v1 import record_service_pb2 as wire
from vultus.storage.v1 import record_service_pb2_grpc

from services.common.errors import InvalidInput
from services.storage.objects.wire import ref_from_wire
from services.storage.recording.media import Frame, RecordingFormat, Sound
from services.storage.recording.recorder import Places, Recordable, Recorder, Word

Context = grpc.aio.ServicerContext[Any, Any]


class RecordServicer(record_service_pb2_grpc.RecordServiceServicer):
    """Serves RecordService."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    async def Record(
        self, request_iterator: AsyncIterator[wire.RecordRequest], context: Context
    ) -> wire.RecordResponse:
        """See the proto."""
        header = await _header(request_iterator)
        recording = RecordingFormat(
            header.width,
            header.height,
            header.fps,
            header.sample_rate_hz,
            header.transparent,
        )
        places = Places(
            ref_from_wire(header.content),
            ref_from_wire(header.words) if header.HasField("words") else None,
        )
        stored = await self._recorder.record(recording, places, _media(request_iterator))
        return wire.RecordResponse(
            duration_s=stored.duration_s,
            size_bytes=stored.size_bytes,
            sha256=stored.sha256,
            frames=stored.frames,
        )


async def _header(requests: AsyncIterator[wire.RecordRequest]) -> wire.RecordHeader:
    async for request in requests:
        if request.WhichOneof("payload") == "header":
            return request.header
        break
    raise InvalidInput("the header must come first")


async def _media(requests: AsyncIterator[wire.RecordRequest]) -> AsyncIterator[Recordable]:
    """What is recorded, up to RecordEnd; raises InvalidInput when that never comes."""
    async for request in requests:
        match request.WhichOneof("payload"):
            case "frame":
                frame = request.frame
                yield Frame(frame.access_unit, frame.pts_us, frame.keyframe, frame.alpha)
            case "audio":
                sound = request.audio
                yield Sound(sound.pcm_s16le, sound.sample_rate_hz, sound.start_us)
            case "words":
                yield tuple(
                    Word(word.text, word.start_us, word.end_us, word.char_start, word.char_end)
                    for word in request.words.words
                )
            case "end":
                return
            case _:
                raise InvalidInput("the header is followed by frames, sound, words and the end")
    raise InvalidInput("the recording broke off before its end")
