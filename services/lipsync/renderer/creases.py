"""How light on skin changes with a face: folds and lines that deepen, mounds that catch the light.

What each motion does around the mouth was read off nine films of people who speak, brought to the
average face: the logarithm of each place's light, regressed on the mouth shapes that redo the film
(`docs/face.md`). Lines stand on landmarks, soft patches on the average face; how deep they get
follows the photo's own lines.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.lipsync.expression import MOUTH_SHAPES, Expression
from services.lipsync.renderer.frame import Points, smoothstep
from services.lipsync.renderer.shape import ALONG, FaceShape, Slit
from services.lipsync.renderer.skin import OwnLines

Plane = NDArray[np.float32]
"""One value a point [h, w]."""

AROUND_MOUTH = ("smile", "jaw", "round", "frown")
AROUND_EYES = ("brows_up", "knit", "squint")
CREASES = AROUND_MOUTH + AROUND_EYES
"""What creases a face, in the order of `crease_weights`."""

MOST_DARK, MOST_BRIGHT = -0.30, 0.14
"""The most that light changes anywhere, as a share of what is there."""

_LIKE_SMILE = {"smile": 1.0, "stretch": 0.6, "lower_lip_drop": 0.3, "upper_lip_raise": 0.2}
_LIKE_ROUND = {"pucker": 1.0, "funnel": 0.6}
_LIKE_FROWN = {"frown": 1.0, "press": 0.3}
_MOST = 1.3
"""Of anything that creases."""

# Points of the mesh, pairs to be averaged; the left of the picture, then its mirror image.
_FOLDS = (
    ((129, 129), (203, 203), (206, 92), (216, 186), (57, 61)),
    ((358, 358), (423, 423), (426, 322), (436, 410), (287, 291)),
)
_CHIN_CREASE = (106, 182, 83, 18, 313, 406, 335)
_BROWS = (70, 63, 105, 66, 107, 9, 336, 296, 334, 293, 300)
_FOREHEAD = (68, 104, 69, 108, 108, 151, 337, 337, 299, 333, 298)
_FOREHEAD_LINES = (0.45, 0.75, 1.05)
"""Their places from the brows (0) to the forehead's middle (1)."""
_EYE_CORNERS = ((33, -1.0), (263, 1.0))
_CROWS_FEET = (-0.40, 0.0, 0.42)
"""Their slopes, downwards and outwards from the corners."""

_FOLD_OUTER, _FOLD_INNER, _FOLD_LINE = 0.055, 0.12, 0.026
_LINE_WIDTH = 0.022
_FOLD_DEEPENS, _OWN_DEEPENS = 0.9, 0.7
"""How much of their depth the photo's own lines gain: the fold's in a smile, others'."""
_USUAL_DEPTH, _STRENGTHS = 0.040, (0.5, 1.3)
"""How dark lines of the fold are in a face that creases as those in films did, and how much less or
more others may."""
_SMILES_ALREADY = 0.5
_EYE_RIM = (0.02, 0.07)
_BAND = 0.13
"""How far beside its line a fold of the photo's own is looked for; inter-ocular distances."""
_SMILING_FROM, _SMILING_TO = 0.02, 0.10
"""How far a photo's mouth corners are above the middle of its lips when it smiles not at all, and
as widely as `smile` at 1 does."""


def crease_weights(expression: Expression) -> NDArray[np.float32]:
    """How strongly everything in `CREASES` takes part, either way, and then what of it deepens
    lines [2, k]."""
    mouth = dict(zip(MOUTH_SHAPES, expression.mouth.tolist(), strict=True))
    values = {
        "smile": _sum(mouth, _LIKE_SMILE),
        "jaw": mouth["jaw_open"],
        "round": _sum(mouth, _LIKE_ROUND),
        "frown": _sum(mouth, _LIKE_FROWN),
        "brows_up": expression.brow_raise + 0.5 * expression.brow_inner,
        "knit": expression.brow_knit,
        "squint": expression.squint + 0.45 * max(mouth["smile"], 0.0),
    }
    either = np.clip([values[name] for name in CREASES], -_MOST, _MOST)
    return np.stack([either, np.maximum(either, 0.0)]).astype(np.float32)


def _sum(mouth: dict[str, float], shares: dict[str, float]) -> float:
    return sum(share * mouth[name] for name, share in shares.items())


