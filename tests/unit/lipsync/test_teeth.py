"""Rows of teeth: where they begin and end, how they differ, and where light leaves them."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from services.lipsync.renderer.palette import Palette
from services.lipsync.renderer.teeth import LOWER_EDGE, UPPER_EDGE, lower_row, upper_row

TEXEL = 1 / 200
_X = (np.arange(-90, 90) + 0.5) * TEXEL
_Y = (np.arange(-60, 60) + 0.5) * TEXEL
X, Y = (plane.astype(np.float32) for plane in np.meshgrid(_X, _Y))


def colour(*rgb: float) -> NDArray[np.float32]:
    return np.array(rgb, np.float32)


PALETTE = Palette(
    tooth=colour(200, 190, 170),
    gum=colour(150, 80, 80),
    tongue=colour(160, 90, 90),
    cavity=colour(40, 20, 20),
    shade=colour(1, 1, 1),
)


def upper(seed: int = 1, palette: Palette = PALETTE) -> NDArray[np.float32]:
    return upper_row(X, Y, palette, TEXEL, seed)


def lower(seed: int = 1) -> NDArray[np.float32]:
    return lower_row(X, Y, PALETTE, TEXEL, seed)


def middle_columns(row: NDArray[np.float32]) -> NDArray[np.float32]:
    """The middle of a central incisor [h, 4]."""
    return np.asarray(row[:, np.abs(_X - 0.065) < 0.02].mean(axis=1), np.float32)


def test_the_middle_teeth_end_where_they_are_said_to() -> None:
    above, below = (middle_columns(row)[:, 3] for row in (upper(), lower()))
    assert _Y[above > 0.5].max() == pytest.approx(UPPER_EDGE, abs=0.015)
    assert _Y[below > 0.5].min() == pytest.approx(LOWER_EDGE, abs=0.015)


def test_gums_follow_the_necks_and_are_of_their_own_colour() -> None:
    strip = middle_columns(upper())[:, :3]
    redness = strip[:, 0] / np.maximum(strip[:, 2], 1.0)
    root = redness[_Y < UPPER_EDGE - 0.21]
    crown = redness[(_Y > UPPER_EDGE - 0.13) & (_Y < UPPER_EDGE - 0.01)]
    assert root.min() > 1.5 > crown.max()
    # Between two teeth the gum reaches further down than over the middle of one.
    between = upper()[:, np.abs(_X) < 0.006].mean(axis=1)
    red = between[:, 0] / np.maximum(between[:, 2], 1.0) > 1.5
    assert _Y[red].max() > _Y[redness > 1.5].max() + 0.02


def test_no_tooth_is_its_neighbour_or_its_twin_on_the_other_side() -> None:
    row = upper()
    assert np.abs(row - row[:, ::-1]).max() > 20
    assert np.abs(upper(1) - upper(2)).max() > 20


def test_the_same_teeth_come_again() -> None:
    np.testing.assert_array_equal(upper(7), upper(7))


def test_teeth_lose_light_towards_the_corners() -> None:
    light = upper()[(_Y > UPPER_EDGE - 0.10) & (_Y < UPPER_EDGE - 0.05), :, :3].mean(axis=(0, 2))
    shares = [light[(np.abs(_X) > a) & (np.abs(_X) < a + 0.07)].mean() for a in (0.0, 0.18, 0.3)]
    assert shares[0] > 1.1 * shares[1] > 1.3 * shares[2]


def test_no_colour_is_brighter_than_what_it_covers() -> None:
    white = Palette(
        colour(255, 255, 255), PALETTE.gum, PALETTE.tongue, PALETTE.cavity, PALETTE.shade
    )
    row = upper(palette=white)
    assert (row[..., :3] <= 255.0 * row[..., 3:] + 1e-3).all()
    assert row[..., 3].max() <= 1.0
