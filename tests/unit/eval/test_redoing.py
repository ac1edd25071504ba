from __future__ import annotations

import numpy as np
import pytest

from eval.face.redoing import LEAST, MOST, nearest


def slopes() -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return np.random.default_rng(5).normal(size=(80, 4))


def test_coefficients_that_were_drawn_are_found_again() -> None:
    drawn = np.array([0.2, 0.9, 0.0, 0.5])
    start = np.full(4, 0.1)
    found = nearest(slopes(), slopes() @ (drawn - start), start)
    assert found == pytest.approx(drawn, abs=0.1)


def test_coefficients_stay_within_their_bounds() -> None:
    found = nearest(slopes(), slopes() @ np.array([5.0, -5.0, 0.0, 0.3]), np.zeros(4))
    assert found.max() <= MOST
    assert found.min() >= LEAST
    assert found[0] == MOST
    assert found[1] == LEAST


def test_a_shape_that_moves_nothing_is_not_used() -> None:
    moving = slopes()
    moving[:, 2] = 0.0
    assert nearest(moving, moving @ np.array([0.4, 0.1, 0.9, 0.2]), np.zeros(4))[2] == 0.0
