"""Edges that landmarks put only nearly right, read from the picture: lips that meet, lower lids."""

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
_LID_SEARCH, _LID_ROWS, _LEAST_CONTRAST = 0.085, 35, 22.0
_LEAST_GROWTH, _MOST_GROWTH = 0.010, 0.032
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


def below_eye(
    picture: NDArray[np.uint8],
    frame: FaceFrame,
    x: NDArray[np.float32],
    lid: NDArray[np.float32],
) -> NDArray[np.float32]:
    """How far below the guessed edge of a lower lid the eye ends, at the places x [n].

    It ends where colours are nearer to those of the skin below than to those inside the eye.
    """
    offsets = np.linspace(0.0, _LID_SEARCH, _LID_ROWS, dtype=np.float32)

    def colours(heights: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        grid = np.stack(np.broadcast_arrays(x, heights), axis=-1).astype(np.float32)
        return sample(picture, frame.to_picture(grid)).astype(np.float32)

    skin = colours(lid + np.linspace(1.0, 1.3, 4)[:, None] * _LID_SEARCH).mean(axis=0)
    inside = colours(lid - np.linspace(0.01, 0.03, 3)[:, None]).mean(axis=0)
    away = inside - skin
    distance = np.maximum((away**2).sum(axis=-1), 1.0)
    likeness = ((colours(lid + offsets[:, None]) - skin) * away).sum(axis=-1) / distance
    rows = np.where((likeness < 0.5).any(axis=0), (likeness < 0.5).argmax(axis=0), 0)
    rows[distance < _LEAST_CONTRAST**2] = 0
    places = np.linspace(-1.0, 1.0, len(x))
    growth = float(np.median(offsets[rows[np.abs(places) < 0.6]]))
    # One measure for the whole lid, since single columns end on lashes and glints.
    growth = float(np.clip(0.75 * growth, _LEAST_GROWTH, _MOST_GROWTH))
    return np.asarray(growth * (1.0 - places**2), np.float32)
