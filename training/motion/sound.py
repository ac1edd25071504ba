"""Makes the same voice sound otherwise: other rooms, noises, microphones, lines and paces."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.lipsync.motion.spectrum import HOP, RATE_HZ, Spectrum

Sound = NDArray[np.float32]

STEP = 2 * HOP
"""Samples of one step of the network."""

_PACES = (0.86, 1.16)
_GAINS_DB = (-18.0, 10.0)
_NOISE_DB = (6.0, 35.0)
_ECHO_S, _REVERB_S = 0.45, (0.05, 0.45)
_BLEND_DB = (2.0, 18.0)
_EQUALISER_DB = 7.0
_LINE_HZ = ((200.0, 3400.0), (80.0, 5000.0))
_MU = 255.0


@dataclass(frozen=True, slots=True)
class Heard:
    """A sound as it is heard; `pace` times as fast as it was made."""

    samples: Sound
    pace: float


def plain(samples: Sound) -> Heard:
    """The sound as it is."""
    return Heard(samples, 1.0)


def altered(samples: Sound, chance: np.random.Generator) -> Heard:
    """The sound under chance conditions."""
    pace = float(chance.uniform(*_PACES)) if chance.random() < 0.7 else 1.0
    at = np.arange(int(len(samples) / pace)) * pace
    sound = np.interp(at, np.arange(len(samples)), samples).astype(np.float32)
    if chance.random() < 0.4:
        sound = _in_a_room(sound, chance)
    if chance.random() < 0.6:
        sound = _equalised(sound, chance)
    if chance.random() < 0.6:
        sound = _in_noise(sound, chance)
    if chance.random() < 0.2:
        sound = _through_a_line(sound, chance)
    gain = 10.0 ** (chance.uniform(*_GAINS_DB) / 20.0)
    return Heard(np.clip(sound * np.float32(gain), -1.0, 1.0).astype(np.float32), pace)


def steps_of(samples: Sound) -> NDArray[np.float32]:
    """What the network is given of a whole sound, one row a step [n, 2 * BANDS]."""
    whole = samples[: len(samples) // STEP * STEP]
    spectra = Spectrum().append(whole)
    return spectra.reshape(len(whole) // STEP, -1)


def _level(sound: Sound) -> float:
    loud = np.abs(sound)
    return float(np.sqrt(np.mean(sound[loud > 0.2 * loud.max(initial=1e-6)] ** 2)) + 1e-6)


def _filtered(sound: Sound, response: NDArray[np.float32]) -> Sound:
    size = 1 << int(np.ceil(np.log2(len(sound) + len(response))))
    spectrum = np.fft.rfft(sound, size) * np.fft.rfft(response, size)
    return np.fft.irfft(spectrum, size)[: len(sound)].astype(np.float32)


def _in_a_room(sound: Sound, chance: np.random.Generator) -> Sound:
    seconds = np.arange(int(_ECHO_S * RATE_HZ)) / RATE_HZ
    decay = 10.0 ** (-3.0 * seconds / chance.uniform(*_REVERB_S))
    echo = chance.standard_normal(len(seconds)) * decay
    echo /= np.sqrt((echo**2).sum())
    response = echo * 10.0 ** (-chance.uniform(*_BLEND_DB) / 20.0)
    response[0] = 1.0
    return _filtered(sound, response.astype(np.float32))


def _equalised(sound: Sound, chance: np.random.Generator) -> Sound:
    knots = np.linspace(0.0, RATE_HZ / 2, 7)
    gains_db = chance.normal(0.0, _EQUALISER_DB, 7)
    return _with_gains(sound, np.interp(_hz(sound), knots, gains_db))


def _through_a_line(sound: Sound, chance: np.random.Generator) -> Sound:
    low, high = _LINE_HZ[chance.integers(len(_LINE_HZ))]
    hz = _hz(sound)
    sound = _with_gains(sound, np.where((hz > low) & (hz < high), 0.0, -50.0))
    loudest = float(np.abs(sound).max()) + 1e-6
    scaled = sound / loudest
    pressed = np.sign(scaled) * np.log1p(_MU * np.abs(scaled)) / np.log1p(_MU)
    stepped = np.round(pressed * 64.0) / 64.0
    opened = np.sign(stepped) * np.expm1(np.abs(stepped) * np.log1p(_MU)) / _MU
    return np.asarray(opened * loudest, np.float32)


def _in_noise(sound: Sound, chance: np.random.Generator) -> Sound:
    noise = chance.standard_normal(len(sound)).astype(np.float32)
    slope_db = chance.uniform(-6.0, 0.0)
    octaves = np.log2(np.maximum(_hz(sound), 40.0) / 40.0)
    noise = _with_gains(noise, slope_db * octaves)
    at_db = chance.uniform(*_NOISE_DB)
    scale = _level(sound) / (float(noise.std()) + 1e-9) * 10.0 ** (-at_db / 20.0)
    return (sound + noise * np.float32(scale)).astype(np.float32)


def _hz(sound: Sound) -> NDArray[np.float64]:
    return np.asarray(np.fft.rfftfreq(len(sound), 1.0 / RATE_HZ), np.float64)


def _with_gains(sound: Sound, gains_db: NDArray[np.float64]) -> Sound:
    spectrum = np.fft.rfft(sound) * 10.0 ** (gains_db / 20.0)
    return np.fft.irfft(spectrum, len(sound)).astype(np.float32)
