"""What a voice sounds like, every 10 ms: mel bands against the voice's own usual spectrum."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 16_000
BANDS = 80
HOP = 160
"""Samples from one spectrum to the next."""

_WINDOW, _FFT = 400, 512
_LOW_HZ, _HIGH_HZ = 60.0, 7600.0
_FLOOR = 1e-7
_SCALE = 2.5
_LIMIT = 4.0
# What is this far under the loudest of late counts as voice; decibels, and decibels a hop.
_VOICE_RANGE_DB, _PEAK_FALL_DB = 24.0, 0.03
_FIRST_PEAK_DB = -42.0
_MEMORY_HOPS, _PRIOR_HOPS = 400, 60
_DB = 10.0 / float(np.log(10.0))


def _mel(hz: Iterable[float]) -> NDArray[np.float64]:
    return np.asarray(2595.0 * np.log10(1.0 + np.asarray(hz) / 700.0), np.float64)


def _edges() -> NDArray[np.float64]:
    """Where the bands begin, are centred and end, mel [BANDS + 2]."""
    low, high = _mel((_LOW_HZ, _HIGH_HZ)).tolist()
    return np.linspace(low, high, BANDS + 2)


def _filters() -> NDArray[np.float32]:
    """Triangles over the mel scale [bins, BANDS], each of sum 1."""
    edges = _edges()
    bins = _mel(np.fft.rfftfreq(_FFT, 1.0 / RATE_HZ))[:, None]
    rise = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    # Low bands are narrower than the bins: the nearest bin stands for them.
    weights = np.maximum(np.minimum(rise, fall), 0.0)
    nearest = np.abs(bins - edges[1:-1]).argmin(axis=0)
    weights[nearest, np.arange(BANDS)] += 1e-3
    return np.asarray(weights / weights.sum(axis=0), np.float32)


_FILTERS = _filters()
_HANN = np.hanning(_WINDOW + 1)[:-1].astype(np.float32)


def _usual_spectrum() -> NDArray[np.float32]:
    """About what a voice has, before it is known: level up to 500 Hz, then falling."""
    hz = 700.0 * (10.0 ** (_edges()[1:-1] / 2595.0) - 1.0)
    return np.asarray(-5.6 - 2.2 * np.log(np.maximum(hz, 500.0) / 500.0), np.float32)


class Spectrum:
    """The spectra of one voice as its sound comes in; they depend on nothing after them."""

    def __init__(self) -> None:
        self._tail = np.zeros(_WINDOW - HOP, np.float32)
        self._mean = _usual_spectrum()
        self._heard = _PRIOR_HOPS
        self._peak_db = _FIRST_PEAK_DB

    def append(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """The spectra of the next whole hops of 16 kHz sound in [-1, 1], shape [hops, BANDS].

        What is left over of a hop is an error: give multiples of `HOP`.
        """
        sound = np.concatenate([self._tail, samples])
        self._tail = sound[len(sound) - len(self._tail) :]
        windows = np.lib.stride_tricks.sliding_window_view(sound, _WINDOW)[::HOP]
        power = np.abs(np.fft.rfft(windows * _HANN, _FFT, axis=1)).astype(np.float32) ** 2
        levels = np.log(power @ _FILTERS / np.float32(_WINDOW) + np.float32(_FLOOR))
        return np.stack([self._against_usual(level) for level in levels])

    def _against_usual(self, level: NDArray[np.float32]) -> NDArray[np.float32]:
        level_db = _DB * float(level.mean())
        self._peak_db = max(self._peak_db - _PEAK_FALL_DB, level_db)
        if level_db > self._peak_db - _VOICE_RANGE_DB:
            self._heard = min(self._heard + 1, _MEMORY_HOPS)
            self._mean += (level - self._mean) / np.float32(self._heard)
        against = (level - self._mean) / np.float32(_SCALE)
        return np.asarray(np.clip(against, -_LIMIT, _LIMIT), np.float32)
