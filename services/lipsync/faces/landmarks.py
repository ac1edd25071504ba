"""The points of a face: 468 of its mesh, and the lids and irises of its eyes.

The network is MediaPipe's attention mesh (Grishchenko et al., 2020), which looks closer at lips and
eyes than at the rest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.common.faces import Detection
from services.common.onnx import Network
from services.lipsync.pixels import pulled, shrunk

MESH_SIZE = 192
POINTS = 468

RIGHT_EYE_CORNERS = (33, 133)
"""Outer, inner; the person's right, on the left of the picture."""
LEFT_EYE_CORNERS = (263, 362)

_CHEEKS, _FOREHEAD, _CHIN = (234, 454), 10, 152
# The chin of a level face lies a little behind its forehead.
_LEVEL_LEAN = 6.0
_FACE_MARGIN = 1.5
_PASSES = 3
CONTOUR_POINTS, IRIS_POINTS = 16, 5
"""How many points an eye has."""
# Where the network's finer points of the lips stand in the mesh, in their order.
_LIPS = (
    *(61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 185, 40, 39, 37, 0, 267, 269, 270, 409),
    *(78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 191, 80, 81, 82, 13, 312, 311, 310, 415),
    *(76, 77, 90, 180, 85, 16, 315, 404, 320, 307, 306, 184, 74, 73, 72, 11, 302, 303, 304, 408),
    *(62, 96, 89, 179, 86, 15, 316, 403, 319, 325, 292, 183, 42, 41, 38, 12, 268, 271, 272, 407),
)
# It lists each eye from its corner on the left of the picture on the one side, and from the outer
# corner on the other.
_OTHER_EYE = [*range(8, -1, -1), *range(15, 8, -1)]
# Crops that differ a little; the mean of their answers is steadier than any one.
_JITTER = ((0.0, 1.0, 0.0), (0.02, 0.96, 0.04), (-0.02, 1.05, -0.04), (0.0, 1.1, 0.0))


@dataclass(frozen=True, slots=True)
class Eye:
    """One eye, picture pixels."""

    contour: NDArray[np.float32]
    """The lids' edge [16, 2], from left to right: the lower lid with both corners (9 points), then
    the upper one without them (7)."""
    iris: NDArray[np.float32]
    """Centre, then right, top, left, bottom [5, 2]."""