def crease_fields(
    names: Sequence[str],
    shape: FaceShape,
    mesh: Points,
    points: Points,
    own: OwnLines,
    strength: float,
) -> NDArray[np.float32]:
    """What some of `CREASES` at 1 add to the light at points of the face [h, w, 2], as a share of
    it, either way, and then what they add to lines [2, k, h, w]; `mesh`: the landmarks, face
    coordinates [n, 2]; `own`: the photo's own skin at the points; `strength`: how easily it
    creases."""
    face = _Skin(shape, mesh, points, own, strength)
    changes: dict[str, tuple[Callable[[], Plane], Callable[[], Plane]]] = {
        "smile": (face.smile, face.smile_lines),
        "jaw": (face.jaw, face.nothing),
        "round": (face.rounding, face.chin_line),
        "frown": (face.frown, face.chin_line),
        "brows_up": (face.own_forehead, face.forehead_lines),
        "knit": (face.own_glabella, face.glabella_lines),
        "squint": (face.own_eye_lines, face.eye_lines),
    }
    fields = [[changes[name][kind]() for name in names] for kind in (0, 1)]
    return np.asarray(np.array(fields) * (face.bare() * own.skin), np.float32)


def crease_strength(mesh: Points, points: Points, own: OwnLines) -> float:
    """How easily a face creases against those that were filmed, told by what its photo shows of
    the folds beside nose and mouth, near which some of the points [h, w, 2] must lie."""
    depth = own.depth(_along_folds(_folds(mesh, points), _band))
    return float(np.clip(depth / _USUAL_DEPTH, *_STRENGTHS))


@dataclass(frozen=True, slots=True)
class _Near:
    """Where points lie beside a line."""

    away: Plane
    """How far off; positive on the right of the picture of one that runs down [h, w]."""
    along: Plane
    """The place nearest, 0 at its start, 1 at its end [h, w]."""

    def line(self, width: float) -> Plane:
        """1 on the line, which fades at its ends."""
        ends = smoothstep(self.along, 0.0, 0.25) * (1.0 - smoothstep(self.along, 0.75, 1.0))
        return np.asarray(np.exp(-((self.away / width) ** 2)) * ends, np.float32)


def _beside(line: NDArray[np.floating[Any]], points: Points) -> _Near:
    """Points [h, w, 2] beside a line [n, 2]."""
    x, y = (np.ascontiguousarray(points[..., axis], np.float32) for axis in (0, 1))
    lengths = np.linalg.norm(np.diff(line, axis=0), axis=-1)
    begun, whole = np.concatenate([[0.0], np.cumsum(lengths)]), float(lengths.sum())
    nearest = np.full(x.shape, np.inf, np.float32)
    away, along = np.zeros_like(x), np.zeros_like(x)
    for start, end, length, before in zip(line, line[1:], lengths, begun, strict=False):
        across, down = (end - start) / length
        right, below = x - start[0], y - start[1]
        share = np.clip(right * across + below * down, 0.0, length)
        distance = np.hypot(right - share * across, below - share * down)
        closer = distance < nearest
        side = np.sign(right * down - below * across)
        nearest = np.where(closer, distance, nearest)
        away = np.where(closer, side * distance, away)
        along = np.where(closer, (before + share) / whole, along)
    return _Near(away.astype(np.float32), along.astype(np.float32))


def _folds(mesh: Points, points: Points) -> list[_Near]:
    """Points beside the folds from the nose past the mouth's corners: left and right of the
    picture."""
    return [
        _beside(np.array([(mesh[a] + mesh[b]) / 2 for a, b in pairs]), points) for pairs in _FOLDS
    ]


def _along_folds(folds: list[_Near], profile: Callable[[Plane], Plane]) -> Plane:
    """A profile over the distance from both folds, positive towards the cheeks [h, w]."""
    sides = (
        profile(near.away * np.float32(sign)) * (1.0 - smoothstep(near.along, 0.8, 1.0))
        for near, sign in zip(folds, (-1, 1), strict=True)
    )
    return np.asarray(np.maximum(*sides), np.float32)


def _band(away: Plane) -> Plane:
    return np.asarray(np.exp(-((away / _BAND) ** 2)), np.float32)


def _line(away: Plane) -> Plane:
    return np.asarray(np.exp(-((away / _FOLD_LINE) ** 2)), np.float32)


def _shadow(away: Plane) -> Plane:
    """It lies below the cheek's mound: steep towards that, soft towards the lip."""
    width = np.where(away > 0.0, _FOLD_OUTER, _FOLD_INNER)
    return np.asarray(np.exp(-((away / width) ** 2)), np.float32)


