"""How bright it is between filmed lips, against the teeth that the service would draw there."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from training.mouth.footage import Footage, texels

ASIDE = (0.0, 0.05, 0.10, 0.15, 0.20, 0.25, 0.30, 0.35)
"""Distances from the middle, mouth units."""
BELOW = (0.012, 0.03, 0.05, 0.07, 0.10, 0.15)
"""Distances below the upper lip."""
_INSET = 0.012
"""Nearer to the lips' landmarks a texel may be lip."""
_TEETH = 90.0
"""The percentile of brightness that is teeth, wherever some show."""
_MIDDLE = 0.12
_LEAST_TEXELS = 40
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)

Curve = NDArray[np.float64]


def light_aside(footage: Footage) -> Curve:
    """The light of teeth between each two of `ASIDE`; not a number where too little is seen."""
    x, _ = texels()
    places, light = [], []
    for mouth in footage.mouths:
        inside = mouth.inside(_INSET)
        places.append(np.abs(x[inside] - (mouth.x[0] + mouth.x[-1]) / 2))
        light.append(mouth.crop[inside] @ _LUMA)
    return _levels(places, light, ASIDE) / float(footage.palette.tooth @ _LUMA)


def light_below(footage: Footage) -> Curve:
    """The light of the middle teeth between each two of `BELOW`."""
    x, y = texels()
    places, light = [], []
    for mouth in footage.mouths:
        inside = mouth.inside(_INSET) & (np.abs(x) < _MIDDLE)
        places.append(y[inside] - np.interp(x[inside], mouth.x, mouth.upper))
        light.append(mouth.crop[inside] @ _LUMA)
    return _levels(places, light, BELOW) / float(footage.palette.tooth @ _LUMA)


def _levels(
    places: Sequence[NDArray[np.floating]],
    light: Sequence[NDArray[np.floating]],
    at: Sequence[float],
) -> Curve:
    where, bright = np.concatenate(places), np.concatenate(light)
    levels = []
    for low, high in pairwise(at):
        here = bright[(where >= low) & (where < high)]
        levels.append(np.percentile(here, _TEETH) if len(here) >= _LEAST_TEXELS else np.nan)
    return np.array(levels)
