from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from eval.face import eyes
from eval.face.tracking import EYES, Track

FPS = 25.0
CENTRES = ((60.0, 50.0), (130.0, 50.0))


def film(shut_in: set[int], length: int = 120, gaze: float = 0.0) -> list[NDArray[np.uint8]]:
    """Two drawn eyes that look about and are shut in some pictures."""
    pictures = []
    for number in range(length):
        picture = np.full((100, 200, 3), (210, 170, 150), np.uint8)
        look = round(gaze * np.sin(number / 5))
        for x, y in CENTRES:
            centre = round(x), round(y)
            if number in shut_in:
                cv2.line(picture, (centre[0] - 20, 56), (centre[0] + 20, 56), (60, 40, 40), 2)
                continue
            cv2.ellipse(picture, centre, (20, 9), 0, 0, 360, (240, 240, 240), -1)
            cv2.circle(picture, (centre[0] + look, centre[1]), 8, (50, 40, 30), -1)
        pictures.append(picture)
    return pictures


def followed(length: int = 120) -> Track:
    points = np.zeros((length, 468, 3), np.float32)
    for (x, y), (one, other) in zip(CENTRES, EYES, strict=True):
        points[:, one, :2], points[:, other, :2] = (x - 20, y), (x + 20, y)
    return Track(np.arange(length) / FPS, points, np.ones(length, np.float32))


def blinks(pictures: list[NDArray[np.uint8]]) -> list[float]:
    track = followed(len(pictures))
    shown = zip(track.at_s.tolist(), pictures, strict=True)
    return eyes.blinks_ms(eyes.shut(eyes.likeness(shown, track), track.fps), track.fps)


def test_blinks_are_counted_and_timed() -> None:
    assert blinks(film({20, 21, 22, 70, 71, 72, 73})) == pytest.approx([120.0, 160.0])


def test_eyes_that_look_about_do_not_blink() -> None:
    assert blinks(film(set(), gaze=2.0)) == []


def test_eyes_that_stay_shut_do_not_blink() -> None:
    assert blinks(film(set(range(40, 58)))) == []


def test_pictures_without_a_face_are_left_out() -> None:
    track = followed(60)
    shown = [(number / FPS, picture) for number, picture in enumerate(film(set(), 80))]
    assert len(eyes.likeness(shown, track)) == 60
