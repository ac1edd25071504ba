from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from eval.face import skin

AVERAGE = Path(__file__).parents[2] / "assets" / "average_face.csv"
PER_IOD = 80.0
FOLD = 206


def mesh() -> NDArray[np.float32]:
    points = np.loadtxt(AVERAGE, delimiter=",", skiprows=1) * PER_IOD
    points[:, :2] += (160.0, 120.0)
    return points.astype(np.float32)


def face(fold: float = 0.0, brightness: float = 1.0) -> NDArray[np.uint8]:
    """Plain skin, at one place of which a fold takes a share of the light."""
    shade = np.zeros((320, 320), np.float32)
    x, y = mesh()[FOLD, :2]
    shade[round(y) - 3 : round(y) + 4, round(x) - 3 : round(x) + 4] = fold
    light = 150.0 * brightness * (1.0 - cv2.GaussianBlur(shade, (0, 0), 2.0))
    return np.dstack([light] * 3).clip(0, 255).astype(np.uint8)


def light(picture: NDArray[np.uint8]) -> skin.Light:
    return skin.light(picture, mesh(), 60.0)


def test_folds_that_come_and_go_alike_agree() -> None:
    film = [light(face(fold)) for fold in (0.0, 0.1, 0.3, 0.2)]
    assert skin.agreement(film, film) == pytest.approx(1.0)
    other = [light(face(fold)) for fold in (0.3, 0.2, 0.0, 0.1)]
    assert skin.agreement(film, other) < -0.5


def test_a_fold_that_is_never_drawn_does_not_agree() -> None:
    real = [light(face(fold)) for fold in (0.0, 0.1, 0.3)]
    assert np.isnan(skin.agreement([light(face())] * 3, real))


def test_light_that_is_even_over_the_face_does_not_count() -> None:
    assert light(face(brightness=0.6)) == pytest.approx(light(face()), abs=0.02)
