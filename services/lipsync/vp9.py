"""VP9 with alpha, as WebM holds it: no B-frames, BT.709, the alpha plane as a stream beside it."""

from __future__ import annotations

from fractions import Fraction

import av
import cv2
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType
from numpy.typing import NDArray

from services.lipsync.encoder import (
    BT709,
    LIMITED_RANGE,
    EncodedFrame,
    frame_of,
    planes_of,
    yuv420_from_rgb,
)

# As good at arm's length as H.264 is at its quality; the bitrate is only a ceiling.
_CRF = 22
_CPU_USED = 7
_ALPHA_ID_BYTES = 8
"""Go before the alpha in what comes with a packet."""


class Vp9Encoder:
    """Encodes one transparent animation: each picture gives one frame of colours and one of alpha,
    at once. Not thread-safe."""

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
        """Changes the ceiling from the next picture on, which becomes a keyframe."""
        if bitrate_bps == self._bitrate_bps:
            return
        self._bitrate_bps = bitrate_bps
        self._context = self._open()
        self._keyframe_wanted = True

    def encode(self, rgba: NDArray[np.uint8]) -> EncodedFrame:
        """Encodes the next picture, RGBA [h, w, 4], not premultiplied; the array may be reused
        afterwards."""
        rgb = np.asarray(cv2.cvtColor(rgba, cv2.COLOR_RGBA2RGB), np.uint8)
        alpha = np.asarray(cv2.extractChannel(rgba, 3), np.uint8)
        picture = frame_of("yuva420p", (*planes_of(yuv420_from_rgb(rgb)), alpha))
        picture.pts = self._frames
        picture.time_base = self._context.time_base
        if self._keyframe_wanted:
            picture.pict_type = PictureType.I
        self._keyframe_wanted = False
        self._frames += 1
        (packet,) = self._context.encode(picture)
        beside = bytes(packet.get_sidedata("matroska_block_additional"))
        return EncodedFrame(bytes(packet), packet.is_keyframe, beside[_ALPHA_ID_BYTES:])

    def _open(self) -> VideoCodecContext:
        context = av.CodecContext.create("libvpx-vp9", "w")
        assert isinstance(context, VideoCodecContext)  # noqa: S101 - narrows for the type checker
        context.width, context.height = self._size
        context.pix_fmt = "yuva420p"
        context.framerate = Fraction(self._fps)
        context.time_base = Fraction(1, self._fps)
        context.thread_count = 1
        context.gop_size = self._fps
        context.bit_rate = self._bitrate_bps
        context.colorspace = context.color_primaries = context.color_trc = BT709
        context.color_range = LIMITED_RANGE
        context.options = {
            "deadline": "realtime",
            "cpu-used": str(_CPU_USED),
            "crf": str(_CRF),
            "lag-in-frames": "0",
            "auto-alt-ref": "0",
        }
        context.open()
        return context
