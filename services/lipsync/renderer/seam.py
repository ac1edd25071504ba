"""Where the lips of a closed mouth meet, read from the picture: the dark line between them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.lipsync.pixels import sample
from services.lipsync.renderer.frame import FaceFrame

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_HALF_HEIGHT = 0.075
"""How far from where the landmarks have it the line is looked for, inter-ocular distances."""
_ROWS = 61
_BEND_COST = 0.35
_AWAY_COST = 0.5


def lip_seam(
    picture: NDArray[np.uint8],
    frame: FaceFrame,
    x: NDArray[np.float32],
    guess: NDArray[np.float32],
) -> NDArray[np.float32]:
    """The heights of the line at the places x [n], face coordinates; its ends stay where they are.

    The darkest smooth path near the guess, by dynamic programming.
    """
    offsets = np.linspace(-_HALF_HEIGHT, _HALF_HEIGHT, _ROWS, dtype=np.float32)
    points = np.stack(np.broadcast_arrays(x, guess + offsets[:, None]), axis=-1)
    luma = sample(picture, frame.to_picture(points)).astype(np.float32) @ _LUMA
    contrast = np.maximum(luma.std(axis=0), 4.0)
    cost = (luma - luma.mean(axis=0)) / contrast
    cost += _AWAY_COST * (offsets[:, None] / _HALF_HEIGHT) ** 2
    # At the corners landmarks are surer than darkness, which goes on into the cheek.
    ends = 1.0 - np.minimum(np.arange(len(x)), np.arange(len(x))[::-1]) / (0.12 * len(x))
    cost += 8.0 * np.clip(ends, 0.0, 1.0) * (offsets[:, None] / _HALF_HEIGHT) ** 2
    path = _cheapest_path(cost)
    away = _smoothed(offsets[path])
    away[[0, -1]] = 0.0
    return (guess + away).astype(np.float32)


def _smoothed(line: NDArray[np.float32]) -> NDArray[np.float32]:
    kernel = np.array([0.1, 0.25, 0.3, 0.25, 0.1], np.float32)
    return np.convolve(np.pad(line, 2, mode="edge"), kernel, "valid").astype(np.float32)


def shows_teeth(
    picture: NDArray[np.uint8],
    frame: FaceFrame,
    x: NDArray[np.float32],
    lips: tuple[NDArray[np.float32], ...],
) -> bool:
    """Whether something lighter and paler than the lips is seen between them.

    `lips`: the heights of the upper lip's outer and inner and the lower lip's inner and outer edge.
    """
    middle = np.abs(np.linspace(-1.0, 1.0, len(x))) < 0.45
    upper_outer, upper, lower, lower_outer = (edge[middle] for edge in lips)

    def colours(heights: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        grid = np.stack(np.broadcast_arrays(x[middle], np.atleast_2d(heights)), axis=-1)
        return sample(picture, frame.to_picture(grid.astype(np.float32))).astype(np.float32)

    shares = np.linspace(0.0, 1.0, 11)[:, None]
    between = colours(upper + (lower - upper) * shares)
    brightest = (between @ _LUMA).argmax(axis=0)
    between = between[brightest, np.arange(between.shape[1])]
    lip = np.concatenate([colours((upper_outer + upper) / 2), colours((lower + lower_outer) / 2)])
    lighter = float(np.median(between @ _LUMA)) / max(float(np.median(lip @ _LUMA)), 1.0)
    return lighter > 1.0 and _paleness(between) > _paleness(lip) + 0.015


def _paleness(colours: NDArray[np.float32]) -> float:
    return float(np.median(colours.min(axis=-1) / np.maximum(colours.max(axis=-1), 1.0)))


def _cheapest_path(cost: NDArray[np.float32]) -> NDArray[np.intp]:
    """The row of each column [n] on the path of least cost, which moves by 2 rows at most."""
    rows, columns = cost.shape
    steps = (-2, -1, 0, 1, 2)
    total = cost[:, 0]
    came_from = np.zeros((columns, rows), np.intp)
    for column in range(1, columns):
        padded = np.pad(total, 2, constant_values=np.inf)
        options = np.stack(
            [padded[2 + step : 2 + step + rows] + _BEND_COST * abs(step) for step in steps]
        )
        best = options.argmin(axis=0)
        came_from[column] = best - 2
        total = options.min(axis=0) + cost[:, column]
    path = np.empty(columns, np.intp)
    path[-1] = int(total.argmin())
    for column in range(columns - 1, 0, -1):
        path[column - 1] = path[column] + came_from[column, path[column]]
    return path
