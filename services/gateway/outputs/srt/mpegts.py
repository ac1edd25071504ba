"""A program as an MPEG transport stream: H.264 as it is, sound as AAC."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
from av.stream import Stream

from services.gateway.live.phrases import RATE_HZ
from services.gateway.media import US_PER_S, AnimationStarted, AudioChunk, Frame
from services.gateway.outputs.aac import AacEncoder

PACKET_BYTES = 188
_CLOCK_HZ = 90_000
# Tables come again with every keyframe, so that a receiver that comes later can begin.
_OPTIONS = {"flush_packets": "1", "mpegts_flags": "+pat_pmt_at_frames", "pes_payload_size": "0"}


class TsMuxer:
    """Turns what a program shows into packets, from a keyframe on; times are from `base_us` on."""

    def __init__(self, look: AnimationStarted, base_us: int) -> None:
        self._base_us = base_us
        self._fps = look.fps
        self._encoder = AacEncoder()
        self._written = _Written()
        self._container = av.open(self._written, "w", format="mpegts", options=_OPTIONS)
        self._video = self._container.add_mux_stream(
            "h264", rate=look.fps, width=look.width, height=look.height
        )
        self._audio = self._container.add_mux_stream("aac", rate=RATE_HZ)
        self._video.time_base = Fraction(1, _CLOCK_HZ)
        self._audio.time_base = Fraction(1, RATE_HZ)

    def mux(self, item: Frame | AudioChunk) -> bytes:
        """The packets that the item completes, whole."""
        if isinstance(item, Frame):
            self._container.mux(self._picture(item))
        else:
            for packet in self._sound(item):
                self._container.mux(packet)
        return self._written.take()

    def close(self) -> None:
        """Lets go of what it holds; nothing more comes."""
        self._container.close()

    def _picture(self, frame: Frame) -> av.Packet[Stream]:
        packet: av.Packet[Stream] = av.Packet(frame.access_unit)
        packet.stream = self._video
        packet.time_base = Fraction(1, _CLOCK_HZ)
        since_us = frame.pts_us - self._base_us
        packet.pts = packet.dts = (since_us * _CLOCK_HZ + US_PER_S // 2) // US_PER_S
        packet.duration = _CLOCK_HZ // self._fps
        packet.is_keyframe = frame.keyframe
        return packet

    def _sound(self, chunk: AudioChunk) -> Iterator[av.Packet[Any]]:
        base = self._base_us * RATE_HZ // US_PER_S
        for encoded in self._encoder.encode(chunk):
            pts = (encoded.pts or 0) - base
            if pts < 0:
                continue
            data = bytes(encoded)
            packet: av.Packet[Any] = av.Packet(_adts_header(len(data)) + data)
            packet.stream = self._audio
            packet.time_base = Fraction(1, RATE_HZ)
            packet.pts = packet.dts = pts
            packet.duration = encoded.duration
            yield packet


class _Written:
    """A file that keeps what was written until it is taken."""

    def __init__(self) -> None:
        self._data = bytearray()

    def write(self, data: bytes) -> int:
        self._data += data
        return len(data)

    def take(self) -> bytes:
        taken = bytes(self._data)
        self._data.clear()
        return taken


def _adts_header(payload_bytes: int) -> bytes:
    """Before each AAC frame (ISO 13818-7): LC, 48 kHz, mono, no checksum."""
    size = payload_bytes + 7
    return bytes(
        [
            0xFF,
            0xF1,
            0x4C,
            0x40 | size >> 11,
            size >> 3 & 0xFF,
            (size & 7) << 5 | 0x1F,
            0xFC,
        ]
    )