def _plane(values: NDArray[np.floating[Any]]) -> Plane:
    return np.asarray(values, np.float32)


class _Skin:
    """Changes of light, at points of one face."""

    def __init__(
        self, shape: FaceShape, mesh: Points, points: Points, own: OwnLines, strength: float
    ) -> None:
        self._shape, self._mesh, self._points, self._own = shape, mesh, points, own
        self._strength = strength
        u, self._v = shape.normalised(points)
        self._side = np.asarray(np.abs(u), np.float32)
        self._folds = _folds(mesh, points)
        self._band = _along_folds(self._folds, _band)
        self._shadow = _along_folds(self._folds, _shadow)
        lift = float(mesh[[13, 14], 1].mean() - mesh[[61, 291], 1].mean())
        smiling = np.clip((lift - _SMILING_FROM) / (_SMILING_TO - _SMILING_FROM), 0.0, 1.0)
        # A photo that smiles has much of its fold already.
        self._left = 1.0 - _SMILES_ALREADY * float(smiling)

    def bare(self) -> Plane:
        """0 between the lips and in the eyes, 1 beyond their rims."""
        mouth = self._shape.mouth
        x, y = self._points[..., 0], self._points[..., 1]
        free = np.ones(x.shape, np.float32)
        inside = np.abs(mouth.along(x)) < 1.0
        middle = np.interp(x, mouth.x, (mouth.upper + mouth.lower) / 2)
        for edge, outer, sign in (
            (mouth.upper, mouth.upper_outer, -1.0),
            (mouth.lower, mouth.lower_outer, 1.0),
        ):
            inner, rim = (np.interp(x, mouth.x, line) for line in (edge, outer))
            depth = (y - inner) * sign / np.maximum((rim - inner) * sign, 0.02)
            here = inside & ((y - middle) * sign >= 0.0)
            free = np.where(here, smoothstep(depth, 0.25, 1.0), free)
        for eye in self._shape.eyes:
            top, bottom = (np.interp(x, eye.x, line) for line in (eye.upper, eye.lower))
            beyond = np.maximum(np.maximum(top - y, y - bottom), 0.0)
            aside = np.maximum(np.maximum(eye.corners[0, 0] - x, x - eye.corners[1, 0]), 0.0)
            free = free * smoothstep(np.hypot(beyond, aside), *_EYE_RIM)
        return np.asarray(free, np.float32)

    def smile(self) -> Plane:
        fold = -0.075 * self._strength * self._left * self._shadow
        own = _FOLD_DEEPENS * self._left * self._own.dark * self._band
        cheeks = 0.050 * self._patch((0.66, 0.47), (0.22, 0.17))
        chin = 0.035 * self._patch((0.48, 1.32), (0.22, 0.15))
        return _plane(fold + own + cheeks + chin + 0.070 * self._patch((0.0, 1.31), (0.24, 0.08)))

    def smile_lines(self) -> Plane:
        fold = _along_folds(self._folds, _line)
        dimple = self._patch((0.475, 1.10), (0.035, 0.06))
        return _plane(-self._strength * self._left * (0.050 * fold + 0.020 * dimple))

    def jaw(self) -> Plane:
        cheeks = -0.030 * self._patch((0.76, 0.92), (0.24, 0.26))
        below = -0.055 * self._patch((0.20, 1.40), (0.16, 0.07))
        chin = 0.065 * self._patch((0.0, 1.70), (0.38, 0.13))
        return _plane(cheeks + below + chin - 0.035 * self._strength * self._shadow)

    def rounding(self) -> Plane:
        gone = -0.85 * self._own.dark * self._band + 0.025 * self._shadow
        corners = 0.040 * self._patch((0.43, 0.99), (0.13, 0.16))
        crease = -0.095 * self._patch((0.0, 1.36), (0.58, 0.11))
        return _plane(gone + corners + crease + 0.050 * self._patch((0.0, 1.68), (0.40, 0.10)))

    def frown(self) -> Plane:
        gone = -0.6 * self._own.dark * self._band + 0.020 * self._shadow
        return _plane(gone - 0.065 * self._patch((0.0, 1.42), (0.42, 0.12)))

    def chin_line(self) -> Plane:
        near = _beside(self._mesh[list(_CHIN_CREASE)], self._points)
        return _plane(-0.035 * self._strength * near.line(0.05))

    def nothing(self) -> Plane:
        return np.zeros_like(self._side)

    def own_forehead(self) -> Plane:
        low, high = self._brow(0.30), self._brow(1.25)
        y = self._points[..., 1]
        rows = (1.0 - smoothstep(y - low, -0.06, 0.04)) * smoothstep(y - high, -0.12, 0.12)
        return _plane(
            _OWN_DEEPENS * self._own.dark * rows * (1.0 - smoothstep(self._side, 0.65, 0.90))
        )

    def forehead_lines(self) -> Plane:
        brows, upper = self._mesh[list(_BROWS)], self._mesh[list(_FOREHEAD)]
        lines = [
            _beside(brows + share * (upper - brows), self._points).line(_LINE_WIDTH)
            for share in _FOREHEAD_LINES
        ]
        return _plane(-0.026 * self._strength * np.sum(lines, axis=0))

    def _brow(self, share: float) -> Plane:
        """The height of a line between the brows (0) and the forehead's middle (1), at each x."""
        brows, upper = self._mesh[list(_BROWS)], self._mesh[list(_FOREHEAD)]
        line = brows + share * (upper - brows)
        order = np.argsort(line[:, 0])
        return _plane(np.interp(self._points[..., 0], line[order, 0], line[order, 1]))

    def own_glabella(self) -> Plane:
        between = self._at(self._mesh[[8, 9]].mean(axis=0), (0.17, 0.16))
        return _plane(_OWN_DEEPENS * self._own.dark * between)

    def glabella_lines(self) -> Plane:
        low, high = self._mesh[8], self._mesh[9]
        up = high - low
        lines = []
        for side in (-1.0, 1.0):
            foot = low + np.array([0.075 * side, 0.0]) - 0.25 * up
            line = np.stack([foot, foot + 1.6 * up + np.array([0.025 * side, 0.0])])
            lines.append(_beside(line, self._points).line(_LINE_WIDTH))
        hollow = self._at(self._mesh[[8, 9]].mean(axis=0), (0.12, 0.12))
        return _plane(-self._strength * (0.050 * np.maximum(*lines) + 0.025 * hollow))

    def own_eye_lines(self) -> Plane:
        aside = [self._at(self._mesh[c] + (s * 0.14, 0.02), (0.13, 0.17)) for c, s in _EYE_CORNERS]
        down = np.array([0.0, 0.15], np.float32)
        bags = [self._at(eye.corners.mean(axis=0) + down, (0.32, 0.09)) for eye in self._eyes]
        return _plane(_OWN_DEEPENS * self._own.dark * np.maximum.reduce([*aside, *bags]))

    def eye_lines(self) -> Plane:
        feet = []
        for corner, sign in _EYE_CORNERS:
            for slope in _CROWS_FEET:
                start = self._mesh[corner] + np.array([0.055 * sign, 0.05 * slope])
                step = np.array([sign, slope]) / np.hypot(1.0, slope)
                line = np.stack([start, start + 0.17 * step])
                feet.append(_beside(line, self._points).line(0.8 * _LINE_WIDTH))
        bags, lit = [], []
        for eye in self._eyes:
            below = np.stack([eye.x, eye.lower + 0.115 - 0.03 * (ALONG**2)], axis=-1)
            bags.append(_beside(below[8:-8], self._points).line(1.3 * _LINE_WIDTH))
            lit.append(_beside(below[8:-8] - (0.0, 0.05), self._points).line(1.3 * _LINE_WIDTH))
        return _plane(
            -0.035 * self._strength * np.maximum.reduce(feet)
            - 0.040 * np.maximum(*bags)
            + 0.020 * np.maximum(*lit)
        )

    @property
    def _eyes(self) -> tuple[Slit, Slit]:
        return self._shape.eyes

    def _patch(self, centre: tuple[float, float], size: tuple[float, float]) -> Plane:
        """Bell-shaped, on both sides of the average face."""
        across = ((self._side - centre[0]) / size[0]) ** 2
        return np.asarray(np.exp(-across - ((self._v - centre[1]) / size[1]) ** 2), np.float32)

    def _at(self, centre: NDArray[np.floating[Any]], size: tuple[float, float]) -> Plane:
        """Bell-shaped, around a point of this face."""
        away = (self._points - centre) / np.array(size, np.float32)
        return np.asarray(np.exp(-np.square(away).sum(axis=-1)), np.float32)
