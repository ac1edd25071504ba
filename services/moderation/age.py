"""How old a face looks, by a small network of face-api's: an estimate, never proof."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from services.common.faces import Detection
from services.common.onnx import Network
from services.common.pixels import pulled, shrunk

_SIZE = 112
_MEAN_RGB = np.array([122.782, 117.001, 104.298], np.float32)
_CROPS = (1.0, 1.15, 1.3)
"""Sides of the square that is looked at, in widths of the face: one alone is off by years."""
_ADULT = 18.0
_SPREAD = 6.0
"""Standard deviation of the error in years: its makers tell a mean error of 4.8 at ages 9 to 18."""


class AgeEstimator:
    """Estimates ages; threads may share it."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def years(self, rgb: NDArray[np.uint8], face: Detection) -> float:
        """The mean over a few views of a face in a picture [h, w, 3]."""
        ages = [float(self._network(view)["age"].item()) for view in _views(rgb, face)]
        return float(np.mean(ages))


def likelihood_of_minor(years: float) -> float:
    """How likely somebody who looks that old is under 18, if the network's errors are normal."""
    return 0.5 * math.erfc((years - _ADULT) / (_SPREAD * math.sqrt(2)))


def _views(rgb: NDArray[np.uint8], face: Detection) -> Iterator[NDArray[np.float32]]:
    """The face upright, in several crops, each as it is and mirrored."""
    eyes = np.subtract(face.left_eye, face.right_eye)
    along = eyes / max(float(np.linalg.norm(eyes)), 1e-6)
    down = np.array([-along[1], along[0]])
    middle = np.array([face.x + face.width / 2, face.y + face.height / 2])
    for crop in _CROPS:
        side = crop * max(face.width, face.height)
        step = side / _SIZE
        source, ratio = shrunk(rgb, step)
        corner = middle - (along + down) * side / 2
        matrix = np.column_stack([along * step, down * step, corner]) / ratio[:, None]
        view = pulled(source, matrix, _SIZE, _SIZE, repeat_edge=True)
        image = ((view.astype(np.float32) - _MEAN_RGB) / 255.0)[np.newaxis]
        yield image
        yield np.ascontiguousarray(image[:, :, ::-1])
