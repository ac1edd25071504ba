from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from services.lipsync.motion.spectrum import BANDS, HOP, RATE_HZ, Spectrum

pytestmark = pytest.mark.unit


def _noise(seconds: float, level: float = 0.05) -> NDArray[np.float32]:
    count = int(seconds * RATE_HZ) // HOP * HOP
    return (np.random.default_rng(1).normal(0, level, count)).astype(np.float32)


def test_a_tone_stands_out_in_its_band() -> None:
    at_s = np.arange(RATE_HZ // 2) / RATE_HZ
    low, high = (
        Spectrum().append((0.1 * np.sin(2 * np.pi * hz * at_s)).astype(np.float32))[10]
        for hz in (300.0, 3000.0)
    )

    assert low.shape == (BANDS,)
    assert 0 < int(low.argmax()) < int(high.argmax()) < BANDS - 1


def test_a_softer_voice_comes_to_look_the_same() -> None:
    loud = Spectrum().append(_noise(6.0))[-50:]
    soft = Spectrum().append(_noise(6.0) * np.float32(0.1))[-50:]

    assert float(np.abs(loud - soft).max()) < 0.3
    assert abs(float(loud.mean())) < 0.3


def test_silence_does_not_become_what_is_usual() -> None:
    spectrum = Spectrum()
    spectrum.append(_noise(3.0))

    silence = spectrum.append(np.zeros(5 * RATE_HZ, np.float32))
    again = spectrum.append(_noise(1.0))

    assert float(silence[-1].max()) < -2.0
    assert abs(float(again[20:].mean())) < 0.5


def test_later_sound_changes_nothing_before_it() -> None:
    sound = _noise(1.0)
    other = sound.copy()
    other[RATE_HZ // 2 :] *= -3.0

    kept, changed = Spectrum().append(sound), Spectrum().append(other)

    half = RATE_HZ // 2 // HOP
    np.testing.assert_array_equal(kept[:half], changed[:half])
    assert not np.array_equal(kept[half:], changed[half:])
