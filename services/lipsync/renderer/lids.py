"""How the skin around an eye gives way to a lid that moves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.lipsync.pixels import blurred, sample_line
from services.lipsync.renderer.frame import Points
from services.lipsync.renderer.shape import SAMPLES, Slit

_ROUNDED_CELLS = 1.0
_SWEEPS = 240
_OVER_RELAXATION = 1.6
_RIM = 0.03
"""How wide a lid's rim is, inter-ocular distances; wider than a cell of the grid."""


def lid_field(slit: Slit, points: Points, sign: float, limit: float) -> NDArray[np.float32]:
    """How far each point of a grid [h, w] goes with one lid when that lid covers the whole opening.

    `sign`: -1 for the upper lid, 1 for the lower. The lid's edge goes by the height of the opening,
    what lies at `limit` (the brow, the cheek) or beyond stays, and the skin between takes the
    smoothest course: the harmonic field. Over the eyeball the edge's value goes on, and the rim
    with its lashes goes with it undistorted.
    """
    place = slit.along(points[..., 0])
    index = np.asarray((place + 1.0) * ((SAMPLES - 1) / 2), np.float32)
    edge = sample_line(slit.upper if sign < 0 else slit.lower, index)
    gap = sample_line(np.maximum(slit.gap, 0.0), index)
    inside = np.abs(place) < 1.0
    outwards = (points[..., 1] - edge) * np.float32(sign)
    free = (outwards > _RIM) & ((points[..., 1] - limit) * sign < 0.0)
    free[[0, -1]] = False
    free[:, [0, -1]] = False
    field = np.where(inside & (outwards <= _RIM), gap, 0.0).astype(np.float32)
    checker = (np.add.outer(*(np.arange(n) for n in free.shape)) % 2).astype(bool)
    for _ in range(_SWEEPS):
        for colour in (free & checker, free & ~checker):
            mean = np.zeros_like(field)
            mean[1:-1, 1:-1] = 0.25 * (
                field[:-2, 1:-1] + field[2:, 1:-1] + field[1:-1, :-2] + field[1:-1, 2:]
            )
            field[colour] += _OVER_RELAXATION * (mean - field)[colour]
    # Without a kink at the brow, whose course the warp's inverse would miss.
    return np.where(free | (outwards > _RIM), blurred(field, _ROUNDED_CELLS), field)
