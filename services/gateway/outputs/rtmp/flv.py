"""A program as the messages that RTMP carries: bodies of FLV tags."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from services.gateway.live.phrases import RATE_HZ
from services.gateway.media import AudioChunk, Frame
from services.gateway.outputs.aac import AacEncoder
from services.gateway.outputs.h264 import decoder_configuration, with_lengths

_MS_PER_S = 1_000
_US_PER_MS = 1_000
_AVC_KEYFRAME, _AVC_PICTURE = 0x17, 0x27
# Readers take rate and channels from AAC's own configuration; these bits are fixed for it.
_AAC = 0xAF
_CONFIGURATION, _CONTENT = 0, 1


class TagType(IntEnum):
    """Kinds of tags, as FLV and RTMP number them."""

    AUDIO = 8
    VIDEO = 9


@dataclass(frozen=True, slots=True)
class Tag:
    """A message's body and its time."""

    type: TagType
    body: bytes
    time_ms: int


class FlvMuxer:
    """Turns what a program shows into tags, from a keyframe on; times are counted from `base_us`.

    Pictures pass as they are, sound is encoded as AAC.
    """

    def __init__(self, base_us: int) -> None:
        self._base_us = base_us
        self._encoder = AacEncoder()
        self._configuration: bytes | None = None

    def mux(self, item: Frame | AudioChunk) -> Iterator[Tag]:
        """The tags that the item completes; sound before the first picture is left out."""
        if isinstance(item, Frame):
            yield from self._picture(item)
        elif self._configuration is not None:
            yield from self._sound(item)

    def _picture(self, frame: Frame) -> Iterator[Tag]:
        time_ms = (frame.pts_us - self._base_us) // _US_PER_MS
        if frame.keyframe:
            yield from self._configurations(frame, time_ms)
        kind = _AVC_KEYFRAME if frame.keyframe else _AVC_PICTURE
        body = bytes([kind, _CONTENT, 0, 0, 0]) + with_lengths(frame.access_unit)
        yield Tag(TagType.VIDEO, body, time_ms)

    def _configurations(self, frame: Frame, time_ms: int) -> Iterator[Tag]:
        """What decoders need first, and anew whenever the pictures' form changes."""
        configuration = decoder_configuration(frame.access_unit)
        if configuration is None or configuration == self._configuration:
            return
        head = bytes([_AVC_KEYFRAME, _CONFIGURATION, 0, 0, 0])
        yield Tag(TagType.VIDEO, head + configuration, time_ms)
        if self._configuration is None:
            body = bytes([_AAC, _CONFIGURATION]) + self._encoder.configuration
            yield Tag(TagType.AUDIO, body, time_ms)
        self._configuration = configuration

    def _sound(self, chunk: AudioChunk) -> Iterator[Tag]:
        base = self._base_us // _US_PER_MS
        for packet in self._encoder.encode(chunk):
            time_ms = (packet.pts or 0) * _MS_PER_S // RATE_HZ - base
            if time_ms >= 0:
                yield Tag(TagType.AUDIO, bytes([_AAC, _CONTENT]) + bytes(packet), time_ms)
