"""Reads an uploaded recording, whatever its format, as mono sound at one rate."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from pathlib import Path

import av
import av.error
import numpy as np
from numpy.typing import NDArray

from services.common.errors import AudioTooLong, AudioUndecodable
from services.gateway.media import US_PER_S, AudioChunk

_Samples = NDArray[np.int16]

MAX_DURATION_S = 3600
CHUNK_MS = 1000
_SLACK_S = 1
"""Encoders pad: a recording of exactly one hour decodes to slightly more."""


async def save(data: AsyncGenerator[bytes, None], path: Path) -> None:
    """Writes the bytes into a file."""
    with path.open("wb") as file:
        async with aclosing(data):
            async for block in data:
                await asyncio.to_thread(file.write, block)


async def read(
    path: Path, *, rate_hz: int, max_duration_s: int = MAX_DURATION_S
) -> AsyncGenerator[AudioChunk, None]:
    """The recording's sound in chunks of CHUNK_MS, decoded in a thread as it is pulled.

    All channels are mixed into one. Raises AudioUndecodable, AudioTooLong. A file that is broken
    off in its middle ends where it breaks.
    """
    loop = asyncio.get_running_loop()
    chunks = chunks_of(path, rate_hz=rate_hz, max_duration_s=max_duration_s)
    with ThreadPoolExecutor(1, "audio-file") as executor:
        try:
            while (chunk := await loop.run_in_executor(executor, next, chunks, None)) is not None:
                yield chunk
        finally:
            await asyncio.shield(loop.run_in_executor(executor, chunks.close))


def chunks_of(
    path: Path, *, rate_hz: int, max_duration_s: int
) -> Generator[AudioChunk, None, None]:
    """As `read`, in the calling thread."""
    size = rate_hz * CHUNK_MS // 1000
    pending = np.zeros(0, np.int16)
    done = 0
    for samples in _decoded(path, rate_hz):
        pending = np.concatenate((pending, samples))
        while len(pending) >= size:
            yield _chunk(pending[:size], rate_hz, done)
            done += size
            pending = pending[size:]
            if done > (max_duration_s + _SLACK_S) * rate_hz:
                raise AudioTooLong(f"a recording may last {max_duration_s} s")
    if len(pending):
        yield _chunk(pending, rate_hz, done)
        done += len(pending)
    if not done:
        raise AudioUndecodable("the recording holds no sound")


def _chunk(samples: _Samples, rate_hz: int, at: int) -> AudioChunk:
    return AudioChunk(samples.tobytes(), rate_hz, at * US_PER_S // rate_hz)


def _decoded(path: Path, rate_hz: int) -> Generator[_Samples, None, None]:
    resampler = av.AudioResampler(format="s16", layout="mono", rate=rate_hz)
    heard = False
    try:
        with av.open(str(path), mode="r", metadata_errors="ignore") as container:
            if not container.streams.audio:
                raise AudioUndecodable("the file holds no sound")
            for frame in container.decode(container.streams.audio[0]):
                for resampled in resampler.resample(frame):
                    heard = True
                    yield _samples(resampled)
            for resampled in resampler.resample(None):
                yield _samples(resampled)
    except (av.error.FFmpegError, ValueError) as error:
        if not heard:
            raise AudioUndecodable("the recording can't be decoded") from error


def _samples(frame: av.AudioFrame) -> _Samples:
    return frame.to_ndarray().reshape(-1).astype(np.int16, copy=False)