@dataclass(frozen=True, slots=True)
class Landmarks:
    """A face that was found, picture pixels; z in the same unit, negative towards the viewer."""

    points: NDArray[np.float32]
    """[468, 3]."""
    presence: float
    """How sure the mesh is of a face, 0 to 1."""
    eyes: tuple[Eye, Eye]
    """The eye on the left of the picture, then the other."""

    @property
    def eye_centres(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Midpoints of the corners, the left of the picture first."""
        xy = self.points[:, :2]
        right, left = xy[list(RIGHT_EYE_CORNERS)], xy[list(LEFT_EYE_CORNERS)]
        return right.mean(axis=0), left.mean(axis=0)

    @property
    def iod(self) -> float:
        """The distance between the eyes' centres, pixels."""
        right, left = self.eye_centres
        return float(np.linalg.norm(left - right))

    @property
    def roll_degrees(self) -> float:
        """How far the face is turned in the picture's plane; 0 upright."""
        right, left = self.eye_centres
        return float(np.degrees(np.arctan2(*(left - right)[::-1])))

    @property
    def yaw_degrees(self) -> float:
        """How far the face is turned aside; 0 from the front."""
        across = self.points[_CHEEKS[1]] - self.points[_CHEEKS[0]]
        return float(np.degrees(np.arctan2(across[2], np.hypot(across[0], across[1]))))

    @property
    def pitch_degrees(self) -> float:
        """How far the face is turned up (negative) or down; about 0 from the front."""
        along = self.points[_CHIN] - self.points[_FOREHEAD]
        lean = np.degrees(np.arctan2(along[2], np.hypot(along[0], along[1])))
        return float(lean - _LEVEL_LEAN)

    def moved(self, scale: float, shift: tuple[float, float]) -> Landmarks:
        """The same face in a picture whose pixels were shifted, then scaled."""

        def move(points: NDArray[np.float32]) -> NDArray[np.float32]:
            return ((points + (np.asarray(shift, np.float32) + 0.5)) * scale - 0.5).astype(
                np.float32
            )

        points = np.column_stack([move(self.points[:, :2]), self.points[:, 2] * scale])
        right, left = (Eye(move(eye.contour), move(eye.iris)) for eye in self.eyes)
        return Landmarks(points.astype(np.float32), self.presence, (right, left))


class FaceReader:
    """Reads the landmarks of faces that were detected."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def read(self, rgb: NDArray[np.uint8], detection: Detection) -> Landmarks:
        """The landmarks of one face; low `presence` where there is none."""
        eyes = np.array([detection.right_eye, detection.left_eye])
        box = np.array([[detection.x, detection.y], [detection.width, detection.height]])
        centre, side = box[0] + box[1] / 2, float(box[1].max()) * _FACE_MARGIN
        marks = self._run(rgb, centre, side, _angle(eyes[1] - eyes[0]))
        for _ in range(_PASSES - 1):
            marks = self._run(rgb, *_crop_of(marks.points))
        return self._refine(rgb, marks)

    def read_again(self, rgb: NDArray[np.uint8], known: Landmarks) -> Landmarks:
        """The landmarks of a face that is about where they are known to be."""
        return self._refine(rgb, self._run(rgb, *_crop_of(known.points)))

    def _refine(self, rgb: NDArray[np.uint8], marks: Landmarks) -> Landmarks:
        centre, side, angle = _crop_of(marks.points)
        reads = [
            self._run(rgb, centre + shift * side, side * zoom, angle + turn)
            for shift, zoom, turn in _JITTER
        ]
        right, left = (
            Eye(
                np.mean([read.eyes[side].contour for read in reads], axis=0, dtype=np.float32),
                np.mean([read.eyes[side].iris for read in reads], axis=0, dtype=np.float32),
            )
            for side in (0, 1)
        )
        points = np.stack([read.points for read in reads]).mean(axis=0)
        return Landmarks(points, marks.presence, (right, left))

    def _run(
        self, rgb: NDArray[np.uint8], centre: NDArray[np.float64], side: float, angle: float
    ) -> Landmarks:
        patch, matrix = _crop(rgb, centre, side, angle, MESH_SIZE)
        outputs = self._network(patch[None])

        def found(name: str) -> NDArray[np.float32]:
            return _uncrop(outputs[name].reshape(-1, 2), matrix)

        raw = outputs["landmarks"].reshape(POINTS, 3)
        points = np.column_stack([_uncrop(raw[:, :2], matrix), raw[:, 2] * side / MESH_SIZE])
        points[list(_LIPS), :2] = found("lips")
        presence = 1.0 / (1.0 + np.exp(-float(outputs["presence"].reshape(-1)[0])))
        # The network's left is the picture's.
        right = Eye(found("left_eye")[:CONTOUR_POINTS], found("left_iris"))
        left = Eye(found("right_eye")[_OTHER_EYE], found("right_iris"))
        return Landmarks(points.astype(np.float32), presence, (right, left))


def _angle(across: NDArray[np.float64]) -> float:
    return float(np.arctan2(across[1], across[0]))


def _crop_of(points: NDArray[np.float32]) -> tuple[NDArray[np.float64], float, float]:
    xy = points[:, :2].astype(np.float64)
    angle = _angle(xy[LEFT_EYE_CORNERS[0]] - xy[RIGHT_EYE_CORNERS[0]])
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    upright = xy @ turn.T
    low, high = upright.min(axis=0), upright.max(axis=0)
    return (low + high) / 2 @ turn, float((high - low).max()) * _FACE_MARGIN, angle


def _crop(
    rgb: NDArray[np.uint8], centre: NDArray[np.float64], side: float, angle: float, size: int
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """A square crop, values 0 to 1, and the affine [2, 3] from it to the picture."""
    step = side / size
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = np.column_stack([step * turn, centre - step * turn @ (size / 2, size / 2)])
    source, ratio = shrunk(rgb, step)
    patch = pulled(source, matrix / ratio[:, None], size, size, repeat_edge=True)
    return patch.astype(np.float32) / 255.0, matrix


def _uncrop(points: NDArray[np.float32], matrix: NDArray[np.float64]) -> NDArray[np.float32]:
    return (points @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
