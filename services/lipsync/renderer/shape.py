"""What the renderer knows of one face: its measures and the edges of its lips and lids."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.lipsync.faces.landmarks import Landmarks
from services.lipsync.renderer.frame import FaceFrame, Points, smoothstep
from services.lipsync.renderer.seam import below_eye, lip_seam

SAMPLES = 65
"""How many places along a mouth or an eye its edges are known at."""
ALONG = np.linspace(-1.0, 1.0, SAMPLES, dtype=np.float32)
"""Those places: -1 the corner on the left of the picture, 0 the middle, 1 the other corner."""

# Points of the mesh, each list from the left of the picture to the right.
_UPPER_INNER = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
_LOWER_INNER = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
_UPPER_OUTER = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291)
_LOWER_OUTER = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291)
_MOUTH_CORNERS = (61, 291)
_BROWS = ((70, 63, 105, 66, 107), (336, 296, 334, 293, 300))
_CLOSED_GAP = 0.026
"""Lips that are said to be closer than this touch."""
_LID_RIM = 0.015
"""How far above the landmarks of an eye its upper lid ends: below, white shines through its rim."""
_SUBNASALE, _NOSE_TIP, _CHIN, _UPPER_LIP, _SEAM = 2, 1, 152, 0, 13
_OUTER_EYES, _JAWS, _CHEEKS = (33, 263), (58, 288), (234, 454)

# The same places in the average face (eyes at -0.5 and 0.5), in which motion is designed.
_MEAN_HEIGHTS = {"eyes": 0.0, "subnasale": 0.755, "seam": 1.10, "chin": 1.80}
_MEAN_HALF_WIDTHS = {"eyes": 0.72, "mouth": 0.385, "jaw": 0.96, "cheeks": 1.086}


@dataclass(frozen=True, slots=True)
class Slit:
    """A mouth or an eye as two edges between two corners, face coordinates.

    Heights are given at the places of `ALONG`.
    """

    corners: NDArray[np.float32]
    """Left and right of the picture [2, 2]."""
    middle_x: float
    upper: NDArray[np.float32]
    """Lower edge of what lies above the opening [n]."""
    lower: NDArray[np.float32]
    """Upper edge of what lies below the opening [n]."""
    upper_outer: NDArray[np.float32]
    """Upper edge of the upper lip; the crease of the upper lid [n]."""
    lower_outer: NDArray[np.float32]
    """Lower edge of the lower lip; where the lower lid ends [n]."""

    @property
    def x(self) -> NDArray[np.float32]:
        """Where the places of `ALONG` are [n]."""
        knots = [self.corners[0, 0], self.middle_x, self.corners[1, 0]]
        return np.asarray(np.interp(ALONG, [-1.0, 0.0, 1.0], knots), np.float32)

    @property
    def gap(self) -> NDArray[np.float32]:
        """How far it is open [n]."""
        return self.lower - self.upper

    def along(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """The place along the slit of each x; beyond ±1 outside the corners."""
        (left, _), (right, _) = self.corners
        side = np.where(x < self.middle_x, self.middle_x - left, right - self.middle_x)
        return np.asarray((x - self.middle_x) / np.maximum(side, 1e-3), np.float32)


@dataclass(frozen=True, slots=True)
class FaceShape:
    """The measures of one face, face coordinates."""

    mouth: Slit
    eyes: tuple[Slit, Slit]
    irises: NDArray[np.float32]
    """Centre of each iris, left of the picture first [2, 2]."""
    iris_radius: float
    brows: NDArray[np.float32]
    """The middle height of each brow [2]."""
    heights: NDArray[np.float32]
    """Eyes, subnasale, seam and chin [4]."""
    middles: NDArray[np.float32]
    """The x of the middle line at those heights [4]."""
    half_widths: NDArray[np.float32]
    """How wide each half is against the average face: left and right of the picture [2]."""

    def normalised(self, points: Points) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The place in the average face (u, v) that corresponds to each point [..., 2]."""
        x, y = points[..., 0], points[..., 1]
        v = _through(self.heights, np.array(list(_MEAN_HEIGHTS.values()), np.float32), y)
        middle = np.interp(y, self.heights, self.middles).astype(np.float32)
        blend = smoothstep(x - middle, -0.3, 0.3)
        width = self.half_widths[0] + (self.half_widths[1] - self.half_widths[0]) * blend
        return (x - middle) / width, v


def face_shape(picture: NDArray[np.uint8], landmarks: Landmarks) -> FaceShape:
    """The measures of a face as its landmarks, and its picture, tell them."""
    frame = FaceFrame.of(landmarks)
    mesh = frame.from_picture(landmarks.points[:, :2])
    heights = np.array([0.0, *(mesh[i, 1] for i in (_SUBNASALE, _SEAM, _CHIN))], np.float32)
    heights[2] = (mesh[13, 1] + mesh[14, 1]) / 2
    # An open mouth lowers the chin; a closed one is what the average face shows.
    middles = np.array([0.0, *(mesh[i, 0] for i in (_SUBNASALE, _SEAM, _CHIN))], np.float32)
    irises = np.stack([frame.from_picture(eye.iris) for eye in landmarks.eyes])
    radius = np.linalg.norm(irises[:, 1:] - irises[:, :1], axis=-1).mean()
    return FaceShape(
        mouth=_mouth(mesh, picture, frame),
        eyes=(
            _eye(mesh, landmarks, picture, frame, 0),
            _eye(mesh, landmarks, picture, frame, 1),
        ),
        irises=irises[:, 0],
        iris_radius=float(radius),
        brows=np.array([mesh[list(brow), 1].mean() for brow in _BROWS], np.float32),
        heights=heights,
        middles=middles,
        half_widths=_half_widths(mesh),
    )


