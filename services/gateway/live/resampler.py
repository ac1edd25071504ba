"""Changes the rate of mono sound."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np

_BYTES_PER_SAMPLE = 2


def resample(pcm_s16le: bytes, from_hz: int, to_hz: int) -> bytes:
    """A whole piece of sound at another rate, exactly as long as before."""
    resampler = Resampler(from_hz, to_hz)
    changed = resampler.add(pcm_s16le) + resampler.rest()
    size = len(pcm_s16le) // _BYTES_PER_SAMPLE * to_hz // from_hz * _BYTES_PER_SAMPLE
    return changed[:size].ljust(size, b"\0")


class Resampler:
    """Changes the rate of sound that comes piece by piece."""

    def __init__(self, from_hz: int, to_hz: int) -> None:
        self._from_hz = from_hz
        self._resampler = (
            None if from_hz == to_hz else av.AudioResampler(format="s16", layout="mono", rate=to_hz)
        )
        self._samples = 0

    def add(self, pcm_s16le: bytes) -> bytes:
        """What the next piece, of whole samples, makes."""
        if self._resampler is None or not pcm_s16le:
            return pcm_s16le
        samples = np.frombuffer(pcm_s16le, np.int16).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate = self._from_hz
        frame.pts = self._samples
        frame.time_base = Fraction(1, self._from_hz)
        self._samples += samples.shape[1]
        return _joined(self._resampler.resample(frame))

    def rest(self) -> bytes:
        """What was held back; nothing may be added after it."""
        if self._resampler is None or not self._samples:
            return b""
        return _joined(self._resampler.resample(None))


def _joined(frames: list[av.AudioFrame]) -> bytes:
    return b"".join(frame.to_ndarray().astype("<i2", copy=False).tobytes() for frame in frames)
