"""A face that is drawn, not photographed: an avatar pack without any network."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from services.lipsync.faces.landmarks import Eye, Landmarks
from services.lipsync.pack import AvatarPack, FaceBox

ASSET = Path(__file__).parents[1] / "assets" / "average_face.csv"
"""The mesh of an average face: eyes' centres at (-0.5, 0) and (0.5, 0), unit: their distance."""
SKIN, LIP, SEAM, WHITE, IRIS, TEETH = (
    (214, 170, 146),
    (176, 84, 84),
    (70, 30, 32),
    (236, 232, 226),
    (60, 90, 140),
    (244, 240, 214),
)
_OUTER_LIPS = (
    61,
    185,
    40,
    39,
    37,
    0,
    267,
    269,
    270,
    409,
    291,
    375,
    321,
    405,
    314,
    17,
    84,
    181,
    91,
    146,
)
_SEAM_LINE = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
_LOWER_INNER = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
_EYES = (
    (33, 7, 163, 144, 145, 153, 154, 155, 133, 246, 161, 160, 159, 158, 157, 173),
    (362, 382, 381, 380, 374, 373, 390, 249, 263, 398, 384, 385, 386, 387, 388, 466),
)
_BROWS = ((70, 63, 105, 66, 107), (336, 296, 334, 293, 300))
_FINE = 4  # fractional bits of OpenCV's drawing


def drawn_pack(size: int = 320, iod_px: float = 78.0, parted: float = 0.0) -> AvatarPack:
    """A square picture of the average face before a grained wall; its lips touch, or are `parted`
    in the middle by as many inter-ocular distances and show teeth."""
    points = np.loadtxt(ASSET, delimiter=",", skiprows=1).astype(np.float32)
    bow = parted * (1.0 - np.linspace(-0.8, 0.8, 9, dtype=np.float32) ** 2)
    points[list(_SEAM_LINE[1:-1]), 1] = 1.09 - 0.5 * bow
    points[list(_LOWER_INNER[1:-1]), 1] = 1.09 + 0.5 * bow
    points = points * iod_px + np.array([size / 2, 0.36 * size, 0.0], np.float32)
    eyes = (_eye(points, 0), _eye(points, 1))
    picture = _picture(points, eyes, size, iod_px)
    if parted:
        _fill(picture, points[[*_SEAM_LINE, *_LOWER_INNER[-2:0:-1]], :2], TEETH)
    person = np.zeros((256, 256), np.uint8)
    cv2.ellipse(person, (128, 128), (80, 118), 0, 0, 360, (255,), -1)
    cv2.rectangle(person, (40, 215), (216, 255), (255,), -1)
    box = FaceBox(float(points[:, 0].min()), float(points[:, 1].min()), 200.0, 220.0)
    return AvatarPack(picture, Landmarks(points, 1.0, eyes), person, box)


def _eye(points: NDArray[np.float32], side: int) -> Eye:
    contour = points[list(_EYES[side]), :2]
    centre = contour.mean(axis=0)
    radius = 0.055 * float(np.ptp(points[[33, 263], 0]))
    around = np.array([[0, 0], [1, 0], [0, -1], [-1, 0], [0, 1]], np.float32)
    return Eye(contour, (centre + radius * around).astype(np.float32))


def _picture(
    points: NDArray[np.float32], eyes: tuple[Eye, Eye], size: int, iod_px: float
) -> NDArray[np.uint8]:
    grain = np.random.default_rng(7).integers(-9, 10, (size, size, 1))
    picture = np.clip(np.full((size, size, 3), 120) + grain, 0, 255).astype(np.uint8)
    middle = (size // 2, int(0.36 * size + 0.45 * iod_px))
    cv2.ellipse(picture, middle, (int(1.15 * iod_px), int(1.5 * iod_px)), 0, 0, 360, SKIN, -1)
    for brow in _BROWS:
        _line(picture, points[list(brow), :2], (90, 60, 40), 5)
    for eye in eyes:
        _fill(picture, np.concatenate([eye.contour[:9], eye.contour[:8:-1]]), WHITE)
        cv2.circle(picture, tuple(np.rint(eye.iris[0]).astype(int)), 6, IRIS, -1, cv2.LINE_AA)
    _fill(picture, points[list(_OUTER_LIPS), :2], LIP)
    _line(picture, points[list(_SEAM_LINE), :2], SEAM, 2)
    return picture


def _fill(picture: NDArray[np.uint8], line: NDArray[np.float32], colour: tuple[int, ...]) -> None:
    fixed = np.rint(line * 2**_FINE).astype(np.int32)
    cv2.fillPoly(picture, [fixed], colour, cv2.LINE_AA, _FINE)


def _line(
    picture: NDArray[np.uint8], line: NDArray[np.float32], colour: tuple[int, ...], width: int
) -> None:
    fixed = np.rint(line * 2**_FINE).astype(np.int32)
    cv2.polylines(picture, [fixed], False, colour, width, cv2.LINE_AA, _FINE)
