"""H.264 as every receiver can read it: constrained baseline, no B-frames, Annex B, BT.709."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import av
import cv2
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType
from numpy.typing import NDArray

MIN_BITRATE_BPS = 50_000
MAX_BITRATE_BPS = 20_000_000

# The quality of a face at arm's length; the bitrate is only its ceiling.
_CRF = 21
_PRESET = "superfast"
_BITS_PER_PIXEL = 0.30
# What stands still shall not change at a keyframe: keyframes are fine, and may be large.
_KEYFRAME_RATIO, _BUFFER_S = 2.2, 2
BT709 = 1
LIMITED_RANGE = 1


def _bt709_rows() -> NDArray[np.float32]:
    """Rows [R, G, B, offset] of 8-bit limited-range Y', Cb and Cr (ITU-R BT.709-6, 3)."""
    red, blue = 0.2126, 0.0722
    luma = np.array([red, 1.0 - red - blue, blue])
    cb = (np.array([0.0, 0.0, 1.0]) - luma) / (2.0 * (1.0 - blue))
    cr = (np.array([1.0, 0.0, 0.0]) - luma) / (2.0 * (1.0 - red))
    rows = [np.append(luma * 219.0 / 255.0, 16.0)]
    rows += [np.append(row * 224.0 / 255.0, 128.0) for row in (cb, cr)]
    return np.stack(rows).astype(np.float32)


_ROWS = _bt709_rows()


@dataclass(frozen=True, slots=True)
class EncodedFrame:
    """One access unit: H.264 in Annex B form, whose keyframes carry their parameter sets, or VP9
    with a frame of alpha beside it."""

    access_unit: bytes
    keyframe: bool
    alpha: bytes = b""


def default_bitrate_bps(width: int, height: int, fps: int) -> int:
    """A ceiling at which a speaking face of that size shows no blocks."""
    return max(MIN_BITRATE_BPS, int(width * height * fps * _BITS_PER_PIXEL))


def yuv420_from_rgb(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """BT.709 limited-range I420 of an RGB picture [h, w, 3] with even sides: [h * 3 / 2, w]."""
    height, width = rgb.shape[:2]
    half = cv2.resize(rgb, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    planes = np.empty((height * 3 // 2, width), np.uint8)
    chroma = planes[height:].reshape(2, height // 2, width // 2)
    # Of three channels at once OpenCV makes three in a quarter of the time that it takes for one.
    cv2.extractChannel(cv2.transform(rgb, _ROWS), 0, dst=planes[:height])
    halves = cv2.transform(half, _ROWS)
    for number, plane in enumerate(chroma, start=1):
        cv2.extractChannel(halves, number, dst=plane)
    return planes


def planes_of(i420: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], ...]:
    """Y', Cb and Cr [h, w] of an I420 picture [h * 3 / 2, w]."""
    width, height = i420.shape[1], i420.shape[0] * 2 // 3
    return (i420[:height], *i420[height:].reshape(2, height // 2, width // 2))


def frame_of(pixel_format: str, planes: Sequence[NDArray[np.uint8]]) -> av.VideoFrame:
    """A frame of planes [h, w] of any even height; PyAV's own conversions cut heights to multiples
    of four."""
    height, width = planes[0].shape
    frame = av.VideoFrame(width, height, pixel_format)
    for plane, values in zip(frame.planes, planes, strict=True):
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        rows[: values.shape[0], : values.shape[1]] = values
    return frame


class H264Encoder:
    """Encodes one animation: each picture gives one access unit, at once. Not thread-safe."""

    def __init__(self, width: int, height: int, fps: int, bitrate_bps: int) -> None:
        self._size = width, height
        self._fps = fps
        self._bitrate_bps = bitrate_bps
        self._frames = 0
        self._keyframe_wanted = True
        self._context = self._open()

    def request_keyframe(self) -> None:
        """Makes the next picture a keyframe."""
        self._keyframe_wanted = True

    def set_bitrate(self, bitrate_bps: int) -> None:
        """Changes the ceiling from the next picture on, which becomes a keyframe.

        PyAV can't reconfigure a running x264, so a fresh one takes over.
        """
        if bitrate_bps == self._bitrate_bps:
            return
        self._bitrate_bps = bitrate_bps
        self._context = self._open()
        self._keyframe_wanted = True

    def encode(self, rgb: NDArray[np.uint8]) -> EncodedFrame:
        """Encodes the next picture, RGB [h, w, 3]; the array may be reused afterwards."""
        picture = frame_of("yuv420p", planes_of(yuv420_from_rgb(rgb)))
        picture.pts = self._frames
        picture.time_base = self._context.time_base
        if self._keyframe_wanted:
            picture.pict_type = PictureType.I
        self._keyframe_wanted = False
        self._frames += 1
        packets = self._context.encode(picture)
        return EncodedFrame(
            b"".join(bytes(packet) for packet in packets), any(p.is_keyframe for p in packets)
        )

    def _open(self) -> VideoCodecContext:
        context = av.CodecContext.create("libx264", "w")
        assert isinstance(context, VideoCodecContext)  # noqa: S101 - narrows for the type checker
        context.width, context.height = self._size
        context.pix_fmt = "yuv420p"
        context.framerate = Fraction(self._fps)
        context.time_base = Fraction(1, self._fps)
        context.thread_count = 1
        context.colorspace = context.color_primaries = context.color_trc = BT709
        context.color_range = LIMITED_RANGE
        kilobits = self._bitrate_bps // 1000
        parameters = {
            "keyint": self._fps,
            "min-keyint": 1,
            "scenecut": 0,
            "threads": 1,
            "sliced-threads": 0,
            "force-cfr": 1,
            "vbv-maxrate": kilobits,
            "vbv-bufsize": _BUFFER_S * kilobits,
            "ipratio": _KEYFRAME_RATIO,
        }
        context.options = {
            "preset": _PRESET,
            "tune": "zerolatency",
            "profile": "baseline",
            "crf": str(_CRF),
            "forced-idr": "1",
            "x264-params": ":".join(f"{key}={value}" for key, value in parameters.items()),
        }
        context.open()
        return context
