"""Cells, the inverse of a motion on them, and layers of skin."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from services.lipsync.renderer.layers import Layers
from services.lipsync.renderer.zone import Cells, Zone, backward

ZONE = Zone(10, 20, 47, 33)


@pytest.mark.parametrize("step", [2, 5, 8])
def test_what_is_linear_in_space_is_read_exactly_at_every_pixel(step: int) -> None:
    cells = Cells(ZONE, step)
    every = slice(0, cells.rows), slice(0, cells.columns)
    at_pixels = cells.at_pixels(3.0 * cells.centres - 7.0, *every)
    assert np.abs(at_pixels - (3.0 * ZONE.pixels() - 7.0)).max() < 1e-3


def test_parts_of_the_cells_are_read_as_the_whole_is() -> None:
    cells = Cells(ZONE, 5)
    values = np.random.default_rng(1).normal(size=cells.centres.shape).astype(np.float32)
    whole = cells.at_pixels(values, slice(0, cells.rows), slice(0, cells.columns))
    part = cells.at_pixels(values, slice(2, cells.rows), slice(3, 6))
    assert np.allclose(part, whole[10:, 15:30], atol=1e-6)


def _error_px(stretch: float, *, steep: bool) -> float:
    """How far from home the inverse leads where rows are stretched, at the worst place."""

    def down(y: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(16.0 * stretch * (1.0 + np.tanh((y - 60.0) / 16.0)), np.float32)

    cells, home = Cells(Zone(0, 0, 60, 200), 4), Cells(Zone(8, 40, 40, 40), 4).centres
    moves = np.zeros_like(cells.centres)
    moves[..., 1] = down(cells.centres[..., 1])
    there = home.copy()
    there[..., 1] += down(home[..., 1])
    along = np.array([0.0, 1.0], np.float32) if steep else None
    away = backward(moves, cells.places_of(there), 4, 6, steep_along=along)
    return float(np.abs(there + away - home).max())


def test_a_gentle_motion_is_inverted_by_the_fixed_point() -> None:
    assert _error_px(0.3, steep=False) < 0.1


@pytest.mark.parametrize("stretch", [0.3, 1.0, 1.8])
def test_a_steep_motion_is_inverted_by_newton_s_steps(stretch: float) -> None:
    assert _error_px(stretch, steep=True) < 0.1


def _layer(colour: int, cover: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.dstack([np.full((*cover.shape, 3), colour, np.uint8), cover])


@pytest.fixture
def layers() -> Layers:
    """The upper half and the lower quarter of 40 rows are covered; the corners' columns wholly."""
    upper, lower = np.zeros((40, 30), np.uint8), np.zeros((40, 30), np.uint8)
    upper[:20], lower[30:] = 255, 255
    lower[:, :5] = lower[:, -5:] = 255
    return Layers(_layer(200, upper), _layer(100, lower))


def test_the_opening_is_what_neither_layer_covers(layers: Layers) -> None:
    assert layers.opening() == Zone(5, 20, 20, 10)
    assert Layers(layers.upper, _layer(1, np.full((40, 30), 255, np.uint8))).opening() is None


def test_joined_layers_lie_one_over_the_other(layers: Layers) -> None:
    layers.upper[20, :, 3] = 128
    joined = layers.joined()
    assert set(np.unique(joined[:20])) == {200}
    assert set(np.unique(joined[21:])) == {100}
    assert np.abs(joined[20].astype(int) - 150).max() <= 1


@pytest.mark.parametrize("cover", [0, 255])
def test_a_zone_that_one_layer_fills_shows_that_one(cover: int) -> None:
    upper = _layer(200, np.full((8, 8), cover, np.uint8))
    lower = _layer(100, np.full((8, 8), 255, np.uint8))
    assert set(np.unique(Layers(upper, lower).joined())) == {200 if cover else 100}


def test_what_lies_behind_shows_where_the_layers_leave_it_free(layers: Layers) -> None:
    box = Zone(5, 18, 20, 14)
    shown = layers.over(np.full((14, 20, 3), 30.0, np.float32), box)
    assert set(np.unique(shown[:2])) == {200}
    assert set(np.unique(shown[2:12])) == {30}
    assert set(np.unique(shown[12:])) == {100}
