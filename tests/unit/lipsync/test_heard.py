from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from services.lipsync.expression import MOUTH_SHAPES
from services.lipsync.motion.articulation import CLOSE, JAW
from services.lipsync.motion.heard import TAIL_US, HeardTrack
from services.lipsync.motion.voice import DELAY_US, STEP_US

pytestmark = pytest.mark.unit

BEGINS_US = 1_000_000


def _mouths(count: int, channel: int = JAW, value: float = 0.5) -> NDArray[np.float32]:
    mouths = np.zeros((count, len(MOUTH_SHAPES)), np.float32)
    mouths[:, channel] = value
    return mouths


def test_it_is_at_rest_where_nothing_is_said() -> None:
    track = HeardTrack()
    said = track.begin(BEGINS_US, seals=True)
    said.hear(_mouths(60))
    said.ends_us = BEGINS_US + 1_000_000

    assert not track.coefficients_at(BEGINS_US).any()
    assert not track.coefficients_at(said.ends_us + TAIL_US).any()
    assert track.coefficients_at(BEGINS_US + 500_000)[JAW] == pytest.approx(0.5)


def test_it_goes_between_steps_without_a_jump() -> None:
    track = HeardTrack()
    mouths = _mouths(60)
    mouths[:, JAW] = np.sin(np.arange(60) / 3) ** 2
    said = track.begin(BEGINS_US, seals=True)
    said.hear(mouths)
    said.ends_us = BEGINS_US + 1_000_000
    at_us = np.arange(BEGINS_US - 100_000, BEGINS_US + 1_300_000, 1_000)

    jaw = np.array([track.coefficients_at(int(at))[JAW] for at in at_us])

    assert float(np.abs(np.diff(jaw)).max()) < 0.03
    step = 10
    at = BEGINS_US + (step + 1) * STEP_US - DELAY_US
    assert track.coefficients_at(at)[JAW] == pytest.approx(mouths[step, JAW] * 1.0, abs=1e-6)


def test_a_likely_seal_is_shut_whatever_the_voice() -> None:
    track = HeardTrack()
    mouths = _mouths(60)
    mouths[:, CLOSE] = 0.8
    track.begin(BEGINS_US, seals=True).hear(mouths)

    sealed = track.coefficients_at(BEGINS_US + 500_000, presence=0.0)
    spoken = track.coefficients_at(BEGINS_US + 500_000)

    assert sealed[CLOSE] == spoken[CLOSE] == 1.0


def test_seals_that_are_told_are_not_heard() -> None:
    track = HeardTrack()
    track.begin(BEGINS_US, seals=False).hear(_mouths(60, CLOSE, 1.0))

    assert not track.coefficients_at(BEGINS_US + 500_000).any()


def test_a_doubtful_seal_stays_open() -> None:
    track = HeardTrack()
    track.begin(BEGINS_US, seals=True).hear(_mouths(60, CLOSE, 0.2))

    assert track.coefficients_at(BEGINS_US + 500_000)[CLOSE] == 0.0


def test_it_speaks_while_the_mouth_moves() -> None:
    track = HeardTrack()
    said = track.begin(BEGINS_US, seals=True)
    said.hear(np.concatenate([_mouths(30), _mouths(60, value=0.0)]))

    assert not track.speaking_at(BEGINS_US - 500_000)
    assert track.speaking_at(BEGINS_US + 300_000)
    assert not track.speaking_at(BEGINS_US + 1_200_000)


def test_what_is_forgotten_changes_nothing_later() -> None:
    mouths = _mouths(400)
    mouths[:, JAW] = np.random.default_rng(1).random(400)
    whole, trimmed = HeardTrack(), HeardTrack()
    for track in (whole, trimmed):
        track.begin(BEGINS_US, seals=True).hear(mouths)
    later_us = range(BEGINS_US + 3_000_000, BEGINS_US + 6_000_000, 33_000)

    trimmed.trim(BEGINS_US + 3_000_000)

    for at_us in later_us:
        np.testing.assert_array_equal(whole.coefficients_at(at_us), trimmed.coefficients_at(at_us))
        assert whole.speaking_at(at_us) == trimmed.speaking_at(at_us)
