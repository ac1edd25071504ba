"""Tells a person from the background (MediaPipe selfie segmentation)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.common.onnx import Network
from services.lipsync.pixels import resized

MASK_SIZE = 256
_SURE = 0.4


class PersonFinder:
    """Finds the pixels of people."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def find(self, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """255 where a person is, else 0 [256, 256], stretched to the picture's shape."""
        image = resized(rgb, MASK_SIZE, MASK_SIZE)
        outputs = self._network((image.astype(np.float32) / 255.0)[None])
        mask = outputs["mask"].reshape(MASK_SIZE, MASK_SIZE)
        return np.where(mask > _SURE, 255, 0).astype(np.uint8)
