"""The coordinates in which a face is described, whatever its size and place in the picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.lipsync.faces.landmarks import Landmarks

Points = NDArray[np.float32]
"""Coordinates, the last axis of length 2: rightwards and downwards as the face stands."""


@dataclass(frozen=True, slots=True)
class FaceFrame:
    """Origin between the eyes, x along them to the picture's right, unit: inter-ocular distance."""

    origin: NDArray[np.float32]
    """Picture pixels [2]."""
    axis: NDArray[np.float32]
    """The x axis in the picture, of length 1 [2]."""
    iod_px: float

    @classmethod
    def of(cls, landmarks: Landmarks) -> FaceFrame:
        """The frame of a face."""
        right, left = landmarks.eye_centres
        axis = (left - right) / np.linalg.norm(left - right)
        return cls(((left + right) / 2).astype(np.float32), axis.astype(np.float32), landmarks.iod)

    def scaled(self, scale: float, shift: tuple[float, float]) -> FaceFrame:
        """The same face in a picture that is scaled, then shifted by pixels."""
        origin = (self.origin + 0.5) * scale - 0.5 + np.asarray(shift, np.float32)
        return FaceFrame(origin.astype(np.float32), self.axis, self.iod_px * scale)

    @property
    def turn(self) -> NDArray[np.float32]:
        """Rotation [2, 2] from the face's directions to the picture's."""
        x, y = self.axis
        return np.array([[x, -y], [y, x]], np.float32)

    def from_picture(self, points: NDArray[np.float32]) -> Points:
        """Picture pixels [..., 2] in the face's coordinates."""
        return ((points - self.origin) @ self.turn / np.float32(self.iod_px)).astype(np.float32)

    def to_picture(self, points: Points) -> NDArray[np.float32]:
        """The reverse."""
        return (points @ self.turn.T * np.float32(self.iod_px) + self.origin).astype(np.float32)


def smoothstep(x: NDArray[np.floating[Any]], low: float, high: float) -> NDArray[np.float32]:
    """0 up to `low`, 1 from `high` on, level at both."""
    t = np.clip((x - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t), np.float32)
