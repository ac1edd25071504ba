"""Cuts a person out of a picture: a soft matte, and colours that hold nothing of the background.

The matte follows the picture's own edges (He, Sun and Tang, "Guided image filtering", 2013), so
hair stays hair; the colours in its soft band are what the person has there (Forte, "Approximate
fast foreground colour estimation", 2021).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from services.lipsync.pixels import enlarged, resized
from services.lipsync.renderer.frame import FaceFrame, smoothstep

Plane = NDArray[np.float32]
"""One number a pixel [h, w]."""

_UNLIKELY, _LIKELY, _SURE = 0.2, 0.4, 0.8
_BAND, _LEAST_BAND_PX = 0.18, 4.0
"""How far from the likely edge the matte may be soft, inter-ocular distances."""
_GUIDE_RADIUS, _GUIDE_EPSILON = 0.13, 2e-4
_LOW, _HIGH = 0.12, 0.88
"""What is filtered to less or more than this is background or person."""
_HOLE = 0.004
"""Holes that are smaller than this share of the picture, or not sure, belong to the person."""
_SURE_HOLE = 0.12
_FAR_COLOURS, _NEAR_COLOURS = 0.55, 0.06
"""How far around a pixel the person's colours are looked for, first and then."""
_COARSE = 4
_FILTERED_RADIUS_PX = 4
"""Filters of larger radius than this work on a smaller picture."""
_HEAD_CENTRE, _HEAD_AXES = 0.42, (0.62, 0.92)
"""What of a head is never background: an ellipse below the eyes, inter-ocular distances."""


@dataclass(frozen=True, slots=True)
class CutOut:
    """A person without what was behind."""

    colours: NDArray[np.uint8]
    """Of the person, going on beyond the edges, RGB [h, w, 3]."""
    matte: NDArray[np.uint8]
    """0 background, 255 person [h, w]."""


def cut_out(picture: NDArray[np.uint8], frame: FaceFrame, likelihood: Plane) -> CutOut:
    """The person of a face in a picture, by how likely each pixel is a person's, 0 to 1 [h, w]."""
    person = _person(likelihood, frame)
    band_px = max(_BAND * frame.iod_px, _LEAST_BAND_PX)
    guide = picture.astype(np.float32) / 255.0
    radius_px = max(2, round(_GUIDE_RADIUS * frame.iod_px))
    expected = np.clip((likelihood - _UNLIKELY) / (_SURE - _UNLIKELY), 0.0, 1.0)
    expected[person & (likelihood <= _LIKELY)] = 1.0
    expected[~person & (likelihood > _LIKELY)] = 0.0
    followed = _guided(guide, expected.astype(np.float32), radius_px)
    matte = np.clip((followed - _LOW) / (_HIGH - _LOW), 0.0, 1.0)
    near = _near_edge(person, band_px)
    matte = person + (matte - person) * near
    colours = _own_colours(guide, matte, frame.iod_px)
    inside = matte >= 1.0
    colours = np.where(inside[..., None], guide, colours)
    return CutOut(_bytes(colours), _bytes(matte))


def _person(likelihood: Plane, frame: FaceFrame) -> NDArray[np.bool_]:
    """The pixels of the one person whose face it is, without holes that are none."""
    likely = (likelihood > _LIKELY).astype(np.uint8)
    x, y = frame.to_picture(np.array([0.0, _HEAD_CENTRE], np.float32))
    angle = float(np.degrees(np.arctan2(frame.axis[1], frame.axis[0])))
    axes = tuple(round(axis * frame.iod_px) for axis in _HEAD_AXES)
    cv2.ellipse(likely, (round(float(x)), round(float(y))), axes, angle, 0, 360, (1,), -1)
    _, labels = cv2.connectedComponents(likely)
    height, width = likely.shape
    row, column = min(max(round(float(y)), 0), height - 1), min(max(round(float(x)), 0), width - 1)
    person = labels == labels[row, column]
    count, holes, stats, _ = cv2.connectedComponentsWithStats((~person).astype(np.uint8))
    for hole in range(1, count):
        place = holes == hole
        small = stats[hole, cv2.CC_STAT_AREA] < _HOLE * person.size
        if small or float(likelihood[place].mean()) > _SURE_HOLE:
            person |= place
    return np.asarray(person, np.bool_)


