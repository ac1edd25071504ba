"""Smooth motions of a whole face: how far each point goes when one of them is at 1.

All are designed in the average face, in inter-ocular distances, and brought to a given face by its
measures. None of them parts the lips or the lids; see `slit.py` for that.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.lipsync.expression import MOUTH_SHAPES, Expression
from services.lipsync.renderer.frame import Points, smoothstep
from services.lipsync.renderer.shape import FaceShape

Field = NDArray[np.float32]
"""Displacements [..., 2] at some points."""

FIELDS = (
    "jaw_open",
    "stretch",
    "pucker",
    "funnel",
    "smile",
    "frown",
    "brow_raise",
    "brow_inner",
    "brow_knit",
    "squint",
    "yaw",
    "pitch",
    "roll",
    "shift_x",
    "shift_y",
    "breath",
)
"""The motions, in the order of `field_weights`."""

JAW_DROP = 0.21
"""How far the chin goes."""
_SEAM_V = 1.10
_CORNER_U, _CORNER_V = 0.385, 1.10
_NECK_V = 2.25
_BREATH_LIFT = 0.022


def field_weights(expression: Expression) -> NDArray[np.float32]:
    """How strongly each motion takes part [k]."""
    mouth = dict(zip(MOUTH_SHAPES, expression.mouth.tolist(), strict=True))
    head = expression.head
    values = {
        **mouth,
        "brow_raise": expression.brow_raise,
        "brow_inner": expression.brow_inner,
        "brow_knit": expression.brow_knit,
        "squint": expression.squint + 0.35 * max(0.0, mouth["smile"]),
        "yaw": head.yaw,
        "pitch": head.pitch,
        "roll": head.roll,
        "shift_x": head.shift_x,
        "shift_y": head.shift_y,
        "breath": expression.breath,
    }
    return np.array([values[name] for name in FIELDS], np.float32)


def motion_fields(shape: FaceShape, points: Points, rigid: NDArray[np.float32]) -> Field:
    """Displacements [k, ..., 2] of the given points.

    `rigid` says how far each point belongs to the head [...]: 1 in it, 0 in what stands still.
    """
    u, v = shape.normalised(points)
    face = _Face(u, v, shape)
    head = _Head(points, u, v, rigid)
    fields = {
        "jaw_open": face.jaw(),
        "stretch": face.corners(out=0.085, down=0.0, reach=0.26),
        "pucker": face.rounding(0.135),
        "funnel": face.rounding(0.075),
        "smile": face.smile(),
        "frown": face.corners(out=-0.01, down=0.055, reach=0.24),
        "brow_raise": face.brows(),
        "brow_inner": face.inner_brows(),
        "brow_knit": face.knit_brows(),
        "squint": face.squint(),
        "yaw": head.yaw(),
        "pitch": head.pitch(),
        "roll": head.roll(),
        "shift_x": head.shift(0),
        "shift_y": head.shift(1),
        "breath": head.breath(),
    }
    return np.stack([fields[name] for name in FIELDS])


def _bump(x: NDArray[np.float32], centre: float, width: float) -> NDArray[np.float32]:
    return np.asarray(np.exp(-(((x - centre) / width) ** 2)), np.float32)


def _vector(x: NDArray[np.floating[Any]], y: NDArray[np.floating[Any]]) -> Field:
    return np.stack([x, y], axis=-1).astype(np.float32)


class _Face:
    """Motions of the flesh, at points of the average face."""

    def __init__(self, u: NDArray[np.float32], v: NDArray[np.float32], shape: FaceShape) -> None:
        self._u, self._v = u, v
        # What moves sideways moves less on the side that is turned away.
        blend = smoothstep(u, -0.3, 0.3)
        left, right = shape.half_widths
        self._sideways = np.minimum(left + (right - left) * blend, 1.0)
        self._zero = np.zeros_like(u)
        self._brow = float(-shape.brows.mean())

    def jaw(self) -> Field:
        u, v = self._u, self._v
        height = smoothstep(v, 0.70, 1.68) * (1.0 - smoothstep(v, 1.80, 2.75))
        down = JAW_DROP * height * np.exp(-((np.abs(u) / 0.78) ** 4))
        # Cheeks hollow a little as they are drawn long.
        cheek = _bump(np.abs(u), 0.50, 0.28) * _bump(v, 1.12, 0.35)
        return _vector(-0.035 * np.sign(u) * cheek * self._sideways, down)

    def corners(self, out: float, down: float, reach: float) -> Field:
        u, v = self._u, self._v
        weight = _bump(np.abs(u), _CORNER_U + 0.04, reach) * _bump(v, _CORNER_V, 0.85 * reach)
        side = np.tanh(u / 0.12)
        return _vector(out * side * weight * self._sideways, down * weight)

    def rounding(self, amount: float) -> Field:
        u, v = self._u, self._v
        # The middle keeps its width; what is drawn together is the sides.
        at = np.abs(u) / (_CORNER_U + 0.03)
        profile = np.sign(u) * at**1.5 * np.exp((1.0 - at**3) / 2.0)
        weight = _bump(v, _CORNER_V + 0.02, 0.34)
        return _vector(-amount * profile * weight * self._sideways, self._zero)

    def smile(self) -> Field:
        u, v = self._u, self._v
        corner = self.corners(out=0.075, down=-0.075, reach=0.25)
        cheek = _bump(np.abs(u), 0.58, 0.26) * _bump(v, 0.62, 0.27)
        return corner + _vector(0.012 * np.sign(u) * cheek * self._sideways, -0.04 * cheek)

    def brows(self) -> Field:
        weight = self._brow_height() * np.exp(-((np.abs(self._u) / 0.85) ** 4))
        return _vector(self._zero, -0.075 * weight)

    def inner_brows(self) -> Field:
        u, height = np.abs(self._u), self._brow_height()
        slope = 0.080 * _bump(u, 0.16, 0.26) - 0.026 * _bump(u, 0.82, 0.22)
        return _vector(-0.020 * self._side() * _bump(u, 0.22, 0.17) * height, -slope * height)

    def knit_brows(self) -> Field:
        u, height = np.abs(self._u), self._brow_height()
        inwards = -0.034 * self._side() * _bump(u, 0.24, 0.20) * height
        return _vector(inwards, 0.048 * _bump(u, 0.20, 0.30) * height)

    def _brow_height(self) -> NDArray[np.float32]:
        """1 at the brows' height, less down to the eyes and up the forehead."""
        v, brow = self._v, self._brow
        fade = 1.0 - smoothstep(-v, brow + 0.05, brow + 0.6)
        return np.asarray(smoothstep(-v, 0.10, brow) * fade, np.float32)

    def _side(self) -> NDArray[np.float32]:
        """-1 left of the middle line, 1 right of it, crossing over smoothly."""
        return np.asarray(np.tanh(self._u / 0.08), np.float32)

    def squint(self) -> Field:
        u, v = self._u, self._v
        weight = _bump(np.abs(u), 0.50, 0.28) * smoothstep(v, 0.03, 0.14)
        return _vector(self._zero, -0.020 * weight * (1.0 - smoothstep(v, 0.14, 0.62)))


