from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from eval.face import pictures
from eval.face.curves import OUTER_LIPS

AVERAGE = Path(__file__).parents[2] / "assets" / "average_face.csv"
PER_IOD = 80.0
ORIGIN = (160.0, 120.0)


def mesh(scale: float = 1.0, turn: float = 0.0) -> NDArray[np.float32]:
    """The average face in the middle of a picture, 80 pixels between the eyes."""
    points = np.loadtxt(AVERAGE, delimiter=",", skiprows=1)
    cos, sin = np.cos(turn), np.sin(turn)
    points[:, :2] = points[:, :2] @ np.array([[cos, sin], [-sin, cos]])
    moved = points * PER_IOD * scale
    moved[:, :2] += np.array(ORIGIN) * scale
    return moved.astype(np.float32)


def grain(blur_px: float = 1.5) -> NDArray[np.uint8]:
    noise = np.random.default_rng(3).normal(0, 80, (320, 320, 3))
    return (128 + cv2.GaussianBlur(noise, (0, 0), blur_px)).clip(0, 255).astype(np.uint8)


def energies(picture: NDArray[np.uint8], points: NDArray[np.float32]) -> pictures.Energies:
    return pictures.energies(picture, points, 60.0)


def test_a_picture_is_as_sharp_as_itself_and_has_no_seam() -> None:
    one = energies(grain(), mesh())
    assert pictures.sharpness([one], [one]) == 1.0
    assert pictures.seam([one], [one]) == 1.0


def test_a_blurred_mouth_is_less_sharp_and_noise_is_sharper() -> None:
    sharp, soft = energies(grain(), mesh()), energies(grain(2.5), mesh())
    assert pictures.sharpness([soft], [sharp]) < 0.6
    assert pictures.sharpness([sharp], [soft]) > 1.6


def test_a_face_that_is_larger_in_its_picture_is_as_sharp() -> None:
    large = cv2.resize(grain(2.5), None, fx=2.0, fy=2.0, interpolation=cv2.INTER_CUBIC)
    found = pictures.sharpness(
        [energies(np.asarray(large, np.uint8), mesh(2.0))], [energies(grain(2.5), mesh())]
    )
    assert found == pytest.approx(1.0, abs=0.15)


def test_a_patch_that_does_not_fit_shows_as_a_seam() -> None:
    picture = grain(4.0)
    points = mesh()
    lips = points[list(OUTER_LIPS), :2]
    (left, top), (right, bottom) = lips.min(axis=0) - 14, lips.max(axis=0) + 14
    pasted = picture.copy()
    box = pasted[round(top) : round(bottom), round(left) : round(right)]
    box[:] = np.clip(box.astype(int) + 40, 0, 255)
    assert pictures.seam([energies(pasted, points)], [energies(picture, points)]) > 1.6
    assert pictures.sharpness(
        [energies(pasted, points)], [energies(picture, points)]
    ) == pytest.approx(1.0, abs=0.1)


def test_likeness_counts_only_where_it_should() -> None:
    picture = grain()
    altered = picture.copy()
    altered[:100] = 255 - altered[:100]
    below, above = np.zeros((320, 320), bool), np.zeros((320, 320), bool)
    below[120:], above[:80] = True, True
    assert pictures.similarity(picture, altered, below) == pytest.approx(1.0, abs=1e-3)
    assert pictures.similarity(picture, altered, above) < 0.2
    assert np.isnan(pictures.similarity(picture, altered, np.zeros((320, 320), bool)))


def test_the_background_keeps_away_from_the_person() -> None:
    person = np.zeros((256, 256), np.uint8)
    person[:, 96:160] = 255
    away = pictures.background(person, 512, 512, 50.0)
    assert away[0, 100]
    assert not away[0, 160]
    assert not away[0, 256]


def test_the_common_scale_enlarges_nobody() -> None:
    assert pictures.common_scale(mesh(), mesh(0.5)) == pytest.approx(40.0, abs=1.0)