def _half_widths(mesh: Points) -> NDArray[np.float32]:
    """Against the average face, each side; a turned head shows less of one."""
    pairs = ((_OUTER_EYES, "eyes", 0.0), (_JAWS, "jaw", mesh[_SEAM, 0]))
    ratios = []
    for (left, right), name, middle in pairs:
        mean = _MEAN_HALF_WIDTHS[name]
        ratios.append(((middle - mesh[left, 0]) / mean, (mesh[right, 0] - middle) / mean))
    return np.asarray(np.clip(np.mean(ratios, axis=0), 0.45, 1.6), np.float32)


def _mouth(mesh: Points, picture: NDArray[np.uint8], frame: FaceFrame) -> Slit:
    corners = mesh[list(_MOUTH_CORNERS)]
    middle_x = float(mesh[[13, 14], 0].mean())
    ends = [corners[0, 0], middle_x, corners[1, 0]]
    places = np.asarray(np.interp(ALONG, [-1, 0, 1], ends), np.float32)
    upper, lower = (_height(mesh[list(i)], corners, places) for i in (_UPPER_INNER, _LOWER_INNER))
    upper_outer = _height(mesh[list(_UPPER_OUTER)], corners, places)
    lower_outer = _height(mesh[list(_LOWER_OUTER)], corners, places)
    if float((lower - upper).max()) < _CLOSED_GAP:
        upper = lower = lip_seam(
            picture, frame, places, np.asarray((upper + lower) / 2, np.float32)
        )
    upper_outer = np.minimum(upper_outer, upper - 0.015)
    lower_outer = np.maximum(lower_outer, lower + 0.02)
    return Slit(corners, middle_x, upper, np.maximum(upper, lower), upper_outer, lower_outer)


def _eye(
    mesh: Points, landmarks: Landmarks, picture: NDArray[np.uint8], frame: FaceFrame, side: int
) -> Slit:
    contour = frame.from_picture(landmarks.eyes[side].contour)
    corners = contour[[0, 8]]
    middle_x = float(corners[:, 0].mean())
    line = np.interp(ALONG, [-1, 1], corners[:, 1])
    top = line + _arch(contour[9:], corners) - _LID_RIM * (1.0 - ALONG**2)
    bottom = line + _arch(contour[1:8], corners)
    bottom = np.maximum(top, bottom)
    places = np.interp(ALONG, [-1, 1], corners[:, 0]).astype(np.float32)
    bottom = bottom + below_eye(picture, frame, places, bottom.astype(np.float32))
    brow = float(mesh[list(_BROWS[side]), 1].mean())
    room = max(float(top.min()) - brow, 0.06)
    crease = top - min(0.10, 0.42 * room)
    lines = (np.asarray(line, np.float32) for line in (top, bottom, crease, bottom + 0.07))
    return Slit(corners, middle_x, *lines)


def _arch(points: Points, corners: NDArray[np.float32]) -> NDArray[np.float64]:
    """The smooth arch over a line from corner to corner that fits points of a lid best [n]."""
    (x0, y0), (x1, y1) = corners
    along = 2.0 * (points[:, 0] - x0) / (x1 - x0) - 1.0
    height = points[:, 1] - np.interp(points[:, 0], [x0, x1], [y0, y1])
    inside = np.abs(along) < 0.9

    def basis(a: NDArray[np.float32]) -> NDArray[np.float32]:
        bow = np.maximum(1.0 - np.abs(a) ** 2.3, 0.0)
        return np.stack([bow, a * bow], axis=-1)

    fit, *_ = np.linalg.lstsq(basis(along[inside]), height[inside], rcond=None)
    return np.asarray(basis(ALONG) @ fit, np.float64)


def _height(
    line: Points, corners: NDArray[np.float32], places: NDArray[np.float32]
) -> NDArray[np.float32]:
    """A line's height at the given x; it runs from corner to corner, smoothed."""
    inside = line[(line[:, 0] > corners[0, 0]) & (line[:, 0] < corners[1, 0])]
    knots = np.concatenate([corners[:1], inside, corners[1:]])
    order = np.argsort(knots[:, 0])
    height = np.interp(places, knots[order, 0], knots[order, 1])
    padded = np.concatenate([[height[0]] * 2, height, [height[-1]] * 2])
    smooth = np.convolve(padded, np.array([1, 4, 6, 4, 1]) / 16.0, mode="valid")
    smooth[[0, -1]] = height[[0, -1]]
    return smooth.astype(np.float32)


def _through(
    knots: NDArray[np.float32], values: NDArray[np.float32], x: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Piecewise linear through the knots, and on beyond them at unit slope."""
    inner = np.interp(x, knots, values)
    outer = np.minimum(x - knots[0], 0.0) + np.maximum(x - knots[-1], 0.0)
    return np.asarray(inner + outer, np.float32)
