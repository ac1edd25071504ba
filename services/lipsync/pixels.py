"""OpenCV's resampling with the types that go in and come out."""

from __future__ import annotations

from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from services.common.pixels import pulled, resized, shrunk

__all__ = [
    "Map",
    "blurred",
    "doubled",
    "enlarged",
    "opaque",
    "pulled",
    "resized",
    "sample",
    "sample_line",
    "shrunk",
    "without_alpha",
]

T = TypeVar("T", np.uint8, np.float32)
Map = NDArray[np.float32]
"""Where each output pixel comes from: x and y [h, w, 2]."""

_MIN_BLUR_PX = 0.3


def sample(source: NDArray[T], at: Map, out: NDArray[T] | None = None) -> NDArray[T]:
    """A picture read at the places of a map, bilinear; its edge pixels go on beyond it. `out`, if
    given, takes the result. Four channels of bytes are read twice as fast as three."""
    cv: Any = cv2
    sampled: NDArray[T] = cv.remap(
        source, at, None, cv2.INTER_LINEAR, dst=out, borderMode=cv2.BORDER_REPLICATE
    )
    return sampled


def opaque(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """An RGB picture as RGBA."""
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2RGBA), np.uint8)


def without_alpha(picture: NDArray[np.uint8], out: NDArray[np.uint8]) -> None:
    """The colours of an RGBA picture, written into `out` [h, w, 3]."""
    if picture.size:
        cv2.cvtColor(picture, cv2.COLOR_RGBA2RGB, dst=out)


def doubled(source: NDArray[T]) -> NDArray[T]:
    """A picture at twice its density: pixel (2x, 2y) is pixel (x, y), those between are bicubic.

    Read bilinearly at doubled coordinates it keeps its sharpness wherever it is moved to, at the
    price of a plain bilinear reading.
    """
    cv: Any = cv2
    height, width = source.shape[:2]
    fine: NDArray[T] = cv.warpAffine(
        source,
        np.array([[0.5, 0.0, 0.0], [0.0, 0.5, 0.0]]),
        (2 * width, 2 * height),
        flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return fine


def sample_line(values: NDArray[np.float32], at: NDArray[np.float32]) -> NDArray[np.float32]:
    """A line of values [n] or [n, channels] read at fractional indices [h, w], linear."""
    return sample(values[None], np.stack([at, np.zeros_like(at)], axis=-1))


def enlarged(grid: NDArray[np.float32], width: int, height: int) -> NDArray[np.float32]:
    """A smooth grid as finely as pixels, bilinear."""
    cv: Any = cv2
    fine: NDArray[np.float32] = cv.resize(grid, (width, height), interpolation=cv2.INTER_LINEAR)
    return fine


def blurred(picture: NDArray[T], sigma_px: float) -> NDArray[T]:
    """A picture through a Gaussian."""
    cv: Any = cv2
    soft: NDArray[T] = cv.GaussianBlur(picture, (0, 0), max(sigma_px, _MIN_BLUR_PX))
    return soft
