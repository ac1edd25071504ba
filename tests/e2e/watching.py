"""Looks at a video and listens to it, as a person would."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from numpy.typing import NDArray

Transcribe = Callable[[NDArray[np.float32], str], str]
"""What is said in a sound of HEARD_RATE_HZ, in a language."""

HEARD_RATE_HZ = 16_000


@dataclass(frozen=True)
class Film:
    """A decoded video."""

    pictures: list[NDArray[np.uint8]]
    picture_times: list[float]
    sound: NDArray[np.float32]
    sound_starts_s: float
    codecs: tuple[str, str]
    fps: float


def film(content: bytes) -> Film:
    with av.open(io.BytesIO(content), "r") as file:
        video, audio = file.streams.video[0], file.streams.audio[0]
        codecs = (video.codec_context.name, audio.codec_context.name)
        resampler = av.AudioResampler("flt", "mono", HEARD_RATE_HZ)
        pictures, picture_times, sound, sound_times = [], [], [], []
        for frame in file.decode(video, audio):
            if isinstance(frame, av.VideoFrame):
                pictures.append(frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False))
                picture_times.append(float(frame.time or 0.0))
            elif isinstance(frame, av.AudioFrame):
                sound_times.append(float(frame.time or 0.0))
                sound += [part.to_ndarray().reshape(-1) for part in resampler.resample(frame)]
        rate = float(video.average_rate or 0)
        return Film(pictures, picture_times, np.concatenate(sound), sound_times[0], codecs, rate)


def alphas(content: bytes) -> NDArray[np.uint8]:
    """How opaque each pixel of each picture of a WebM is [n, h, w]; FFmpeg's own decoder of VP9,
    which `film` takes, looks past it."""
    decoder = av.CodecContext.create("libvpx-vp9", "r")
    assert isinstance(decoder, VideoCodecContext)
    planes = []
    with av.open(io.BytesIO(content), "r") as file:
        for packet in file.demux(file.streams.video[0]):
            for frame in decoder.decode(packet):
                assert frame.format.name == "yuva420p"
                plane = frame.planes[3]
                rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
                planes.append(rows[: frame.height, : frame.width].copy())
    return np.stack(planes)


def error_rate(said: list[str], heard: list[str]) -> float:
    """Levenshtein distance as a share of what was said."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(said, 1):
        last, row[0] = row[0], i
        for j, other in enumerate(heard, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (word != other))
    return row[-1] / len(said)


def letters(text: str) -> str:
    return "".join(c for c in text if unicodedata.category(c)[0] in "LN")


def smaller(content: BinaryIO, target: Path) -> Path:
    """A copy of half the size, encoded anew and without metadata."""
    with av.open(content, "r") as source, av.open(str(target), "w") as copy:
        shown, heard = source.streams.video[0], source.streams.audio[0]
        width, height = shown.width // 4 * 2, shown.height // 4 * 2
        rate = round(shown.average_rate or 25)
        video = copy.add_stream("mpeg4", rate, width=width, height=height, pix_fmt="yuv420p")
        audio = copy.add_stream("aac", heard.rate, layout="mono")
        # The first frame of decoded AAC is short, which no encoder takes.
        fifo = av.AudioFifo()
        for frame in source.decode(shown, heard):
            frame.pts = None
            if isinstance(frame, av.VideoFrame):
                pixels = frame.reformat(width, height, "rgb24").to_ndarray()
                copy.mux(video.encode(av.VideoFrame.from_ndarray(pixels, "rgb24")))
            elif isinstance(frame, av.AudioFrame):
                fifo.write(frame)
        for part in fifo.read_many(1024, partial=True):
            copy.mux(audio.encode(part))
        for stream in (video, audio):
            copy.mux(stream.encode(None))
    return target
