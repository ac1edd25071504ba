"""Pictures, recordings and encoded film, made as tests need them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any, cast

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType
from numpy.typing import NDArray
from PIL import Image

Samples = NDArray[np.int16]

_BT709 = 1
_LIMITED_RANGE = 1


def picture_file(image: Image.Image, format_name: str, **options: Any) -> bytes:
    """The image as a file."""
    target = io.BytesIO()
    image.save(target, format_name, **options)
    return target.getvalue()


def noise(seconds: float, rate_hz: int, *, channels: int = 1, seed: int = 7) -> Samples:
    """Sound that resembles nothing but itself, [samples, channels]."""
    rng = np.random.default_rng(seed)
    raw = rng.normal(0, 1, (round(seconds * rate_hz) + 7, channels))
    smooth: NDArray[np.float64] = np.mean(
        [raw[shift : len(raw) - 7 + shift] for shift in range(8)], axis=0
    )
    return np.clip(smooth * 9000, -32_000, 32_000).astype(np.int16)


def sound_file(samples: Samples, rate_hz: int, container: str, codec: str) -> bytes:
    """Samples [n, channels] as an encoded file."""
    layout = {1: "mono", 2: "stereo", 6: "5.1"}[samples.shape[1]]
    target = io.BytesIO()
    with av.open(target, "w", format=container) as file:
        stream = cast("av.AudioStream", file.add_stream(codec, rate=rate_hz, layout=layout))
        for start in range(0, len(samples), 4096):
            block = np.ascontiguousarray(samples[start : start + 4096].reshape(1, -1))
            frame = av.AudioFrame.from_ndarray(block, format="s16", layout=layout)
            frame.sample_rate = rate_hz
            frame.pts = start
            frame.time_base = Fraction(1, rate_hz)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return target.getvalue()


@dataclass(frozen=True, slots=True)
class Unit:
    """An H.264 access unit; of a transparent film two VP9 frames."""

    data: bytes
    keyframe: bool
    alpha: bytes = b""


@cache
def film(frames: int, *, width: int = 128, height: int = 96, fps: int = 25) -> Sequence[Unit]:
    """A grey picture that grows brighter, as lipsync encodes it."""
    context = av.CodecContext.create("libx264", "w")
    assert isinstance(context, VideoCodecContext)
    context.width, context.height = width, height
    context.pix_fmt = "yuv420p"
    context.framerate = Fraction(fps)
    context.time_base = Fraction(1, fps)
    context.thread_count = 1
    context.colorspace = context.color_primaries = context.color_trc = _BT709
    context.color_range = _LIMITED_RANGE
    context.options = {"preset": "ultrafast", "tune": "zerolatency", "profile": "baseline"}
    units = []
    for index in range(frames):
        planes = np.full((height * 3 // 2, width), 128, np.uint8)
        planes[:height] = 40 + index % 160
        picture = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        picture.pts = index
        picture.time_base = context.time_base
        if index % fps == 0:
            picture.pict_type = PictureType.I
        packets = context.encode(picture)
        keyframe = any(packet.is_keyframe for packet in packets)
        units.append(Unit(b"".join(map(bytes, packets)), keyframe))
    return tuple(units)


@cache
def transparent_film(frames: int, *, width: int = 128, height: int = 96) -> Sequence[Unit]:
    """The same in VP9 at 25 pictures a second, with an alpha that grows darker: 255, 254, …"""
    context = av.CodecContext.create("libvpx-vp9", "w")
    assert isinstance(context, VideoCodecContext)
    context.width, context.height = width, height
    context.pix_fmt = "yuva420p"
    context.framerate = Fraction(25)
    context.time_base = Fraction(1, 25)
    context.thread_count = 1
    context.colorspace = context.color_primaries = context.color_trc = _BT709
    context.color_range = _LIMITED_RANGE
    context.options = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}
    units = []
    for index in range(frames):
        picture = av.VideoFrame(width, height, "yuva420p")
        for plane, value in zip(picture.planes, (40 + index, 128, 128, 255 - index), strict=True):
            plane.update(bytes([value]) * plane.buffer_size)
        picture.pts = index
        picture.time_base = context.time_base
        if index % 25 == 0:
            picture.pict_type = PictureType.I
        (packet,) = context.encode(picture)
        beside = bytes(packet.get_sidedata("matroska_block_additional"))
        units.append(Unit(bytes(packet), packet.is_keyframe, beside[8:]))
    return tuple(units)
