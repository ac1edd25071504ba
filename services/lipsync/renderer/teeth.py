"""Rows of teeth in their gums, each tooth with a form, a shade and a place of its own.

Sizes are widths and heights as seen from the front, in mouth units: inter-ocular distances of a
face with a mouth of average width. How bright teeth are was read off filmed mouths (docs/face.md).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.lipsync.renderer.frame import smoothstep
from services.lipsync.renderer.palette import Colour, Palette

Plane = NDArray[np.float32]
"""Values at the texels of a sheet [h, w]."""

_LIGHT_ASIDE = (
    (0.0, 0.12, 0.165, 0.21, 0.26, 0.31, 0.45),
    (1.0, 0.98, 0.90, 0.80, 0.61, 0.45, 0.23),
)
"""Distances from the middle, and the light that teeth have there."""
_UNEVEN = np.array([0.03, 0.045, 0.0035, 0.025, 0.025], np.float32)
"""By how much teeth of one kind differ: share of width and height, edge, slant, share of light."""
_BRIGHTEST = 1.16
"""Of a tooth in full light, against the palette's."""
_POINTS, _NECKS = 0.72, 0.86
"""How high gums begin between two teeth and over the middle of one, against a tooth's height."""
_WHITEST = np.float32(248.0)


@dataclass(frozen=True, slots=True)
class _Tooth:
    width: float
    height: float
    edge: float = 0.0
    """How much shorter it is than the first."""
    point: float = 0.0
    """How far its middle stands out, against its height."""
    round: float = 0.09
    """How far its corners are rounded, against its height."""
    shade: float = 1.0
    warmth: float = 0.0


_UPPER = (
    _Tooth(0.134, 0.172, round=0.08),
    _Tooth(0.103, 0.150, edge=0.010, round=0.13, shade=0.97),
    _Tooth(0.104, 0.168, edge=0.002, point=0.10, round=0.10, shade=0.94, warmth=0.5),
    _Tooth(0.076, 0.140, edge=0.008, point=0.06, shade=0.93, warmth=0.3),
    _Tooth(0.060, 0.125, edge=0.012, point=0.04, shade=0.90, warmth=0.3),
)
_LOWER = (
    _Tooth(0.081, 0.135, round=0.06, shade=0.95),
    _Tooth(0.087, 0.138, edge=-0.001, round=0.07, shade=0.95),
    _Tooth(0.092, 0.150, edge=-0.004, point=0.09, shade=0.91, warmth=0.4),
    _Tooth(0.078, 0.125, edge=0.006, point=0.06, shade=0.87, warmth=0.3),
    _Tooth(0.060, 0.115, edge=0.008, point=0.04, shade=0.83, warmth=0.3),
)
UPPER_EDGE = 0.046
"""How far the upper incisors reach below the line where lips rest."""
LOWER_EDGE = 0.035
"""How far below that line the lower incisors end when the jaw is at rest."""
_UPPER_ARCH, _LOWER_ARCH = 0.24, -0.12
"""How far edges recede towards the corners, per square of the distance from the middle."""


def upper_row(x: Plane, y: Plane, palette: Palette, soft: float, seed: int) -> NDArray[np.float32]:
    """The upper teeth and gums at places of a sheet, colours premultiplied [h, w, 4].

    `soft`: a texel's size; `seed`: whose teeth they are.
    """
    up = np.float32(UPPER_EDGE) - y - np.float32(_UPPER_ARCH) * x**2
    return _row(_UPPER, x, up, palette, soft, np.random.default_rng(seed))


def lower_row(x: Plane, y: Plane, palette: Palette, soft: float, seed: int) -> NDArray[np.float32]:
    """The lower teeth and gums, as `upper_row`."""
    up = y - np.float32(LOWER_EDGE) - np.float32(_LOWER_ARCH) * x**2
    return _row(_LOWER, x, up, palette, soft, np.random.default_rng(seed + 1))


