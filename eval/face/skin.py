"""Whether skin around a mouth lights up and darkens as it really does: folds, hollows and mounds.

Each place of the skin is followed by the mesh, so that what counts is how its light changes, not
where it is.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from eval.face.clips import Picture
from eval.face.pictures import crop, window
from services.lipsync.pixels import blurred, sample

PLACES = (
    *(36, 50, 205, 203, 206, 207, 187, 165, 92, 216, 186, 212, 192, 214, 202, 43, 210, 204, 106),
    *(182, 194, 211, 32, 135, 83, 201, 208, 167, 164, 18, 200, 199),
    *(266, 280, 425, 423, 426, 427, 411, 391, 322, 436, 410, 432, 416, 434, 422, 273, 430, 424),
    *(335, 406, 418, 431, 262, 364, 313, 421, 428, 393),
)
"""Points of the mesh: cheeks, the folds beside the nose and the mouth, both lips' skin, chin."""
_SPREAD = 0.03
"""How far around a place its light is gathered, inter-ocular distances."""
_LEAST_LIGHT = 8.0
"""Darker skin says nothing of its light; grey levels."""

Light = NDArray[np.float64]


def light(picture: Picture, points: NDArray[np.float32], per_iod: float) -> Light:
    """The logarithm of the light at each of `PLACES`, without what is even over the face: its mean
    and its slopes [n]."""
    matrix, side = window(points, per_iod)
    grey = blurred(crop(picture, matrix, side), _SPREAD * per_iod)
    xy = cv2.transform(points[None, list(PLACES), :2], cv2.invertAffineTransform(matrix)).astype(
        np.float32
    )
    seen = np.log(np.maximum(sample(grey, xy)[0].astype(np.float64), _LEAST_LIGHT))
    even = np.column_stack([xy[0], np.ones(len(PLACES))])
    fit, *_ = np.linalg.lstsq(even, seen, rcond=None)
    return np.asarray(seen - even @ fit, np.float64)


def agreement(drawn: Sequence[Light], real: Sequence[Light]) -> float:
    """The correlation of how the light of every place changes over time, in two films [each t, n];
    NaN where nothing changes."""
    ours, theirs = (np.stack(side) - np.mean(side, axis=0) for side in (drawn, real))
    spread = float(np.sqrt((ours**2).sum() * (theirs**2).sum()))
    return float((ours * theirs).sum() / spread) if spread > 0.0 else float("nan")
