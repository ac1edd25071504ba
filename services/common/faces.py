"""Finds faces with BlazeFace (Bazarevsky et al., 2019) in windows of several sizes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.common.onnx import Network
from services.common.pixels import pulled, shrunk

INPUT_SIZE = 128
MIN_SCORE = 0.5

# Anchors by feature map: cells per side, anchors per cell.
_GRIDS = ((16, 2), (8, 6))
_SAME_FACE_IOU = 0.3
# A face that fills less of a window is not found well; smaller windows find it.
_WINDOW_SHARES = (1.0, 0.5, 0.25)
_SMALLEST_WINDOW = 96


@dataclass(frozen=True, slots=True)
class Detection:
    """A face in a picture, pixels."""

    x: float
    y: float
    width: float
    height: float
    score: float
    """0 to 1."""
    right_eye: tuple[float, float]
    """The person's right: on the left of the picture."""
    left_eye: tuple[float, float]
    nose: tuple[float, float]
    mouth: tuple[float, float]

    @property
    def area(self) -> float:
        """Square pixels."""
        return self.width * self.height


class FaceDetector:
    """Finds faces of a sixteenth of the picture's side and larger."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._anchors = _anchors()

    def find(self, rgb: NDArray[np.uint8]) -> list[Detection]:
        """The faces of a picture [h, w, 3], largest first."""
        height, width = rgb.shape[:2]
        found = [
            detection
            for window in _windows(width, height)
            for detection in self.find_in(rgb, *window)
        ]
        return sorted(_distinct(found), key=lambda detection: -detection.area)

    def find_in(self, rgb: NDArray[np.uint8], x: float, y: float, side: float) -> list[Detection]:
        """The faces that lie in a square window, which may reach beyond the picture."""
        step = side / INPUT_SIZE
        source, ratio = shrunk(rgb, step)
        matrix = np.array([[step, 0.0, x], [0.0, step, y]]) / ratio[:, None]
        patch = pulled(source, matrix, INPUT_SIZE, INPUT_SIZE)
        image = (patch.astype(np.float32) / 127.5 - 1.0)[None]
        outputs = self._network(image)
        scores = 1.0 / (1.0 + np.exp(-np.clip(outputs["scores"].reshape(-1), -80, 80)))
        kept = np.flatnonzero(scores >= MIN_SCORE)
        points = outputs["boxes"].reshape(-1, 8, 2)[kept] / INPUT_SIZE
        anchors = self._anchors[kept]
        points[:, 0] += anchors
        points[:, 2:] += anchors[:, None]
        points *= side
        points[:, [0, *range(2, 8)]] += (x, y)
        return _distinct(
            [_detection(p, float(s)) for p, s in zip(points, scores[kept], strict=True)]
        )


def _anchors() -> NDArray[np.float32]:
    centres = []
    for cells, per_cell in _GRIDS:
        line = (np.arange(cells, dtype=np.float32) + 0.5) / cells
        grid = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
        centres.append(np.repeat(grid, per_cell, axis=0))
    return np.concatenate(centres)


def _windows(width: int, height: int) -> Iterator[tuple[float, float, float]]:
    # A face that fills the picture is found in a window larger than it.
    for share in (1.5, 1.0):
        side = share * max(width, height)
        yield (width - side) / 2, (height - side) / 2, side
    for share in _WINDOW_SHARES:
        side = share * min(width, height)
        if side < _SMALLEST_WINDOW or (share == 1.0 and width == height):
            continue
        columns, rows = (max(1, int(np.ceil(2 * (n - side) / side)) + 1) for n in (width, height))
        for top in np.linspace(0, height - side, rows):
            for left in np.linspace(0, width - side, columns):
                yield float(left), float(top), side


def _detection(points: NDArray[np.float32], score: float) -> Detection:
    (cx, cy), (width, height), *keys = ((float(px), float(py)) for px, py in points)
    return Detection(
        cx - width / 2, cy - height / 2, width, height, score, keys[0], keys[1], keys[2], keys[3]
    )


def _distinct(found: list[Detection]) -> list[Detection]:
    """One detection for each face: the surest."""
    distinct: list[Detection] = []
    for candidate in sorted(found, key=lambda detection: -detection.score):
        if all(_overlap(candidate, other) < _SAME_FACE_IOU for other in distinct):
            distinct.append(candidate)
    return distinct


def _overlap(a: Detection, b: Detection) -> float:
    """Intersection over the smaller one, since windows see parts of faces too."""
    width = min(a.x + a.width, b.x + b.width) - max(a.x, b.x)
    height = min(a.y + a.height, b.y + b.height) - max(a.y, b.y)
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / min(a.area, b.area)
