"""An animator whose pictures are real H.264: a flash and a beep at the start of every second."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from fractions import Fraction

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType

from services.gateway.media import (
    US_PER_S,
    AnimationStarted,
    AudioChunk,
    Control,
    Cue,
    Drawn,
    Frame,
)
from services.gateway.ports import AnimationConfig
from tests.fakes.people import FakeAnimator

SIZE = 64
FLASH_FRAMES = 5
"""How long the flash and the beep last."""
_TONE_HZ = 1000
_LOUD = 12_000


def encoder(fps: int) -> VideoCodecContext:
    context = av.CodecContext.create("libx264", "w")
    assert isinstance(context, VideoCodecContext)
    context.width = context.height = SIZE
    context.pix_fmt = "yuv420p"
    context.time_base = Fraction(1, fps)
    context.options = {
        "preset": "ultrafast",
        "tune": "zerolatency",
        "profile": "baseline",
        "forced-idr": "1",
        "x264-params": "keyint=1000:scenecut=0:threads=1",
    }
    return context


@dataclass
class Film(FakeAnimator):
    """Keyframes come only where they are asked for, or once a second as in the fake below."""

    keyframes: list[int] = field(default_factory=list)
    """The numbers of the frames that are keyframes."""
    told_size: int = SIZE
    """How large it says its pictures are."""

    async def animate(
        self, config: AnimationConfig, cues: AsyncGenerator[Cue | Control, None]
    ) -> AsyncGenerator[Drawn, None]:
        context = encoder(config.fps)
        async for item in super().animate(config, cues):
            if isinstance(item, AnimationStarted):
                yield AnimationStarted(
                    self.told_size, self.told_size, item.fps, item.sample_rate_hz
                )
            elif isinstance(item, Frame):
                yield self._drawn_frame(context, item, config.fps)
            elif isinstance(item, AudioChunk):
                yield _beeping(item, config.fps)
            else:
                yield item

    def _drawn_frame(self, context: VideoCodecContext, frame: Frame, fps: int) -> Frame:
        number = round(frame.pts_us * fps / US_PER_S)
        luma = 235 if number % fps < FLASH_FRAMES else 16
        planes = np.full((SIZE * 3 // 2, SIZE), 128, np.uint8)
        planes[:SIZE] = luma
        picture = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        picture.pts = number
        picture.pict_type = PictureType.I if frame.keyframe else PictureType.NONE
        unit = b"".join(bytes(packet) for packet in context.encode(picture))
        if frame.keyframe:
            self.keyframes.append(number)
        return Frame(unit, frame.pts_us, frame.keyframe)


def _beeping(chunk: AudioChunk, fps: int) -> AudioChunk:
    """The chunk with a tone laid over it at the start of every second."""
    samples = np.frombuffer(chunk.pcm_s16le, np.int16).astype(np.int32)
    rate_hz = chunk.sample_rate_hz
    times_s = (np.arange(len(samples)) + round(chunk.start_us * rate_hz / US_PER_S)) / rate_hz
    tone = _LOUD * np.sin(2 * np.pi * _TONE_HZ * times_s)
    loud = times_s % 1 < FLASH_FRAMES / fps - 1e-9
    mixed = np.clip(samples + tone * loud, -32_768, 32_767).astype("<i2")
    return AudioChunk(mixed.tobytes(), rate_hz, chunk.start_us)