class _Head:
    """Motions of head and chest, at points of the face."""

    def __init__(
        self,
        points: Points,
        u: NDArray[np.float32],
        v: NDArray[np.float32],
        rigid: NDArray[np.float32],
    ) -> None:
        self._x, self._y = points[..., 0], points[..., 1]
        self._v = v
        self._weight = rigid * (1.0 - smoothstep(v, 1.75, 2.9))
        self._chest = rigid * smoothstep(v, 2.1, 3.0) * (1.0 - smoothstep(v, 3.6, 5.5))
        self._zero = np.zeros_like(u)
        # The head as an ellipsoid with a nose, seen from the front; its axis passes at depth 0.
        inside = 1.0 - (u / 1.25) ** 2 - ((v - 0.45) / 1.85) ** 2
        skull = 1.15 * np.sqrt(np.maximum(inside, 0.0) + 0.02)
        nose = 0.30 * _bump(u, 0.0, 0.20) * _bump(v, 0.60, 0.26)
        self._depth = skull + nose

    def yaw(self) -> Field:
        return _vector(self._depth * self._weight, self._zero)

    def pitch(self) -> Field:
        return _vector(self._zero, self._depth * self._weight)

    def roll(self) -> Field:
        return _vector(-(self._y - _NECK_V) * self._weight, self._x * self._weight)

    def shift(self, axis: int) -> Field:
        parts = (self._weight, self._zero) if axis == 0 else (self._zero, self._weight)
        return _vector(*parts)

    def breath(self) -> Field:
        return _vector(self._zero, -_BREATH_LIFT * self._chest)
