from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from eval.face.curves import FaceCurves, curves, straightened, turn_degrees
from eval.face.tracking import Track

AVERAGE = Path(__file__).parents[2] / "assets" / "average_face.csv"
LOWER_LIP = [14, 87, 317, 17]


def average() -> NDArray[np.float64]:
    return np.loadtxt(AVERAGE, delimiter=",", skiprows=1)


def turned(points: NDArray[np.float64], yaw: float, pitch: float, roll: float) -> Track:
    """The face turned, 80 pixels between the eyes, seen in two pictures."""
    (cy, sy), (cp, sp), (cr, sr) = ((np.cos(a), np.sin(a)) for a in (yaw, pitch, roll))
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    seen = 80.0 * points @ (about_z @ about_x @ about_y).T + np.array([200.0, 300.0, 0.0])
    return Track(
        np.array([0.0, 0.04]), np.stack([seen] * 2).astype(np.float32), np.ones(2, np.float32)
    )


def of(track: Track) -> FaceCurves:
    return curves(track)


def test_an_average_face_is_as_its_measures_say() -> None:
    found = of(turned(average(), 0, 0, 0))
    assert found.width[0] == pytest.approx(0.775, abs=0.01)
    assert found.opening[0] == pytest.approx(0.03, abs=0.01)


@pytest.mark.parametrize("angles", [(0.4, 0, 0), (0, 0.3, 0), (0, 0, -0.5), (-0.3, 0.2, 0.4)])
def test_a_turned_head_has_the_same_mouth(angles: tuple[float, float, float]) -> None:
    straight, other = of(turned(average(), 0, 0, 0)), of(turned(average(), *angles))
    assert other.opening == pytest.approx(straight.opening, abs=1e-4)
    assert other.width == pytest.approx(straight.width, abs=1e-4)
    assert other.protrusion == pytest.approx(straight.protrusion, abs=1e-4)
    assert other.lips == pytest.approx(straight.lips, abs=1e-4)


def test_a_lower_lip_that_drops_opens_the_mouth_and_turns_nothing() -> None:
    opened = average()
    opened[LOWER_LIP, 1] += 0.1
    found, rest = of(turned(opened, 0.2, 0, 0)), of(turned(average(), 0.2, 0, 0))
    assert found.opening - rest.opening == pytest.approx(0.1, abs=0.005)
    assert found.width == pytest.approx(rest.width)
    assert straightened(turned(opened, 0, 0, 0).points.astype(float))[0, 10] == pytest.approx(
        straightened(turned(average(), 0, 0, 0).points.astype(float))[0, 10]
    )


def test_lips_that_come_forward_protrude() -> None:
    pouting = average()
    pouting[[0, 13, 14, 17], 2] -= 0.08
    found, rest = of(turned(pouting, 0, 0, 0)), of(turned(average(), 0, 0, 0))
    assert found.protrusion - rest.protrusion == pytest.approx(0.08, abs=1e-4)


def test_curves_are_read_between_pictures_and_held_beyond_them() -> None:
    closed, opened = average(), average()
    opened[LOWER_LIP, 1] += 0.1
    points = np.concatenate([turned(face, 0, 0, 0).points[:1] for face in (closed, opened)])
    found = curves(Track(np.array([1.0, 1.04]), points, np.ones(2, np.float32)))
    read = found.moved(-1.0).at(np.array([-5.0, 0.02, 9.0]))
    first, last = found.opening
    assert read.opening == pytest.approx([first, (first + last) / 2, last])
    assert read.lips.shape == (3, 40, 2)


@pytest.mark.parametrize(("yaw", "pitch", "roll"), [(0.2, 0, 0), (0, 0.2, 0), (0, 0, 0.2)])
def test_how_far_a_head_is_turned_is_told_about_every_axis(
    yaw: float, pitch: float, roll: float
) -> None:
    straight, askew = (turned(average(), *angles) for angles in ((0, 0, 0), (yaw, pitch, roll)))
    both = np.concatenate([straight.points[:1], askew.points[:1]]).astype(np.float64)

    assert turn_degrees(both, 0) == pytest.approx([0.0, np.degrees(0.2)], abs=0.1)
