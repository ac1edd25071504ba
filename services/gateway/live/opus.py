"""Sound as WebRTC carries it: Opus, mono, packets of 20 ms."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np

from services.gateway.media import US_PER_S

RATE_HZ = 48_000
PACKET_SAMPLES = 960
_BITRATE_BPS = 48_000
# Spare information for the packet before helps where one in ten or twenty is lost.
_OPTIONS = {
    "application": "voip",
    "frame_duration": "20",
    "fec": "1",
    "packet_loss": "10",
    "compression_level": "5",
}
_BYTES_PER_SAMPLE = 2


class OpusEncoder:
    """Encodes one endless run of sound. Not thread-safe."""

    def __init__(self) -> None:
        context = av.CodecContext.create("libopus", "w")
        context.sample_rate = RATE_HZ
        context.format = av.AudioFormat("s16")
        context.layout = "mono"
        context.bit_rate = _BITRATE_BPS
        context.time_base = Fraction(1, RATE_HZ)
        context.options = _OPTIONS
        self._context = context
        self._pending = b""
        self._encoded = 0

    def encode(self, pcm_s16le: bytes, start_us: int) -> Iterator[tuple[int, bytes]]:
        """The packets that the next sound completes, each with the time of its first sample, µs.

        `start_us` is the time of the first of the samples, which follow those of the last call.
        """
        self._pending += pcm_s16le
        size = PACKET_SAMPLES * _BYTES_PER_SAMPLE
        first = len(pcm_s16le) - len(self._pending)
        while len(self._pending) >= size:
            block, self._pending = self._pending[:size], self._pending[size:]
            pts_us = start_us + first // _BYTES_PER_SAMPLE * US_PER_S // RATE_HZ
            first += size
            for data in self._packets(block):
                yield pts_us, data

    def _packets(self, block: bytes) -> Iterator[bytes]:
        samples = np.frombuffer(block, np.int16).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate = RATE_HZ
        frame.pts = self._encoded
        frame.time_base = Fraction(1, RATE_HZ)
        self._encoded += PACKET_SAMPLES
        for packet in self._context.encode(frame):
            yield bytes(packet)
