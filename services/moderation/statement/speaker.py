"""Whose voice it is, by the 256 numbers of a speaker encoder (Wan et al., 2018)."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from services.common.onnx import Network
from services.moderation.sound import SPEECH_RATE_HZ

Voice = NDArray[np.float32]

_WINDOW, _STEP, _BANDS = 400, 160, 40
_FRAMES = 160
"""1.6 s: what the encoder takes at once."""
_EVERY = 80
_LOUDNESS_DB = -30.0
LEAST_S = 3.4
"""Of speech, for two windows that share nothing."""


class SpeakerEncoder:
    """Describes voices; threads may share it."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def voices(self, speech: NDArray[np.float32]) -> Voice:
        """The voice in each stretch of 1.6 s, twice as many: [n, 256], each of length 1.

        `speech` is at SPEECH_RATE_HZ, without pauses; less than a stretch has none.
        """
        mels = _mels(speech)
        starts = range(0, len(mels) - _FRAMES + 1, _EVERY)
        if not starts:
            return np.zeros((0, 256), np.float32)
        return self._network(np.stack([mels[at : at + _FRAMES] for at in starts]))["voice"]


def mean_voice(voices: Voice) -> Voice:
    """One voice of several: [256], of length 1."""
    mean = voices.mean(axis=0)
    unit: Voice = (mean / max(float(np.linalg.norm(mean)), 1e-6)).astype(np.float32)
    return unit


def likeness(one: Voice, other: Voice) -> float:
    """0 to 1; about 0.8 and more of one speaker, about 0.5 of two."""
    return float(np.clip(one @ other, 0.0, 1.0))


def _mels(speech: NDArray[np.float32]) -> NDArray[np.float32]:
    """Powers in mel bands [frames, 40], as librosa tells them."""
    if len(speech) < _WINDOW:
        return np.zeros((0, _BANDS), np.float32)
    power = float(np.mean(np.square(speech, dtype=np.float64)))
    gain = max(1.0, 10 ** (_LOUDNESS_DB / 20) / max(np.sqrt(power), 1e-9))
    padded = np.pad(speech * gain, _WINDOW // 2)
    windows = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_STEP]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_WINDOW) / _WINDOW)
    powers = np.square(np.abs(np.fft.rfft(windows * hann)))
    mels: NDArray[np.float32] = (powers @ _bank().T).astype(np.float32)
    return mels


@cache
def _bank() -> NDArray[np.float64]:
    """Slaney's triangles of equal area [40, 201]."""
    frequencies = np.linspace(0, SPEECH_RATE_HZ / 2, _WINDOW // 2 + 1)
    edges = _hz(np.linspace(0, _mel(SPEECH_RATE_HZ / 2), _BANDS + 2))
    low, middle, high = (edges[at : at + _BANDS, None] for at in range(3))
    rising = (frequencies - low) / (middle - low)
    falling = (high - frequencies) / (high - middle)
    bank: NDArray[np.float64] = np.maximum(0, np.minimum(rising, falling)) * 2 / (high - low)
    return bank


# Slaney's scale: linear to 1 kHz, logarithmic above.
_LINEAR_HZ, _KNEE_MEL = 200 / 3, 15.0
_LOG_STEP = np.log(6.4) / 27


def _mel(hz: float) -> float:
    return float(_KNEE_MEL + np.log(hz / 1000) / _LOG_STEP)


def _hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    logarithmic = 1000 * np.exp(_LOG_STEP * (mel - _KNEE_MEL))
    hz: NDArray[np.float64] = np.where(mel < _KNEE_MEL, mel * _LINEAR_HZ, logarithmic)
    return hz
