"""From a tracked face to curves: lips, as if the head never turned, in inter-ocular distances."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval.face.tracking import EYES, Track

CURVE_HZ = 100
"""At which curves are compared."""

OUTER_LIPS = (
    *(61, 185, 40, 39, 37, 0, 267, 269, 270, 409),
    *(291, 375, 321, 405, 314, 17, 84, 181, 91, 146),
)
"""Around the mouth, from the corner on the left of the picture over the upper lip."""
INNER_LIPS = (
    *(78, 191, 80, 81, 82, 13, 312, 311, 310, 415),
    *(308, 324, 318, 402, 317, 14, 87, 178, 88, 95),
)
"""Around its opening, likewise."""
LIPS = OUTER_LIPS + INNER_LIPS
_OPENING = ((82, 87), (13, 14), (312, 317))
_CORNERS = (61, 291)
_FRONT = (0, 13, 14, 17)
# What speech hardly moves: pairs of places that mirror one another, and pairs of which one is above
# the other in an average face and as far in front.
_SIDES = ((33, 263), (133, 362), (127, 356), (21, 251), (54, 284), (234, 454))
_HEIGHTS = ((109, 98), (338, 327), (103, 117), (332, 346), (67, 101), (297, 330))

Curve = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class FaceCurves:
    """One mouth over time; lengths in inter-ocular distances."""

    at_s: Curve
    """[n]."""
    opening: Curve
    """How far the inner lips are apart in the middle of the mouth [n]."""
    width: Curve
    """From corner to corner [n]."""
    protrusion: Curve
    """How far the middle of the lips stands out before the eyes [n]."""
    lips: Curve
    """The places of `LIPS` from between the eyes, right and down as the face stands [n, 40, 2]."""

    def moved(self, seconds: float) -> FaceCurves:
        """The same, so much later."""
        return FaceCurves(self.at_s + seconds, self.opening, self.width, self.protrusion, self.lips)

    def at(self, times_s: Curve) -> FaceCurves:
        """The same at other times, linear between pictures; the first and last hold beyond."""

        def read(values: Curve) -> Curve:
            flat = values.reshape(len(values), -1)
            columns = [np.interp(times_s, self.at_s, column) for column in flat.T]
            return np.stack(columns, axis=-1).reshape(len(times_s), *values.shape[1:])

        return FaceCurves(
            np.asarray(times_s, np.float64),
            *map(read, (self.opening, self.width, self.protrusion, self.lips)),
        )


def curves(track: Track) -> FaceCurves:
    """The curves of a tracked face."""
    upright = straightened(np.asarray(track.points, np.float64))
    left, right = _CORNERS
    return FaceCurves(
        at_s=track.at_s,
        opening=_gap(upright, _OPENING),
        width=upright[:, right, 0] - upright[:, left, 0],
        protrusion=-upright[:, list(_FRONT), 2].mean(axis=1),
        lips=upright[:, list(LIPS), :2],
    )


def _gap(upright: NDArray[np.float64], pairs: Iterable[tuple[int, int]]) -> Curve:
    """The mean distance in space between the points of pairs."""
    gaps = [np.linalg.norm(upright[:, low] - upright[:, high], axis=-1) for high, low in pairs]
    return np.asarray(np.mean(gaps, axis=0), np.float64)


def straightened(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Meshes [n, 468, 3] as their heads see them: from between the eyes, x to the picture's right,
    y down, z away from the viewer, unit: the distance between the eyes in space."""
    centres = [points[:, list(eye)].mean(axis=1) for eye in EYES]
    origin = (centres[0] + centres[1]) / 2
    iod = np.linalg.norm(centres[1] - centres[0], axis=-1)
    upright = (points - origin[:, None]) @ _axes(points) / iod[:, None, None]
    return np.asarray(upright, np.float64)


def turn_degrees(points: NDArray[np.float64], other: int) -> NDArray[np.float64]:
    """How far each head of meshes [n, 468, 3] is turned from where another of them is, degrees."""
    axes = _axes(points)
    cosines = (np.einsum("nij,ij->n", axes, axes[other]) - 1.0) / 2.0
    return np.asarray(np.degrees(np.arccos(np.clip(cosines, -1.0, 1.0))), np.float64)


def _axes(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """The heads' own axes as columns [n, 3, 3]."""
    x = _unit(np.mean([points[:, b] - points[:, a] for a, b in _SIDES], axis=0))
    down = np.mean([points[:, b] - points[:, a] for a, b in _HEIGHTS], axis=0)
    y = _unit(down - (down * x).sum(axis=-1, keepdims=True) * x)
    return np.stack([x, y, np.cross(x, y)], axis=-1)


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True), np.float64)
