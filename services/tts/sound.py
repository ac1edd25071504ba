"""What is done to the model's sound: silence cut to measure, level, PCM."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from services.tts.engine import Take

_INAUDIBLE = 10.0 ** (-60.0 / 20.0)
_HOP_S = 0.005
_SILENT = 10.0 ** (-48.0 / 20.0)
_SILENCE_S = 0.08
_MARGIN_S = 0.025
_FADE_S = 0.010
_KNEE = 0.8
_CEILING = 0.97
_FULL_SCALE = 32767


def audible(take: Take, gain: float, rate_hz: int) -> tuple[int, int]:
    """Where the sound of a take begins and ends, with a breath of margin.

    Nothing of a phoneme is left out: only silence before the first and after the last is.
    """
    hop = int(_HOP_S * rate_hz)
    margin = int(_MARGIN_S * rate_hz)
    whole = take.samples[: len(take.samples) // hop * hop].reshape(-1, hop)
    levels = np.sqrt(np.mean(whole**2, axis=1)) * gain
    heard = np.flatnonzero(levels > _INAUDIBLE)
    spoken_end = take.lead + sum(take.lengths)
    if not len(heard):
        return take.lead, spoken_end
    start = min(take.lead, int(heard[0]) * hop)
    end = (int(heard[-1]) + 1) * hop
    return max(0, start - margin), min(len(take.samples), end + margin)


def silences(samples: NDArray[np.float32], rate_hz: int) -> list[tuple[int, int]]:
    """Where nothing is heard for at least 80 ms, in order."""
    hop = int(_HOP_S * rate_hz)
    whole = samples[: len(samples) // hop * hop].reshape(-1, hop)
    quiet = np.sqrt(np.mean(whole**2, axis=1)) < _SILENT
    edges = np.flatnonzero(np.diff(np.concatenate(([0], quiet.astype(np.int8), [0]))))
    return [
        (int(first) * hop, int(end) * hop)
        for first, end in edges.reshape(-1, 2)
        if (end - first) * hop >= _SILENCE_S * rate_hz
    ]


def sounding_until(start: int, end: int, quiet: Iterable[tuple[int, int]]) -> int:
    """Where a span stops being heard: its end, or where the silence that it runs into begins."""
    for first, last in quiet:
        if first < end <= last:
            return max(start, first)
    return end


def levelled(samples: NDArray[np.float32], gain: float) -> NDArray[np.float32]:
    """The sound times `gain`; what would clip is rounded off below full scale."""
    louder = samples * np.float32(gain)
    over = np.abs(louder) > _KNEE
    room = _CEILING - _KNEE
    louder[over] = np.sign(louder[over]) * (
        _KNEE + room * np.tanh((np.abs(louder[over]) - _KNEE) / room)
    )
    return louder


def faded(samples: NDArray[np.float32], rate_hz: int) -> NDArray[np.float32]:
    """The sound rising from and falling to nothing within 10 ms, so that its ends never click."""
    length = min(int(_FADE_S * rate_hz), len(samples) // 2)
    ramp = np.linspace(0.0, 1.0, length, endpoint=False, dtype=np.float32)
    samples = samples.copy()
    samples[:length] *= ramp
    samples[len(samples) - length :] *= ramp[::-1]
    return samples


def pcm(samples: NDArray[np.float32]) -> bytes:
    """Signed 16-bit little-endian."""
    return np.rint(samples * _FULL_SCALE).astype("<i2").tobytes()
