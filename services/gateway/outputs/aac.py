"""Sound as RTMP and SRT carry it: AAC-LC, mono, at the program's rate."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext

from services.gateway.live.phrases import RATE_HZ
from services.gateway.media import US_PER_S, AudioChunk

BITRATE_BPS = 96_000
_GAP_SAMPLES = RATE_HZ // 1_000
"""Sound that does not follow on to within this is put where it belongs, and is not taken twice."""


class AacEncoder:
    """Encodes one run of sound, gaps and all. Not thread-safe."""

    def __init__(self) -> None:
        context = av.CodecContext.create("aac", "w")
        assert isinstance(context, AudioCodecContext)  # noqa: S101 - narrows for the type checker
        context.sample_rate = RATE_HZ
        context.format = av.AudioFormat("fltp")
        context.layout = "mono"
        context.bit_rate = BITRATE_BPS
        context.time_base = Fraction(1, RATE_HZ)
        # The fast coder is as good at this rate, and four times as fast.
        context.options = {"flags": "+bitexact", "aac_coder": "fast"}
        context.open()
        self._context = context
        self._frame_samples = context.frame_size
        self._pending = np.empty(0, np.float32)
        self._at = 0
        """The place of the first pending sample, counted from time 0."""

    @property
    def configuration(self) -> bytes:
        """The AudioSpecificConfig (ISO 14496-3)."""
        return bytes(self._context.extradata or b"")

    @property
    def context(self) -> AudioCodecContext:
        """What describes the packets."""
        return self._context

    def encode(self, chunk: AudioChunk) -> Iterator[av.Packet[Any]]:
        """The packets that the chunk completes, with times in samples on the chunk's timeline.

        The first packet only readies the decoder: it lies before the first sample.
        """
        samples = np.frombuffer(chunk.pcm_s16le, "<i2").astype(np.float32) / 32_768
        ends = self._at + len(self._pending)
        ahead = round(chunk.start_us * RATE_HZ / US_PER_S) - ends
        if ahead > _GAP_SAMPLES:
            self._pending = np.empty(0, np.float32)
            self._at = ends + ahead
        elif ahead < -_GAP_SAMPLES:
            samples = samples[-ahead:]
        self._pending = np.concatenate([self._pending, samples])
        while len(self._pending) >= self._frame_samples:
            block = self._pending[: self._frame_samples]
            self._pending = self._pending[self._frame_samples :]
            yield from self._context.encode(self._frame(block))

    def _frame(self, block: np.ndarray[Any, np.dtype[np.float32]]) -> av.AudioFrame:
        frame = av.AudioFrame.from_ndarray(block.reshape(1, -1), format="fltp", layout="mono")
        frame.sample_rate = RATE_HZ
        frame.pts = self._at
        frame.time_base = Fraction(1, RATE_HZ)
        self._at += len(block)
        return frame
