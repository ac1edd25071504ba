"""How a drawn face looks beside the real one: sharpness, seams, and what should not have changed.

Faces are compared in crops of one scale that stand upright; lengths are inter-ocular distances.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from eval.face.clips import Picture
from eval.face.curves import OUTER_LIPS
from eval.face.tracking import EYES
from services.lipsync.pixels import blurred, pulled, resized, shrunk

RINGS = ((0.03, 0.09), (0.09, 0.15), (0.15, 0.21), (0.21, 0.27), (0.27, 0.33), (0.33, 0.39))
"""Bands around the outer lips in which a seam is looked for."""
MOUTH_MARGIN = 0.06
"""How far around the outer lips the mouth is judged for its sharpness."""

_SIDE, _BELOW = 2.0, 1.05
"""The crop's side, and its centre below the eyes."""
_MOST_PX, _LEAST_PX = 120.0, 24.0
_SSIM_SIGMA_PX = 1.5
_C1, _C2 = (0.01 * 255.0) ** 2, (0.03 * 255.0) ** 2

Grey = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Energies:
    """What one crop of a mouth holds."""

    detail: float
    """Mean squared Laplacian of the mouth."""
    edges: NDArray[np.float64]
    """Mean squared gradient in each of `RINGS`."""


def iod_px(points: NDArray[np.float32]) -> float:
    """How far apart the eyes of a mesh are in the picture."""
    right, left = (points[list(eye), :2].mean(axis=0) for eye in EYES)
    return float(np.linalg.norm(left - right))


def common_scale(*faces: NDArray[np.float32]) -> float:
    """Pixels an inter-ocular distance that none of the faces must be enlarged for."""
    return float(np.clip(min(map(iod_px, faces)), _LEAST_PX, _MOST_PX))


def energies(picture: Picture, points: NDArray[np.float32], per_iod: float) -> Energies:
    """What the mouth of a face holds, `per_iod` pixels an inter-ocular distance."""
    matrix, side = window(points, per_iod)
    grey = crop(picture, matrix, side)
    inverse = np.linalg.inv(np.vstack([matrix, [0.0, 0.0, 1.0]]))
    lips = points[list(OUTER_LIPS), :2] @ inverse[:2, :2].T + inverse[:2, 2]
    away = _distance(lips, side) / per_iod
    detail = np.asarray(cv2.Laplacian(grey, cv2.CV_32F), np.float32) ** 2
    dx, dy = (np.asarray(cv2.Sobel(grey, cv2.CV_32F, *d), np.float32) for d in ((1, 0), (0, 1)))
    edges = dx**2 + dy**2
    rings = [edges[(away > low) & (away <= high)].mean() for low, high in RINGS]
    return Energies(float(detail[away <= MOUTH_MARGIN].mean()), np.array(rings, np.float64))


def sharpness(drawn: Iterable[Energies], real: Iterable[Energies]) -> float:
    """How much detail drawn mouths hold, over real ones."""
    return float(np.mean([e.detail for e in drawn]) / np.mean([e.detail for e in real]))


def seam(drawn: Iterable[Energies], real: Iterable[Energies]) -> float:
    """How much stronger edges around drawn mouths are than around real ones, in the worst ring."""
    ours, theirs = (np.mean([e.edges for e in side], axis=0) for side in (drawn, real))
    return float((ours / np.maximum(theirs, 1e-6)).max())


def similarity(one: Picture, other: Picture, where: Mask) -> float:
    """The mean structural similarity (SSIM, Wang et al., 2004) of two pictures, where it counts;
    NaN where nothing does."""
    if not where.any():
        return float("nan")
    return float(_ssim(_grey(one), _grey(other))[where].mean())


def background(person: NDArray[np.uint8], width: int, height: int, margin_px: float) -> Mask:
    """What lies at least so far from a person, in a picture of that size."""
    near = (resized(person, width, height) >= 128).astype(np.uint8)
    away = np.asarray(cv2.distanceTransform(1 - near, cv2.DIST_L2, 3))
    return np.asarray(away > margin_px)


def window(points: NDArray[np.float32], per_iod: float) -> tuple[NDArray[np.float64], int]:
    """The affine [2, 3] from an upright crop to the picture, and the crop's side in pixels."""
    right, left = (points[list(eye), :2].mean(axis=0).astype(np.float64) for eye in EYES)
    across = left - right
    x, y = across / np.linalg.norm(across)
    step = float(np.linalg.norm(across)) / per_iod
    turn = step * np.array([[x, -y], [y, x]])
    side = round(_SIDE * per_iod)
    centre = (right + left) / 2 + turn @ (0.0, _BELOW * per_iod)
    return np.column_stack([turn, centre - turn @ (side / 2, side / 2)]), side


def crop(picture: Picture, matrix: NDArray[np.float64], side: int) -> Grey:
    """What a window shows, read at twice its density and averaged, so that all faces lose alike by
    the resampling."""
    fine = matrix @ np.array([[0.5, 0.0, -0.25], [0.0, 0.5, -0.25], [0.0, 0.0, 1.0]])
    source, ratio = shrunk(picture, float(np.linalg.norm(fine[:, 0])))
    patch = pulled(source, fine / ratio[:, None], 2 * side, 2 * side, repeat_edge=True)
    return _grey(resized(patch, side, side))


def _grey(picture: Picture) -> Grey:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.float32)


def _distance(outline: NDArray[np.floating[Any]], side: int) -> NDArray[np.float32]:
    """How far each pixel of a square lies outside an outline; 0 within."""
    hull = cv2.convexHull(np.rint(outline).astype(np.int32))
    outside = np.ones((side, side), np.uint8)
    cv2.fillConvexPoly(outside, hull, (0,))
    return np.asarray(cv2.distanceTransform(outside, cv2.DIST_L2, 5), np.float32)


def _ssim(one: Grey, other: Grey) -> Grey:
    mean_one, mean_other = blurred(one, _SSIM_SIGMA_PX), blurred(other, _SSIM_SIGMA_PX)
    var_one = blurred(one * one, _SSIM_SIGMA_PX) - mean_one**2
    var_other = blurred(other * other, _SSIM_SIGMA_PX) - mean_other**2
    both = blurred(one * other, _SSIM_SIGMA_PX) - mean_one * mean_other
    top = (2 * mean_one * mean_other + _C1) * (2 * both + _C2)
    bottom = (mean_one**2 + mean_other**2 + _C1) * (var_one + var_other + _C2)
    return np.asarray(top / bottom, np.float32)
