"""How sharp a photo is, so that what is drawn into it is no sharper."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from services.lipsync.pixels import blurred
from services.lipsync.renderer.frame import FaceFrame
from services.lipsync.renderer.zone import Zone

_LOW, _HIGH = np.array([-0.8, -0.3], np.float32), np.array([0.8, 1.4], np.float32)
"""Where edges are looked for: from the brows to the lower lip, face coordinates."""
_FINE = 0.010
"""The finer of two scales at which edges are compared, inter-ocular distances; the other is twice
as coarse."""
_NOT_STEPS = 1.4
"""How much more blurred a face is than its edges seem: Gaussian blurs of known width were found by
that much too narrow, because of noise and of lines that are no steps."""
_SPREADS = np.linspace(0.25, 5.0, 96)


def blur_of(picture: NDArray[np.uint8], frame: FaceFrame) -> float:
    """The standard deviation of the Gaussian that blurs the edges of a face, pixels."""
    zone = Zone.around(frame, _LOW, _HIGH, (picture.shape[1], picture.shape[0]))
    grey = cv2.cvtColor(picture[zone.slices], cv2.COLOR_RGB2GRAY).astype(np.float32)
    fine_px = max(1.0, _FINE * frame.iod_px)
    fine, coarse = (grey - blurred(grey, sigma) for sigma in (fine_px, 2.0 * fine_px))
    share = float((fine**2).sum() / max(float((coarse**2).sum()), 1e-6))
    shares = _lost(_SPREADS, 1.0) / _lost(_SPREADS, 2.0)
    # The more an edge is blurred already, the less a fine blur takes from it.
    return _NOT_STEPS * fine_px * float(np.interp(-share, -shares, _SPREADS))


def _lost(spread: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
    """The energy that a blur takes from a step which is blurred by `spread` already."""
    after = np.hypot(spread, sigma)
    between = np.sqrt(2.0 * (spread**2 + after**2))
    return np.asarray(between - spread - after, np.float64)
