"""Films that are short and small, and look and sound like nothing else."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np

FPS, RATE_HZ, SIDE = 10, 16_000, 96


def film(
    path: Path, *, scene: int, speech: int, length_s: float = 5, start_s: float = 0, crf: int = 4
) -> Path:
    """An MP4 or, by its name, another kind; `crf`: MPEG-4's quantiser, the more the worse."""
    picture, sound = _scene(scene), _speech(speech)
    first, last = round(start_s * RATE_HZ), round((start_s + length_s) * RATE_HZ)
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", FPS, width=SIDE, height=SIDE, pix_fmt="yuv420p")
        video.codec_context.gop_size = FPS
        video.codec_context.qmin = video.codec_context.qmax = crf
        audio = container.add_stream("aac", RATE_HZ, layout="mono")
        for index in range(round(length_s * FPS)):
            # Something moves a little, as mouths do.
            shown = picture.copy()
            shown[60:64, 40:56] = index % 8 * 30
            frame = av.VideoFrame.from_ndarray(np.stack([shown] * 3, -1), "rgb24")
            container.mux(video.encode(frame))
        samples = av.AudioFrame.from_ndarray(sound[None, first:last], "flt", "mono")
        samples.sample_rate = RATE_HZ
        fifo = av.AudioFifo()
        fifo.write(samples)
        for part in fifo.read_many(1024, partial=True):
            container.mux(audio.encode(part))
        container.mux(audio.encode(None))
        container.mux(video.encode(None))
    return path


def _scene(seed: int) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 255, (6, 6), np.uint8)
    return np.kron(coarse, np.ones((SIDE // 6, SIDE // 6), np.uint8))


def _speech(seed: int) -> np.ndarray:
    """Ten seconds of chords, eight a second."""
    rng = np.random.default_rng(seed)
    each = RATE_HZ // 8
    time = np.arange(each) / RATE_HZ
    chords = [
        sum(np.sin(2 * np.pi * pitch * time) for pitch in rng.uniform(200, 3_500, 3)) * 0.2
        for _ in range(80)
    ]
    return np.concatenate(chords).astype(np.float32)
