"""Tells a person from the background (MediaPipe selfie segmentation)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.common.onnx import Network
from services.lipsync.faces.landmarks import Landmarks
from services.lipsync.pixels import pulled, resized

MASK_SIZE = 256
_SURE = 0.4
_CLOSE_UP, _ABOVE = 6.0, 0.42
"""Side of the square around a head that is looked at again, inter-ocular distances, and how much
of it lies above the eyes."""
_CLOSER = 0.8
"""It is, where its pixels are finer than this share of the whole picture's."""
_CLOSE_UP_EDGE = 0.15


class PersonFinder:
    """Finds the pixels of people."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def find(self, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """255 where a person is, else 0 [256, 256], stretched to the picture's shape."""
        mask = self._look(resized(rgb, MASK_SIZE, MASK_SIZE))
        return np.where(mask > _SURE, 255, 0).astype(np.uint8)

    def likelihood(self, rgb: NDArray[np.uint8], face: Landmarks) -> NDArray[np.float32]:
        """How likely each pixel is a person's, 0 to 1 [h, w]; a small head is looked at closely."""
        height, width = rgb.shape[:2]
        whole = resized(self._look(resized(rgb, MASK_SIZE, MASK_SIZE)), width, height)
        step = _CLOSE_UP * face.iod / MASK_SIZE
        if step > _CLOSER * min(height, width) / MASK_SIZE:
            return np.clip(whole, 0.0, 1.0)
        x, y = np.mean(face.eye_centres, axis=0)
        left, top = x - 0.5 * MASK_SIZE * step, y - _ABOVE * MASK_SIZE * step
        near = np.array([[step, 0.0, left], [0.0, step, top]])
        seen = self._look(pulled(rgb, near, MASK_SIZE, MASK_SIZE, repeat_edge=True))
        back = np.array([[1 / step, 0.0, -left / step], [0.0, 1 / step, -top / step]])
        closely, share = (pulled(part, back, width, height) for part in (seen, _window()))
        return np.clip(whole + (closely - whole) * share, 0.0, 1.0)

    def _look(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        outputs = self._network((rgb.astype(np.float32) / 255.0)[None])
        return np.asarray(outputs["mask"].reshape(MASK_SIZE, MASK_SIZE), np.float32)


def _window() -> NDArray[np.float32]:
    """1 in the middle of a close-up, 0 at its edges."""
    line = np.linspace(0.0, 1.0, MASK_SIZE, dtype=np.float32)
    ramp = np.clip(np.minimum(line, 1.0 - line) / _CLOSE_UP_EDGE, 0.0, 1.0)
    return np.asarray(np.minimum(ramp, ramp[:, None]), np.float32)
