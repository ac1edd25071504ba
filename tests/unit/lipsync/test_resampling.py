from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from services.lipsync.motion.resampling import MODEL_RATE_HZ, to_model_rate

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("rate_hz", [24_000, 48_000])
def test_resampling_keeps_a_voice_and_drops_what_would_fold(rate_hz: int) -> None:
    def tone(frequency_hz: int, at_hz: int) -> NDArray[np.float32]:
        seconds = np.arange(at_hz) / at_hz
        return np.sin(2 * np.pi * frequency_hz * seconds).astype(np.float32)

    kept = to_model_rate(tone(1_000, rate_hz), rate_hz)
    assert len(kept) == MODEL_RATE_HZ
    assert np.abs(kept - tone(1_000, MODEL_RATE_HZ))[200:-200].max() < 0.02
    assert np.abs(to_model_rate(tone(10_500, rate_hz), rate_hz))[200:-200].max() < 0.02
