"""Resampling of pictures by OpenCV, with the types that go in and come out."""

from __future__ import annotations

from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

T = TypeVar("T", np.uint8, np.float32)


def resized(picture: NDArray[T], width: int, height: int) -> NDArray[T]:
    """A picture at another size, filtered as its scale asks."""
    cv: Any = cv2
    shrinks = width * height < picture.shape[0] * picture.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    scaled: NDArray[T] = cv.resize(picture, (width, height), interpolation=method)
    return scaled


def pulled(
    source: NDArray[T],
    matrix: NDArray[np.float64],
    width: int,
    height: int,
    *,
    repeat_edge: bool = False,
) -> NDArray[T]:
    """A picture read through an affine [2, 3] from output to source pixels; zero beyond its edge,
    or its edge pixels repeated."""
    cv: Any = cv2
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    border = cv2.BORDER_REPLICATE if repeat_edge else cv2.BORDER_CONSTANT
    placed: NDArray[T] = cv.warpAffine(
        source, matrix, (width, height), flags=flags, borderMode=border
    )
    return placed


def shrunk(source: NDArray[T], step: float) -> tuple[NDArray[T], NDArray[np.float64]]:
    """A picture small enough to be read every `step` pixels with bilinear filtering, and how many
    of its old pixels make one of the new, in x and y."""
    by = max(1, int(0.5 * step))
    if by == 1:
        return source, np.ones(2)
    height, width = source.shape[:2]
    small = resized(source, max(1, width // by), max(1, height // by))
    return small, np.array([width / small.shape[1], height / small.shape[0]])
