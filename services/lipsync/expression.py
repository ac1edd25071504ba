"""One face at one instant: the words between motion, which decides, and rendering, which draws."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

MOUTH_SHAPES = (
    "jaw_open",  # the jaw drops; 1: as wide as speech ever gets ("ah", loud)
    "lips_close",  # the lips meet whatever jaw and photo do; 1: sealed (p b m), even from a smile
    "upper_lip_raise",  # the upper lip alone lifts and shows the upper teeth
    "lower_lip_drop",  # the lower lip alone drops and shows the lower teeth
    "stretch",  # corners go outwards (ee)
    "pucker",  # corners come in and the lips push forward (oo, w)
    "funnel",  # lips forward and open (sh, oh)
    "press",  # lips rolled in and pressed (after p b m)
    "lip_bite",  # the lower lip under the upper teeth (f v)
    "smile",  # corners up and out
    "frown",  # corners down
    "tongue_up",  # the tongue's tip behind or between the upper teeth (l n th d)
)
"""Names of the mouth coefficients, in array order. Each is 0 at the photo's own rest and 1 at full
articulation; values between -0.3 and 1.3 are legal, so that coarticulation may overshoot."""

GAZE_PER_RADIAN = 2.3
"""The gaze that keeps the eyes where they look when the head turns; a full one is 25 degrees."""


@dataclass(frozen=True, slots=True)
class HeadPose:
    """The head relative to the photo: small angles in radians, shifts in inter-ocular distances."""

    yaw: float = 0.0
    """Positive: towards the picture's right."""
    pitch: float = 0.0
    """Positive: down, a nod."""
    roll: float = 0.0
    """Positive: clockwise in the picture."""
    shift_x: float = 0.0
    """Positive: towards the picture's right."""
    shift_y: float = 0.0
    """Positive: down."""


@dataclass(frozen=True, slots=True)
class Expression:
    """One face at one instant; all zero is the photo."""

    mouth: NDArray[np.float32] = field(
        default_factory=lambda: np.zeros(len(MOUTH_SHAPES), np.float32)
    )
    """Coefficients in the order of MOUTH_SHAPES, shape [12]."""
    composed: float = 0.0
    """How far a mouth that the photo shows open rests shut instead, 0 to 1."""
    blink: float = 0.0
    """0: as in the photo; 1: both eyes closed."""
    brow_raise: float = 0.0
    """-1 (lowered) to 1 (raised)."""
    brow_inner: float = 0.0
    """0 to 1: the brows' inner ends up, the outer ones a little down, as in sorrow."""
    brow_knit: float = 0.0
    """0 to 1: the brows' inner ends together and down, as in earnest."""
    lid_raise: float = 0.0
    """-1 (upper lids half down) to 1 (eyes wide)."""
    squint: float = 0.0
    """0 to 1: lower lids up, as in a smile."""
    gaze_x: float = 0.0
    """-1 to 1: the eyes towards the picture's right; 0 as in the photo."""
    gaze_y: float = 0.0
    """-1 to 1: the eyes down; 0 as in the photo."""
    breath: float = 0.0
    """0 to 1: chest and shoulders raised by a breath."""
    head: HeadPose = field(default_factory=HeadPose)
    """Where the head is."""
    facing: float = 0.0
    """0 to 1: how far a head that the photo shows turned aside comes back towards the viewer."""
