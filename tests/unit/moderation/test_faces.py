"""Faces: which are clear, how old they look, and what the network is shown."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from numpy.typing import NDArray

from services.common.faces import Detection, FaceDetector
from services.moderation.age import AgeEstimator, likelihood_of_minor
from services.moderation.faces import AgedFaces, Faces
from services.moderation.image_model import Picture, Thresholds
from services.moderation.verdict import Suggestion

Array = NDArray[np.float32]
GREY = np.full((400, 600, 3), 128, np.uint8)


class Ageing:
    """A network that says the ages of a script, again and again."""

    def __init__(self, *ages: float) -> None:
        self._ages = ages
        self.seen: list[Array] = []

    def __call__(self, image: Array) -> Mapping[str, Array]:
        self.seen.append(image)
        age = self._ages[(len(self.seen) - 1) % len(self._ages)]
        return {"age": np.array([[age]], np.float32)}


class Finding(FaceDetector):
    """Finds what it was told to."""

    def __init__(self, *faces: Detection) -> None:
        self._faces = list(faces)

    def find(self, rgb: NDArray[np.uint8]) -> list[Detection]:
        return self._faces


def face(
    x: float = 100, y: float = 100, width: float = 100, score: float = 0.95, tilt: float = 0.0
) -> Detection:
    eyes = ((x + 0.3 * width, y + 0.4 * width), (x + 0.7 * width, y + (0.4 + tilt) * width))
    middle = (x + width / 2, y + 0.6 * width)
    return Detection(x, y, width, width, score, *eyes, middle, middle)


def looked(*faces: Detection, age: float = 30.0, picture: Picture = GREY) -> Faces:
    reader = AgedFaces(Finding(*faces), AgeEstimator(Ageing(age)), Thresholds(0.65), "age-1")
    return reader.look(picture)


def test_a_clear_face_is_a_subject_with_an_age() -> None:
    faces = looked(face())
    assert (faces.subjects, faces.ages) == (1, (30.0,))


@pytest.mark.parametrize("unclear", [face(score=0.73), face(width=31), face(width=19)])
def test_what_may_be_no_face_or_is_tiny_counts_for_nothing(unclear: Detection) -> None:
    faces = looked(unclear, age=5.0)
    assert (faces.subjects, faces.ages, faces.minor.value) == (0, (), 0.0)


def test_people_far_behind_somebody_are_no_subjects_but_have_an_age() -> None:
    faces = looked(face(width=200), face(x=400, width=120), face(x=10, width=60))
    assert (faces.subjects, len(faces.ages)) == (2, 3)


def test_the_youngest_decides() -> None:
    ages = Ageing(*[40.0] * 6, *[8.0] * 6)
    reader = AgedFaces(Finding(face(), face(x=300)), AgeEstimator(ages), Thresholds(0.65), "age-1")
    faces = reader.look(GREY)
    assert faces.ages == (40.0, 8.0)
    finding = faces.minor.finding(faces.minor.thresholds)
    assert finding is not None
    assert finding.suggestion is Suggestion.REVIEW
    assert finding.score == likelihood_of_minor(8.0)
    assert reader.version == "age-1@0.65/inf"


def test_who_looks_eighteen_is_a_minor_as_likely_as_not() -> None:
    assert likelihood_of_minor(18.0) == 0.5
    assert likelihood_of_minor(12.0) == pytest.approx(0.841, abs=1e-3)
    assert likelihood_of_minor(30.0) == pytest.approx(0.023, abs=1e-3)


def test_an_age_is_the_mean_of_several_views() -> None:
    ages = Ageing(10.0, 12.0, 14.0, 16.0, 18.0, 20.0)
    assert AgeEstimator(ages).years(GREY, face()) == 15.0
    assert [view.shape for view in ages.seen] == [(1, 112, 112, 3)] * 6
    for seen, mirrored in zip(ages.seen[::2], ages.seen[1::2], strict=True):
        np.testing.assert_array_equal(mirrored, seen[:, :, ::-1])


def test_a_face_is_shown_upright_and_without_the_mean_colour() -> None:
    picture = GREY.copy()
    level, turned = Ageing(30.0), Ageing(30.0)
    # The left half of a turned face is dark, as the half of a level one beside it.
    rows, columns = np.mgrid[:400, :600]
    picture[(columns - 150) + (rows - 150) < 0] = 0
    AgeEstimator(turned).years(picture, face(tilt=0.4))
    picture[:] = 128
    picture[:, :150] = 0
    AgeEstimator(level).years(picture, face())
    shown = (np.array([128.0] * 3) - MEAN) / 255
    np.testing.assert_allclose(level.seen[0][0, 56, 100], shown, rtol=1e-5)
    assert np.abs(level.seen[0] - turned.seen[0]).mean() < 0.02


MEAN = np.array([122.782, 117.001, 104.298])
