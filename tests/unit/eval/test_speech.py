from __future__ import annotations

import numpy as np
import pytest

from eval.face.clips import RATE_HZ
from eval.face.curves import CURVE_HZ
from eval.face.speech import speech_of
from services.lipsync.visemes import Viseme, VisemeShape


def test_pauses_lie_where_nothing_is_said_a_little_away_from_the_voice() -> None:
    sound = np.random.default_rng(2).normal(0, 0.1, 4 * RATE_HZ).astype(np.float32)
    sound[RATE_HZ : 2 * RATE_HZ] = 0.0
    sound[round(3.0 * RATE_HZ) : round(3.2 * RATE_HZ)] = 0.0
    speech = speech_of(sound, [])
    (pause,) = speech.pauses()
    assert pause.start / CURVE_HZ == pytest.approx(1.2, abs=0.05)
    assert pause.stop / CURVE_HZ == pytest.approx(1.9, abs=0.05)
    assert speech.voiced.mean() == pytest.approx(0.7, abs=0.05)


def test_only_p_b_and_m_seal_the_lips() -> None:
    told = [
        Viseme(VisemeShape.PP, 0, 1),
        Viseme(VisemeShape.FF, 1, 2),
        Viseme(VisemeShape.PP, 2, 3),
    ]
    assert speech_of(np.ones(RATE_HZ, np.float32), told).seals == [told[0], told[2]]