def _near_edge(person: NDArray[np.bool_], band_px: float) -> Plane:
    """1 close to the likely edge, 0 from a band's width on."""
    sides = [
        cv2.distanceTransform(side.astype(np.uint8), cv2.DIST_L2, 3) for side in (person, ~person)
    ]
    return 1.0 - smoothstep(np.asarray(np.maximum(*sides), np.float32), 0.4 * band_px, band_px)


def _guided(guide: NDArray[np.float32], wanted: Plane, radius_px: int) -> Plane:
    """What is wanted, as a linear function of the guide's colours around each pixel."""
    height, width = wanted.shape
    by = max(1, radius_px // _FILTERED_RADIUS_PX)
    small = (max(1, width // by), max(1, height // by))
    coefficients = _linear(resized(guide, *small), resized(wanted, *small), radius_px // by)
    slope, offset = (enlarged(part, width, height) for part in coefficients)
    return np.asarray((slope * guide).sum(axis=-1) + offset, np.float32)


def _linear(
    guide: NDArray[np.float32], wanted: Plane, radius_px: int
) -> tuple[NDArray[np.float32], Plane]:
    """How what is wanted depends on the guide around each pixel: slopes [h, w, 3] and offsets."""
    mean_guide, mean_wanted = _mean(guide, radius_px), _mean(wanted, radius_px)
    covariance = _mean(guide * wanted[..., None], radius_px) - mean_guide * mean_wanted[..., None]
    pairs = [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)]
    xx, xy, xz, yy, yz, zz = (
        _mean(guide[..., i] * guide[..., k], radius_px)
        - mean_guide[..., i] * mean_guide[..., k]
        + np.float32(_GUIDE_EPSILON if i == k else 0.0)
        for i, k in pairs
    )
    # The inverse of a symmetric matrix by its cofactors.
    a, b, c = yy * zz - yz * yz, xz * yz - xy * zz, xy * yz - xz * yy
    d, e, f = xx * zz - xz * xz, xy * xz - xx * yz, xx * yy - xy * xy
    scale = 1.0 / np.maximum(xx * a + xy * b + xz * c, 1e-12)
    u, v, w = (covariance[..., i] for i in range(3))
    slope = np.stack([a * u + b * v + c * w, b * u + d * v + e * w, c * u + e * v + f * w], -1)
    slope *= scale[..., None]
    offset = mean_wanted - (slope * mean_guide).sum(axis=-1)
    return _mean(slope, radius_px), _mean(offset, radius_px)


def _own_colours(picture: NDArray[np.float32], matte: Plane, iod_px: float) -> NDArray[np.float32]:
    """The person's colours in each pixel [h, w, 3]."""
    height, width = matte.shape
    small = (max(1, width // _COARSE), max(1, height // _COARSE))
    coarse, thin = resized(picture, *small), resized(matte, *small)
    far_px = max(1, round(_FAR_COLOURS * iod_px / _COARSE))
    colours, behind = (
        enlarged(part, width, height) for part in _unmixed(coarse, thin, coarse, coarse, far_px)
    )
    return _unmixed(picture, matte, colours, behind, max(1, round(_NEAR_COLOURS * iod_px)))[0]


def _unmixed(
    picture: NDArray[np.float32],
    matte: Plane,
    colours: NDArray[np.float32],
    behind: NDArray[np.float32],
    radius_px: int,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Better guesses of a person's and a background's colours, from those around each pixel."""
    share = matte[..., None]
    covered, free = (_mean(part, radius_px)[..., None] for part in (matte, 1.0 - matte))
    colours = _mean(colours * share, radius_px) / (covered + 1e-5)
    behind = _mean(behind * (1.0 - share), radius_px) / (free + 1e-5)
    missing = picture - share * colours - (1.0 - share) * behind
    return np.clip(colours + share * missing, 0.0, 1.0), behind


def _mean(values: NDArray[np.float32], radius_px: int) -> NDArray[np.float32]:
    cv: Any = cv2
    size = (2 * radius_px + 1, 2 * radius_px + 1)
    mean: NDArray[np.float32] = cv.blur(values, size, borderType=cv2.BORDER_REFLECT)
    return mean


def _bytes(values: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    return np.asarray(np.rint(values * 255.0), np.uint8)
