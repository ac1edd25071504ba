"""Which faces an inspector takes, whatever the networks are."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from services.common.errors import FaceNotFrontal, FaceTooSmall, SeveralFaces
from services.lipsync.faces import Detection, FaceDetector, FaceReader, Landmarks, PersonFinder
from services.lipsync.portrait import FaceModels, PortraitInspector
from tests.fakes.drawn_face import drawn_pack

PACK = drawn_pack()
SURE = Detection(60, 60, 200, 200, 0.97, (121, 115), (199, 115), (160, 160), (160, 200))


class SureDetector(FaceDetector):
    def __init__(self, faces: int) -> None:
        self._faces = faces

    def find(self, rgb: NDArray[np.uint8]) -> list[Detection]:
        return [SURE] * self._faces

    def find_in(self, rgb: NDArray[np.uint8], x: float, y: float, side: float) -> list[Detection]:
        return [SURE]


class KnownReader(FaceReader):
    def __init__(self, marks: Landmarks) -> None:
        self._marks = marks

    def read(self, rgb: NDArray[np.uint8], detection: Detection) -> Landmarks:
        return self._marks


class Nobody(PersonFinder):
    def __init__(self) -> None:
        pass


def inspect(marks: Landmarks, faces: int = 1) -> None:
    models = FaceModels(SureDetector(faces), KnownReader(marks), Nobody())
    PortraitInspector(models).inspect(PACK.picture)


def turned(degrees: float, axis: int) -> Landmarks:
    """The drawn face turned about the picture's x (0) or y (1) axis."""
    known = PACK.landmarks
    angle, across = np.radians(degrees), 1 - axis
    points = known.points.copy()
    flat, depth = points[:, across] - points[:, across].mean(), points[:, 2].copy()
    points[:, across] = flat * np.cos(angle) - depth * np.sin(angle)
    points[:, 2] = flat * np.sin(angle) + depth * np.cos(angle)
    points[:, across] += known.points[:, across].mean()
    return Landmarks(points, known.presence, known.eyes)


def test_a_face_from_the_front_is_taken() -> None:
    inspect(PACK.landmarks)


@pytest.mark.parametrize("degrees", [-55, 55])
@pytest.mark.parametrize("axis", [0, 1], ids=["up or down", "in profile"])
def test_a_face_turned_away_is_refused(degrees: float, axis: int) -> None:
    with pytest.raises(FaceNotFrontal):
        inspect(turned(degrees, axis))


def test_eyes_too_close_to_be_drawn_are_refused() -> None:
    with pytest.raises(FaceTooSmall):
        inspect(PACK.landmarks.moved(0.25, (0.0, 0.0)))


def test_two_equals_are_refused() -> None:
    with pytest.raises(SeveralFaces):
        inspect(PACK.landmarks, faces=2)
