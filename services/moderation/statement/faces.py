"""Whose face it is, by dlib's 128 numbers: near for one person, far for two."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from services.common.faces import Detection
from services.common.onnx import Network
from services.common.pixels import pulled, shrunk

Descriptor = NDArray[np.float32]

_SIZE = 150
_MEAN_RGB = np.array([122.782, 117.001, 104.298], np.float32)
_SHARE = 0.45
"""Of the crop's side: how far the mouth is from the eyes."""
_ABOVE = 0.43
"""Of the crop's side: how far the middle of eyes and mouth is from the top."""
FAR = 1.0
"""A distance at which nothing is alike any more."""


class FaceRecogniser:
    """Describes faces; threads may share it."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def describe(self, rgb: NDArray[np.uint8], face: Detection) -> Descriptor:
        """The mean over a face in a picture [h, w, 3] and its mirror image: [128]."""
        view = _view(rgb, face).astype(np.float32)
        image = ((view - _MEAN_RGB) / 255.0)[None]
        mirrored = np.ascontiguousarray(image[:, :, ::-1])
        both = [self._network(one)["face"][0] for one in (image, mirrored)]
        mean: Descriptor = np.mean(both, axis=0).astype(np.float32)
        return mean


def distance(these: Sequence[Descriptor], other: Descriptor) -> float:
    """The median of the distances."""
    return float(np.median([np.linalg.norm(one - other) for one in these]))


def spread(these: Sequence[Descriptor]) -> float:
    """How far the farthest is from the middle of all."""
    middle = np.mean(these, axis=0)
    return max(float(np.linalg.norm(one - middle)) for one in these)


def _view(rgb: NDArray[np.uint8], face: Detection) -> NDArray[np.uint8]:
    right, left, mouth = map(np.array, (face.right_eye, face.left_eye, face.mouth))
    eyes = left - right
    along = eyes / max(float(np.linalg.norm(eyes)), 1e-6)
    down = np.array([-along[1], along[0]])
    reach = (np.linalg.norm(mouth - right) + np.linalg.norm(mouth - left)) / 2
    side = max(float(reach) / _SHARE, 1.0)
    step = side / _SIZE
    source, ratio = shrunk(rgb, step)
    corner = (right + left + mouth) / 3 - along * side / 2 - down * side * _ABOVE
    matrix = np.column_stack([along * step, down * step, corner]) / ratio[:, None]
    return pulled(source, matrix, _SIZE, _SIZE, repeat_edge=True)
