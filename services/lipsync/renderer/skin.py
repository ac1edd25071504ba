"""What skin a photo shows, and the lines in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.lipsync.pixels import blurred, sample
from services.lipsync.renderer.frame import FaceFrame, Points, smoothstep

Plane = NDArray[np.float32]
"""One value a point [h, w]."""

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_LEAST_LUMA = 4.0
_FINE, _COARSE = 0.012, 0.060
"""Between these scales lie lines of a skin; inter-ocular distances."""
_DEEPEST = 0.18
_CHEEKS = ((-0.55, 0.62), (0.55, 0.62), (0.0, -0.45))
"""Where skin is skin: cheeks and forehead, face coordinates."""
_CHEEK = 0.10
_DARKER, _LIGHTER = (-1.25, -0.80), (0.45, 0.75)
"""How much darker or lighter than there skin may be, logarithms, from surely not on to surely."""
_HUE = (0.070, 0.130)
"""How far the share of a colour may be from the skin's."""
_SKIN_REACH = 0.03
_SEEN = 0.5
_WARMTH, _TINTS = 1.0, (0.6, 1.4)
"""How much less of a colour skin loses in a shade the more of it it has."""


@dataclass(frozen=True, slots=True)
class OwnLines:
    """A photo's own skin, at points of a grid."""

    skin: Plane
    """How likely it is skin, 0 to 1 [h, w]."""
    dark: Plane
    """How much darker it is than what is around it, as a share, 0 or less [h, w]."""
    tint: NDArray[np.float32]
    """How much a change of light changes each colour, 1 on the whole [3]: light that comes out of
    skin in a fold is redder."""

    def depth(self, where: Plane) -> float:
        """How dark lines get in a part of the grid [h, w], as a share: what a sixth of its skin
        passes."""
        seen = self.dark[(where > _SEEN) & (self.skin > _SEEN)]
        return -float(np.percentile(seen, 100 / 6)) if len(seen) else 0.0


def own_lines(
    picture: NDArray[np.uint8], frame: FaceFrame, points: Points, per_iod: float
) -> OwnLines:
    """The skin of a face and its lines at points of a grid, face coordinates [h, w, 2], which has
    `per_iod` of them an inter-ocular distance."""
    soft = blurred(picture, _FINE * frame.iod_px)
    colours = _colours(soft, frame, points)
    boxes = np.stack(np.meshgrid(*[np.linspace(-_CHEEK, _CHEEK, 7)] * 2), axis=-1)
    samples = [_colours(soft, frame, (boxes + at).astype(np.float32)) for at in _CHEEKS]
    typical = np.median(np.concatenate(samples), axis=(0, 1)).astype(np.float32)
    like = _likeness(colours, typical)
    skin = np.minimum(like, blurred(like, _SKIN_REACH * per_iod))
    light = np.log(_luma(colours))
    around = blurred(light * skin, _COARSE * per_iod) / np.maximum(
        blurred(skin, _COARSE * per_iod), 1e-3
    )
    dark = np.clip(light - around, -_DEEPEST, 0.0) * skin
    tint = 1.0 + _WARMTH * (1.0 - typical / _luma(typical))
    return OwnLines(
        np.asarray(skin, np.float32),
        np.asarray(dark, np.float32),
        np.clip(tint, *_TINTS).astype(np.float32),
    )


def _colours(picture: NDArray[np.uint8], frame: FaceFrame, points: Points) -> NDArray[np.float32]:
    return sample(picture, frame.to_picture(points)).astype(np.float32)


def _luma(colours: NDArray[np.float32]) -> Plane:
    """[..., 3] to [...], never quite dark."""
    return np.asarray(np.maximum(colours @ _LUMA, _LEAST_LUMA), np.float32)


def _likeness(colours: NDArray[np.float32], skin: NDArray[np.float32]) -> Plane:
    """How much colours [h, w, 3] are like that of a skin, in light or shade, 0 to 1."""
    own = np.log(_luma(colours) / _luma(skin))
    shares = colours / np.maximum(colours.sum(axis=-1, keepdims=True), 12.0)
    hue = np.abs(shares - skin / max(float(skin.sum()), 12.0)).max(axis=-1)
    light = smoothstep(own, *_DARKER) * (1.0 - smoothstep(own, *_LIGHTER))
    return np.asarray(light * (1.0 - smoothstep(hue, *_HUE)), np.float32)
