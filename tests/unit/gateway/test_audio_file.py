"""Recordings of every kind become mono sound at one rate."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
import pytest

from services.common.errors import AudioTooLong, AudioUndecodable
from services.gateway import audio_file
from services.gateway.media import AudioChunk

RATE_HZ = 48_000
TONE_HZ = 440


def record(
    path: Path, *, seconds: float, rate_hz: int, layout: str, codec: str = "pcm_s16le"
) -> Path:
    """Writes a tone, the same on every channel."""
    channels = av.AudioLayout(layout).nb_channels
    samples = np.arange(int(seconds * rate_hz))
    tone = (10_000 * np.sin(2 * np.pi * TONE_HZ * samples / rate_hz)).astype(np.int16)
    with av.open(str(path), "w") as file:
        stream = cast("av.AudioStream", file.add_stream(codec, rate=rate_hz))
        stream.layout = layout
        interleaved = np.repeat(tone, channels).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(interleaved, format="s16", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate_hz, 0, Fraction(1, rate_hz)
        for packet in (*stream.encode(frame), *stream.encode(None)):
            file.mux(packet)
    return path


async def read(path: Path, max_duration_s: int = 3600) -> list[AudioChunk]:
    return [
        chunk
        async for chunk in audio_file.read(path, rate_hz=RATE_HZ, max_duration_s=max_duration_s)
    ]


def samples_of(chunks: list[AudioChunk]) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    return np.frombuffer(b"".join(chunk.pcm_s16le for chunk in chunks), np.int16)


@pytest.mark.parametrize(
    ("rate_hz", "layout", "suffix", "codec"),
    [
        (8_000, "mono", "wav", "pcm_s16le"),
        (44_100, "stereo", "flac", "flac"),
        (48_000, "5.1", "wav", "pcm_s16le"),
        (44_100, "stereo", "m4a", "aac"),
        (48_000, "mono", "ogg", "libopus"),
        (22_050, "mono", "mp3", "libmp3lame"),
    ],
)
async def test_every_kind_of_recording_sounds_the_same(
    tmp_path: Path, rate_hz: int, layout: str, suffix: str, codec: str
) -> None:
    path = tmp_path / f"recording.{suffix}"
    record(path, seconds=2.5, rate_hz=rate_hz, layout=layout, codec=codec)
    chunks = await read(path)
    samples = samples_of(chunks)
    assert len(samples) / RATE_HZ == pytest.approx(2.5, abs=0.1)
    middle = samples[RATE_HZ : 2 * RATE_HZ].astype(float)
    loudest = np.argmax(np.abs(np.fft.rfft(middle)))
    assert loudest == pytest.approx(TONE_HZ, abs=2)
    assert np.abs(middle).max() > 5_000


async def test_chunks_follow_each_other_without_a_gap(tmp_path: Path) -> None:
    path = record(tmp_path / "a.wav", seconds=2.5, rate_hz=16_000, layout="mono")
    chunks = await read(path)
    assert [chunk.start_us for chunk in chunks] == [0, *(c.end_us for c in chunks[:-1])]
    assert len(chunks) == 3
    assert all(chunk.sample_rate_hz == RATE_HZ for chunk in chunks)


async def test_it_can_be_read_twice(tmp_path: Path) -> None:
    path = record(tmp_path / "a.wav", seconds=0.5, rate_hz=16_000, layout="mono")
    assert await read(path) == await read(path)


async def test_a_truncated_recording_ends_where_it_breaks(tmp_path: Path) -> None:
    path = record(tmp_path / "a.flac", seconds=4, rate_hz=16_000, layout="mono", codec="flac")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    samples = samples_of(await read(path))
    assert 1 < len(samples) / RATE_HZ < 3


@pytest.mark.parametrize("content", [b"", b"no sound at all", b"RIFF\x00\x00\x00\x00WAVEfmt "])
async def test_what_is_no_recording_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(AudioUndecodable):
        await read(path)


async def test_a_recording_that_is_too_long_is_told_without_reading_it_all(
    tmp_path: Path,
) -> None:
    path = record(tmp_path / "a.wav", seconds=5, rate_hz=8_000, layout="mono")
    chunks = audio_file.read(path, rate_hz=RATE_HZ, max_duration_s=2)
    for _ in range(4):
        await anext(chunks)
    with pytest.raises(AudioTooLong):
        await anext(chunks)


async def test_leaving_early_closes_the_file(tmp_path: Path) -> None:
    path = record(tmp_path / "a.wav", seconds=5, rate_hz=8_000, layout="mono")
    chunks = audio_file.read(path, rate_hz=RATE_HZ)
    await anext(chunks)
    await chunks.aclose()
    path.unlink()
