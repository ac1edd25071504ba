"""The colours of a mouth's inside, judged from the picture's own light and manner."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.lipsync.pixels import sample
from services.lipsync.renderer.frame import FaceFrame
from services.lipsync.renderer.shape import ALONG, FaceShape

Colour = NDArray[np.float32]
"""RGB, 0 to 255 [3]."""

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_ENAMEL = np.array([1.01, 1.0, 0.94], np.float32)
_WARM_SHADE = np.array([-0.15, 0.04, 0.11], np.float32)
"""How much more of each colour is lost in a mouth's shade, whose light comes through flesh."""
_BRIGHTEST_TOOTH, _DARKEST_TOOTH = 226.0, 70.0
_LEAST_OVER_SKIN = 1.15
"""Teeth are never duller than that against the skin."""
_TINT = 0.24
"""How much of the skin's tint teeth take on: the light's own colour, and what the face reflects."""


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours of what a mouth hides."""

    tooth: Colour
    gum: Colour
    tongue: Colour
    cavity: Colour
    shade: Colour
    """How much of each colour shade takes away, 1: all that there is [3]."""


def palette_of(picture: NDArray[np.uint8], frame: FaceFrame, shape: FaceShape) -> Palette:
    """The palette that fits a face: bright where it is lit, grey where it has no colour."""
    skin = np.median(_cheeks(picture, frame, shape), axis=0)
    lip = np.median(_lips(picture, frame, shape), axis=0)
    whites = _eye_whites(picture, frame, shape)
    luma = float(skin @ _LUMA)
    light = float(np.clip(0.55 * 1.24 * luma + 0.45 * 1.12 * float(whites @ _LUMA), 0, 255))
    light = float(np.clip(light, max(_DARKEST_TOOTH, _LEAST_OVER_SKIN * luma), _BRIGHTEST_TOOTH))
    tint = skin / max(luma, 1.0)
    colourful = float(np.clip((skin.max() - skin.min()) / max(luma, 1.0) / 0.25, 0.0, 1.0))
    enamel = 1.0 + (_ENAMEL - 1.0) * colourful
    tooth = np.clip(light * ((1.0 - _TINT) * enamel + _TINT * tint), 0, 255)
    flesh = 0.6 * lip + 0.4 * skin * np.array([0.95, 0.62, 0.60])
    flesh = flesh if colourful > 0.3 else 0.6 * lip + 0.4 * 0.7 * skin
    return Palette(
        tooth=tooth.astype(np.float32),
        gum=(0.82 * flesh).astype(np.float32),
        tongue=(0.90 * flesh).astype(np.float32),
        cavity=(0.28 * flesh + 2.0).astype(np.float32),
        shade=(1.0 + colourful * _WARM_SHADE).astype(np.float32),
    )


def _sample(
    picture: NDArray[np.uint8], frame: FaceFrame, points: NDArray[np.float32]
) -> NDArray[np.float32]:
    pixels = frame.to_picture(points.astype(np.float32))[None]
    colours: NDArray[np.float32] = sample(picture, pixels)[0].astype(np.float32)
    return colours


def _box(centre: tuple[float, float], size: float) -> NDArray[np.float32]:
    line = np.linspace(-size, size, 9)
    grid = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2) + centre
    return grid.astype(np.float32)


def _cheeks(picture: NDArray[np.uint8], frame: FaceFrame, shape: FaceShape) -> NDArray[np.float32]:
    left, right = shape.half_widths
    height = 0.62 * float(shape.heights[2])
    boxes = [_box((-0.5 * left, height), 0.1), _box((0.5 * right, height), 0.1)]
    return _sample(picture, frame, np.concatenate(boxes))


def _lips(picture: NDArray[np.uint8], frame: FaceFrame, shape: FaceShape) -> NDArray[np.float32]:
    mouth = shape.mouth
    inner = np.abs(ALONG) < 0.6
    middle = (0.5 * mouth.lower + 0.5 * mouth.lower_outer)[inner]
    return _sample(picture, frame, np.stack([mouth.x[inner], middle], axis=-1))


def _eye_whites(
    picture: NDArray[np.uint8], frame: FaceFrame, shape: FaceShape
) -> NDArray[np.float32]:
    samples = []
    for eye in shape.eyes:
        for share in (0.35, 0.5, 0.65):
            height = eye.upper + share * eye.gap
            samples.append(_sample(picture, frame, np.stack([eye.x, height], axis=-1)[8:-8]))
    colours = np.concatenate(samples)
    luma = colours @ _LUMA
    return np.asarray(np.median(colours[luma >= np.percentile(luma, 80)], axis=0), np.float32)
