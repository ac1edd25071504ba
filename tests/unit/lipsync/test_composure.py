from __future__ import annotations

import numpy as np
import pytest

from services.lipsync.motion.composure import Composure

pytestmark = pytest.mark.unit

FPS = 25


def test_a_mouth_comes_together_with_the_first_word_and_stays_long_after_the_last() -> None:
    composure = Composure(FPS)
    speaking = [False] * 25 + [True] * 25 + [False] * 250

    levels = [composure.step(speaking=each) for each in speaking]

    assert levels[:25] == [0.0] * 25
    assert levels[32] == 1.0
    assert levels[50 + 3 * FPS] == 1.0
    assert levels[-1] == 0.0
    assert float(np.abs(np.diff(levels)).max()) < 0.3


def test_short_pauses_do_not_open_it() -> None:
    composure = Composure(FPS)

    levels = [composure.step(speaking=n % 50 < 10) for n in range(500)]

    assert min(levels[10:]) == 1.0
