"""The points of a face: 468 of its mesh, and the lids and irises of its eyes.

Networks: MediaPipe's face mesh (Kartynnik et al., 2019) and iris (Ablavatski et al., 2020).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.lipsync.faces.detector import Detection
from services.lipsync.onnx import Network
from services.lipsync.pixels import pulled, shrunk

MESH_SIZE = 192
EYE_SIZE = 64
POINTS = 468

RIGHT_EYE_CORNERS = (33, 133)
"""Outer, inner; the person's right, on the left of the picture."""
LEFT_EYE_CORNERS = (263, 362)

_CHEEKS, _FOREHEAD, _CHIN = (234, 454), 10, 152
# The chin of a level face lies a little behind its forehead.
_LEVEL_LEAN = 6.0
_FACE_MARGIN = 1.5
_EYE_MARGIN = 2.3
_PASSES = 3
CONTOUR_POINTS, IRIS_POINTS = 16, 5
"""How many points an eye has."""
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

    def __init__(self, mesh: Network, iris: Network) -> None:
        self._mesh = mesh
        self._iris = iris

    def read(self, rgb: NDArray[np.uint8], detection: Detection) -> Landmarks:
        """The landmarks of one face; low `presence` where there is none."""
        eyes = np.array([detection.right_eye, detection.left_eye])
        box = np.array([[detection.x, detection.y], [detection.width, detection.height]])
        centre, side = box[0] + box[1] / 2, float(box[1].max()) * _FACE_MARGIN
        points, presence = self._run(rgb, centre, side, _angle(eyes[1] - eyes[0]))
        for _ in range(_PASSES - 1):
            points, presence = self._run(rgb, *_crop_of(points))
        return self._refine(rgb, points, presence)

    def read_again(self, rgb: NDArray[np.uint8], known: Landmarks) -> Landmarks:
        """The landmarks of a face that is about where they are known to be."""
        points, presence = self._run(rgb, *_crop_of(known.points))
        return self._refine(rgb, points, presence)

    def _refine(
        self, rgb: NDArray[np.uint8], points: NDArray[np.float32], presence: float
    ) -> Landmarks:
        centre, side, angle = _crop_of(points)
        reads = [
            self._run(rgb, centre + shift * side, side * zoom, angle + turn)[0]
            for shift, zoom, turn in _JITTER
        ]
        points = np.mean(reads, axis=0, dtype=np.float32)
        right = self._eye(rgb, points[list(RIGHT_EYE_CORNERS), :2], mirrored=True)
        left = self._eye(rgb, points[list(LEFT_EYE_CORNERS), :2], mirrored=False)
        return Landmarks(points, presence, (right, left))

    def _run(
        self, rgb: NDArray[np.uint8], centre: NDArray[np.float64], side: float, angle: float
    ) -> tuple[NDArray[np.float32], float]:
        patch, matrix = _crop(rgb, centre, side, angle, MESH_SIZE)
        outputs = self._mesh(patch[None])
        raw = outputs["landmarks"].reshape(POINTS, 3)
        points = np.empty((POINTS, 3), np.float32)
        points[:, :2] = _uncrop(raw[:, :2], matrix)
        points[:, 2] = raw[:, 2] * side / MESH_SIZE
        presence = 1.0 / (1.0 + np.exp(-float(outputs["presence"].reshape(-1)[0])))
        return points, presence

    def _eye(self, rgb: NDArray[np.uint8], corners: NDArray[np.float32], mirrored: bool) -> Eye:
        """The network knows the left eye of a face as it is seen; the other is mirrored for it."""
        outer, inner = corners.astype(np.float64)
        side = float(np.linalg.norm(outer - inner)) * _EYE_MARGIN
        across = inner - outer if mirrored else outer - inner
        patch, matrix = _crop(rgb, (outer + inner) / 2, side, _angle(across), EYE_SIZE)
        if mirrored:
            patch = patch[:, ::-1]
        outputs = self._iris(np.ascontiguousarray(patch)[None])
        contour = outputs["eye_contour"].reshape(-1, 3)[:CONTOUR_POINTS, :2].copy()
        iris = outputs["iris"].reshape(IRIS_POINTS, 3)[:, :2].copy()
        if mirrored:
            contour[:, 0] = EYE_SIZE - contour[:, 0]
            iris[:, 0] = EYE_SIZE - iris[:, 0]
            order = [8, *range(7, 0, -1), 0, *range(15, 8, -1)]
            contour, iris = contour[order], iris[[0, 3, 2, 1, 4]]
        return Eye(_uncrop(contour, matrix), _uncrop(iris, matrix))


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
