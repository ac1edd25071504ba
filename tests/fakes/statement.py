"""Films as phones make them: pictures that are given, and sound."""

from __future__ import annotations

import io
from collections.abc import Callable
from fractions import Fraction

import av
import numpy as np
from numpy.typing import NDArray

RATE_HZ = 16_000
FPS = 25

Draw = Callable[[float], NDArray[np.uint8]]
"""The picture [h, w, 3] at a time in seconds."""


def film_of(
    width: int,
    height: int,
    seconds: float,
    *,
    draw: Draw | None = None,
    sound: NDArray[np.float32] | None = None,
    pictures: bool = True,
) -> bytes:
    """An MP4; without `draw` of grey pictures, without `sound` of a tone."""
    draw = draw or (lambda _: np.full((height, width, 3), 128, np.uint8))
    tone = np.sin(np.arange(int(seconds * RATE_HZ)) / 6).astype(np.float32)
    spoken = tone / np.float32(4) if sound is None else sound
    target = io.BytesIO()
    with av.open(target, "w", format="mp4") as container:
        heard = container.add_stream("aac", RATE_HZ)
        heard.layout = "mono"
        if pictures:
            seen = container.add_stream("libx264", FPS)
            seen.width, seen.height, seen.pix_fmt = width, height, "yuv420p"
            for number in range(int(seconds * FPS)):
                frame = av.VideoFrame.from_ndarray(draw(number / FPS), format="rgb24")
                container.mux(seen.encode(frame))
            container.mux(seen.encode(None))
        samples = av.AudioFrame.from_ndarray(spoken[None], format="fltp", layout="mono")
        samples.sample_rate, samples.time_base, samples.pts = RATE_HZ, Fraction(1, RATE_HZ), 0
        container.mux(heard.encode(samples))
        container.mux(heard.encode(None))
    return target.getvalue()
