from __future__ import annotations

import numpy as np
import pytest

from eval.face import metrics
from eval.face.curves import CURVE_HZ, Curve
from services.lipsync.visemes import Viseme, VisemeShape


def talking(seconds: float = 6.0, late_s: float = 0.0) -> Curve:
    at_s = np.arange(round(seconds * CURVE_HZ)) / CURVE_HZ - late_s
    return 0.08 + 0.05 * np.sin(2 * np.pi * 1.7 * at_s) + 0.03 * np.sin(2 * np.pi * 4.1 * at_s)


def seal(start_s: float, end_s: float) -> Viseme:
    return Viseme(VisemeShape.PP, round(start_s * 1e6), round(end_s * 1e6))


def test_a_mouth_agrees_with_itself() -> None:
    assert metrics.pearson(talking(), talking()) == pytest.approx(1.0)
    assert metrics.error(talking(), talking()) == 0.0


def test_a_still_mouth_correlates_with_nothing() -> None:
    assert np.isnan(metrics.pearson(np.zeros(100), talking(1.0)))
    assert all(np.isnan(metrics.best_fit(np.zeros(600), talking())))


@pytest.mark.parametrize("late_ms", [-85.0, 0.0, 34.0, 120.0])
def test_how_late_a_mouth_is_is_found_more_finely_than_the_grid(late_ms: float) -> None:
    fit, found_ms = metrics.best_fit(talking(late_s=late_ms / 1000), talking())
    assert fit == pytest.approx(1.0, abs=0.01)
    assert found_ms == pytest.approx(late_ms, abs=2.0)


def test_landmarks_are_as_far_as_they_are_moved() -> None:
    lips = np.random.default_rng(1).normal(size=(50, 40, 2))
    assert metrics.landmark_distance(lips + np.array([0.03, 0.04]), lips) == pytest.approx(0.05)


def test_motion_does_not_count_where_a_mouth_stands() -> None:
    lips = np.random.default_rng(1).normal(size=(50, 40, 2))
    assert metrics.motion_distance(lips + np.array([0.03, 0.04]), lips) == pytest.approx(0.0)
    assert metrics.motion_distance(2 * lips, lips) > 0.5


def test_speed_is_the_way_up_and_down_in_a_second() -> None:
    at_s = np.arange(0, 4, 1 / CURVE_HZ)
    triangle = np.abs((at_s % 1.0) - 0.5)
    assert metrics.speed(triangle) == pytest.approx(1.0, abs=0.05)
    assert metrics.speed(triangle, at_s < 0.4) == pytest.approx(1.0)


def test_lips_that_shut_for_their_sounds_shut_and_others_do_not() -> None:
    opening = np.full(400, 0.1)
    opening[98:104] = 0.005
    opening[250:256] = 0.06
    opening[0:12] = 0.0
    found = metrics.closures(
        opening, np.ones(400, bool), [seal(0.97, 1.05), seal(2.49, 2.57), seal(3.95, 4.2)]
    )
    assert found.sounds == 2
    assert found.shut == pytest.approx(0.5)
    assert found.by_chance < 0.15


def test_a_mouth_that_never_opens_is_shut_by_chance() -> None:
    found = metrics.closures(np.full(400, 0.1), np.ones(400, bool), [seal(1.0, 1.1)])
    assert (found.shut, found.by_chance) == (1.0, 1.0)


def test_the_lag_of_a_closure_is_told() -> None:
    opening = np.abs(np.arange(400) - 206) / 1000
    found = metrics.closures(opening, np.ones(400, bool), [seal(1.95, 2.05)])
    assert found.lag_ms == pytest.approx(60.0, abs=5.0)


def test_closures_are_unknown_without_their_sounds() -> None:
    found = metrics.closures(talking(), np.ones(600, bool), [])
    assert found.sounds == 0
    assert np.isnan([found.shut, found.by_chance, found.lag_ms]).all()


def test_pauses_are_judged_by_how_still_and_how_shut_lips_are() -> None:
    opening = talking()
    opening[200:300] = 0.02
    opening[400:500] = 0.03 + 0.01 * np.sign(np.arange(100) % 2 - 0.5)
    still = metrics.stillness(opening, [slice(210, 290), slice(410, 490)])
    assert still.deviation == pytest.approx(0.005)
    assert still.opening == pytest.approx(0.025)
    assert np.isnan(metrics.stillness(opening, []).deviation)
