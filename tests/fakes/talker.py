"""A microphone: says what it is told to, at the pace of sound."""

from __future__ import annotations

import asyncio
from fractions import Fraction

import av
import numpy as np
from aiortc.mediastreams import MediaStreamTrack

RATE_HZ = 48_000
_SAMPLES = RATE_HZ // 50
_TONE_HZ = 300
_LOUD = 8_000


class Microphone(MediaStreamTrack):
    """Gives a tone while `talking`, else faint noise; nothing at all once `muted`."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self.talking = False
        self.recording = b""
        """PCM s16le at RATE_HZ that it gives next, before anything else."""
        self.unmuted = asyncio.Event()
        self.unmuted.set()
        self._at = 0
        self._noise = np.random.default_rng(1)
        self._begun_s: float | None = None

    async def recv(self) -> av.AudioFrame:
        await self.unmuted.wait()
        await self._until_due()
        times_s = (self._at + np.arange(_SAMPLES)) / RATE_HZ
        samples = self._noise.normal(0, 10, _SAMPLES)
        part, self.recording = self.recording[: 2 * _SAMPLES], self.recording[2 * _SAMPLES :]
        samples[: len(part) // 2] += np.frombuffer(part, "<i2")
        if self.talking:
            samples += _LOUD * np.sin(2 * np.pi * _TONE_HZ * times_s)
        frame = av.AudioFrame.from_ndarray(
            samples.astype(np.int16).reshape(1, -1), format="s16", layout="mono"
        )
        frame.sample_rate, frame.pts, frame.time_base = RATE_HZ, self._at, Fraction(1, RATE_HZ)
        self._at += _SAMPLES
        return frame

    async def _until_due(self) -> None:
        loop = asyncio.get_running_loop()
        if self._begun_s is None:
            self._begun_s = loop.time()
        never: asyncio.Future[None] = loop.create_future()
        early_s = self._begun_s + self._at / RATE_HZ - loop.time()
        await asyncio.wait({never}, timeout=max(0.0, early_s))
