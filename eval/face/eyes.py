"""Blinks, seen in the pictures of the eyes: landmarks of the plain mesh hardly follow lids."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from eval.face.clips import Picture
from eval.face.curves import Curve
from eval.face.tracking import EYES, Track
from services.lipsync.pixels import blurred, pulled, shrunk

LONGEST_BLINK_S = 0.6

_WIDTH_PX, _HEIGHT_PX, _CORNERS_PX = 40, 22, 28
_BLUR_PX = 1.0
_REACH_S = 1.5
# In open eyes that look about, and under a drawn lid whose lashes are as dark as the iris.
_USUAL, _DROP = 25.0, 0.15


def likeness(shown: Iterable[tuple[float, Picture]], track: Track) -> Curve:
    """How much both eyes look as they do around that time, -1 to 1, for each picture in which the
    face was followed [n]; much lower in a blink."""
    meshes = dict(zip(track.at_s.tolist(), track.points, strict=True))
    found = [_eyes(picture, meshes[at_s]) for at_s, picture in shown if at_s in meshes]
    eyes = np.array(found, np.float32).reshape(len(found), 2, -1)
    reach = round(_REACH_S * track.fps)
    return np.array([_both_alike(each, _around(eyes, n, reach)) for n, each in enumerate(eyes)])


def shut(alike: Curve, fps: float) -> NDArray[np.bool_]:
    """In which pictures the eyes are shut, or nearly [n]."""
    reach = round(_REACH_S * fps)
    padded = np.pad(alike, reach, mode="reflect" if len(alike) > reach else "edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1)
    return np.asarray(alike < np.percentile(windows, _USUAL, axis=1) - _DROP)


def blinks_ms(closed: NDArray[np.bool_], fps: float) -> list[float]:
    """How long each blink is; eyes that stay shut for longer than a blink are none."""
    around = np.concatenate([[False], closed, [False]]).astype(int)
    edges = np.flatnonzero(np.diff(around)).reshape(-1, 2)
    lengths_s = (edges[:, 1] - edges[:, 0]) / fps
    return [float(length_s * 1000.0) for length_s in lengths_s if length_s <= LONGEST_BLINK_S]


def _around(eyes: NDArray[np.float32], number: int, reach: int) -> NDArray[np.float32]:
    window = eyes[max(0, number - reach) : number + reach + 1]
    return np.asarray(np.median(window, axis=0), np.float32)


def _both_alike(now: NDArray[np.float32], usual: NDArray[np.float32]) -> float:
    return float(np.mean([_alike(*eye) for eye in zip(now, usual, strict=True)]))


def _alike(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    if min(one.std(), other.std()) == 0.0:
        return 1.0
    return float(np.corrcoef(one, other)[0, 1])


def _eyes(picture: Picture, points: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    return [_eye(picture, points[list(corners), :2].astype(np.float64)) for corners in EYES]


def _eye(picture: Picture, corners: NDArray[np.float64]) -> NDArray[np.float32]:
    """One eye from corner to corner, upright, grey."""
    left, right = sorted(corners.tolist())
    x, y = np.subtract(right, left) / _CORNERS_PX
    turn = np.array([[x, -y], [y, x]])
    middle = np.add(left, right) / 2 - turn @ (_WIDTH_PX / 2, _HEIGHT_PX / 2)
    source, ratio = shrunk(picture, float(np.hypot(x, y)))
    matrix = np.column_stack([turn, middle]) / ratio[:, None]
    patch = pulled(source, matrix, _WIDTH_PX, _HEIGHT_PX, repeat_edge=True)
    return blurred(np.asarray(cv2.cvtColor(patch, cv2.COLOR_RGB2GRAY), np.float32), _BLUR_PX)
