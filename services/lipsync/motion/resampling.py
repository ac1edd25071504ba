"""Voices at the rate at which networks hear them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MODEL_RATE_HZ = 16_000

_FILTER_HALF_WIDTH = 16


def to_model_rate(sound: NDArray[np.float32], rate_hz: int) -> NDArray[np.float32]:
    """The sound at 16 kHz, low-passed by a windowed sinc; 16, 24 and 48 kHz are understood."""
    if rate_hz == MODEL_RATE_HZ:
        return sound
    up = 2 if rate_hz == 24_000 else 1
    raised = np.zeros(len(sound) * up, np.float32)
    raised[::up] = sound * up
    width = _FILTER_HALF_WIDTH * 3
    ramp = np.arange(-width, width + 1) / 3.0
    taps = np.sinc(ramp * 0.92) * np.hanning(2 * width + 3)[1:-1]
    filtered = np.convolve(raised, (taps / taps.sum()).astype(np.float32), "same")
    return filtered[: len(raised)][::3].astype(np.float32)