def _row(
    teeth: tuple[_Tooth, ...],
    x: Plane,
    up: Plane,
    palette: Palette,
    soft: float,
    chance: np.random.Generator,
) -> NDArray[np.float32]:
    """`up`: how far each texel is above the edge of the first tooth."""
    colour, alpha = _gums(teeth, x, up, palette.gum)
    aside = np.interp(np.abs(x), *_LIGHT_ASIDE).astype(np.float32)
    for side in (np.float32(-1.0), np.float32(1.0)):
        start = 0.0
        for tooth in teeth:
            uneven = chance.standard_normal(5).astype(np.float32) * _UNEVEN
            width, height = tooth.width * (1.0 + uneven[0]), tooth.height * (1.0 + uneven[1])
            lean = uneven[3] * (up - height / 2)
            across = (side * x - np.float32(start + width / 2) + lean) / width
            along = (up - np.float32(tooth.edge + uneven[2])) / height
            cover = _outline(tooth, across, along, soft / width, soft / height)
            enamel = _enamel(palette.tooth, tooth.warmth, across, along)
            enamel *= (_BRIGHTEST * tooth.shade * (1.0 + uneven[4]) * aside)[..., None]
            colour += (enamel - colour) * cover[..., None]
            alpha = np.maximum(alpha, cover)
            start += width
    # Premultiplied, so that no colour may be brighter than its coverage.
    colour = np.minimum(colour, _WHITEST * alpha[..., None])
    return np.dstack([colour, alpha]).astype(np.float32)


def _outline(
    tooth: _Tooth, across: Plane, along: Plane, soft_x: float, soft_y: float
) -> NDArray[np.float32]:
    """How far texels lie in a tooth, 0 to 1. `across` runs from -0.5 to 0.5 over it, `along` from
    its edge, 0, to its neck, 1."""
    aside = np.minimum(np.abs(2.0 * across), 1.3)
    # Widest where it meets its neighbours, a little above its edge.
    belly = np.clip((along - 0.3) / 0.7, 0.0, 1.0)
    half = 0.497 - 0.085 * belly**2
    edge = tooth.round * np.maximum((aside - 0.45) / 0.55, 0.0) ** 2.5 + tooth.point * aside**1.5
    neck = 1.0 - 0.20 * aside**2
    inside = np.clip(0.5 + (half - np.abs(across)) / soft_x, 0.0, 1.0)
    inside *= np.clip(0.5 + (along - edge) / soft_y, 0.0, 1.0)
    # Gums end softly on a tooth.
    inside *= smoothstep(neck - along, -0.02, 0.03)
    return np.asarray(inside, np.float32)


def _enamel(tooth: Colour, warmth: float, across: Plane, along: Plane) -> NDArray[np.float32]:
    """The colour of a tooth that is lit from the front [h, w, 3]."""
    aside = np.minimum(np.abs(2.0 * across), 1.0)
    light = 1.0 - 0.10 * aside**2 - 0.20 * aside**7
    # The edge lets the dark behind it through; towards the neck a tooth turns out of the light.
    light *= 1.0 - 0.12 * (1.0 - smoothstep(along, 0.0, 0.16))
    light *= 1.0 - 0.20 * smoothstep(along, 0.55, 1.0)
    gloss = np.exp(-(((across + 0.10) / 0.16) ** 2) - ((along - 0.42) / 0.22) ** 2)
    # Two shallow grooves run down from the middle of it.
    grooves = np.exp(-(((np.abs(across) - 0.17) / 0.06) ** 2)) * smoothstep(0.6 - along, 0.0, 0.3)
    light *= 1.0 + 0.05 * gloss - 0.025 * grooves
    neck = smoothstep(along, 0.35, 1.0)
    warm = (0.35 * warmth + 0.65 * neck)[..., None] * np.array([0.0, -0.03, -0.09], np.float32)
    return np.asarray(tooth * light[..., None] * (1.0 + warm), np.float32)


def _gums(
    teeth: tuple[_Tooth, ...], x: Plane, up: Plane, gum: Colour
) -> tuple[NDArray[np.float32], Plane]:
    """Colour, premultiplied [h, w, 3], and coverage; they reach down in points between teeth."""
    bounds = np.concatenate([[0.0], np.cumsum([tooth.width for tooth in teeth])])
    middles = (bounds[:-1] + bounds[1:]) / 2
    knots = np.concatenate([[0.0], np.ravel(np.column_stack([middles, bounds[1:]]))])
    heights = np.ravel([(_POINTS * tooth.height, _NECKS * tooth.height) for tooth in teeth])
    heights = np.concatenate([heights, [_POINTS * teeth[-1].height]])
    begins = np.interp(np.abs(x), knots, heights).astype(np.float32)
    cover = smoothstep(up - begins, -0.012, 0.012) * smoothstep(0.45 - np.abs(x), 0.0, 0.08)
    aside = np.interp(np.abs(x), *_LIGHT_ASIDE).astype(np.float32)
    light = aside * (1.0 - 0.25 * smoothstep(up - begins, 0.02, 0.12))
    return np.asarray(gum * (light * cover)[..., None], np.float32), cover
