"""Sound as it comes in, cut into overlapping windows of bounded size."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

import av
import numpy as np
from numpy.typing import NDArray

from services.common.errors import AudioTooLong, InvalidInput

SPEECH_RATE_HZ = 16_000
WINDOW_S = 30
"""As much as the speech recogniser takes in at once."""
OVERLAP_S = 4
"""What is said across the end of a window is heard whole in the next."""
MIN_RATE_HZ, MAX_RATE_HZ = 8_000, 48_000
_SAMPLE_BYTES = 2


@dataclass(frozen=True, slots=True)
class Chunk:
    """A run of mono samples, signed 16-bit little-endian."""

    pcm_s16le: bytes
    sample_rate_hz: int


async def windows(chunks: AsyncIterator[Chunk], max_s: float) -> AsyncGenerator[Chunk, None]:
    """The sound in windows of WINDOW_S at most, each but the first beginning with an overlap.

    Holds one window at a time and takes no chunk while a window is being looked at. Raises
    InvalidInput for half samples and for rates that are unusable or change, AudioTooLong.
    """
    window, rate_hz, total_bytes, fresh_bytes = bytearray(), 0, 0, 0
    async for chunk in chunks:
        rate_hz = _checked_rate(chunk, rate_hz)
        total_bytes += len(chunk.pcm_s16le)
        if total_bytes > max_s * rate_hz * _SAMPLE_BYTES:
            raise AudioTooLong(f"the recording is longer than {max_s:g} seconds")
        window += chunk.pcm_s16le
        fresh_bytes += len(chunk.pcm_s16le)
        full = WINDOW_S * rate_hz * _SAMPLE_BYTES
        while len(window) >= full:
            yield Chunk(bytes(window[:full]), rate_hz)
            del window[: full - OVERLAP_S * rate_hz * _SAMPLE_BYTES]
            fresh_bytes = len(window) - OVERLAP_S * rate_hz * _SAMPLE_BYTES
    if fresh_bytes:
        yield Chunk(bytes(window), rate_hz)


def _checked_rate(chunk: Chunk, rate_hz: int) -> int:
    if not MIN_RATE_HZ <= chunk.sample_rate_hz <= MAX_RATE_HZ:
        raise InvalidInput(f"sample_rate_hz must be {MIN_RATE_HZ} to {MAX_RATE_HZ}")
    if rate_hz and chunk.sample_rate_hz != rate_hz:
        raise InvalidInput("the sample rate must not change")
    if len(chunk.pcm_s16le) % _SAMPLE_BYTES:
        raise InvalidInput("a chunk ends within a sample")
    return chunk.sample_rate_hz


def for_speech(sound: Chunk) -> NDArray[np.float32]:
    """The samples at SPEECH_RATE_HZ, -1 to 1."""
    samples = np.frombuffer(sound.pcm_s16le, "<i2").astype(np.int16, copy=False)
    frame = av.AudioFrame.from_ndarray(samples[np.newaxis], format="s16", layout="mono")
    frame.sample_rate = sound.sample_rate_hz
    resampler = av.AudioResampler("flt", "mono", SPEECH_RATE_HZ)
    resampled = [*resampler.resample(frame), *resampler.resample(None)]
    return np.concatenate([piece.to_ndarray()[0] for piece in resampled]).astype(np.float32)
