"""Two layers of skin, one hanging from above and one standing below, over what lies behind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from services.lipsync.pixels import without_alpha
from services.lipsync.renderer.zone import Zone


@dataclass(frozen=True, slots=True)
class Layers:
    """Both layers of a zone at one instant, colour and coverage, RGBA 0 to 255."""

    upper: NDArray[np.uint8]
    """What hangs from above [h, w, 4]."""
    lower: NDArray[np.uint8]
    """What stands below [h, w, 4]."""

    def opening(self) -> Zone | None:
        """What encloses the pixels that neither covers whole, from the layers' corner; None where
        they leave nothing open."""
        covered = np.maximum(_alpha(self.upper), _alpha(self.lower))
        rows = np.flatnonzero(covered.min(axis=1) < 255)
        if not len(rows):
            return None
        columns = np.flatnonzero(covered[rows[0] : rows[-1] + 1].min(axis=0) < 255)
        x, y = int(columns[0]), int(rows[0])
        return Zone(x, y, int(columns[-1]) + 1 - x, int(rows[-1]) + 1 - y)

    def joined(self) -> NDArray[np.uint8]:
        """The upper layer over the lower one [h, w, 3]; in the opening it tells nothing."""
        cover = _alpha(self.upper)
        whole, none = cover.min(axis=1) == 255, cover.max(axis=1) == 0
        top = int(whole.argmin()) if not whole.all() else len(whole)
        bottom = len(none) - int(none[::-1].argmin()) if not none.all() else 0
        out = np.empty((*cover.shape, 3), np.uint8)
        without_alpha(self.upper[:top], out[:top])
        if bottom > top:
            share = cover[top:bottom] * np.float32(1 / 255)
            mixed = blended(self.upper[top:bottom], self.lower[top:bottom], share)
            without_alpha(mixed, out[top:bottom])
        bottom = max(top, bottom)
        without_alpha(self.lower[bottom:], out[bottom:])
        return out

    def uncovered(self, box: Zone) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """How far the upper and the lower layer leave a box free, 0 to 1, each [h, w]."""
        upper, lower = (
            1.0 - layer[box.slices][..., 3] * np.float32(1 / 255)
            for layer in (self.upper, self.lower)
        )
        return upper, lower

    def over(self, behind: NDArray[np.float32], box: Zone) -> NDArray[np.uint8]:
        """Both layers over what lies behind them in a box [h, w, 3]; `behind` is used up."""
        for layer in (self.lower, self.upper):
            piece = layer[box.slices]
            behind += (piece[..., :3] - behind) * (piece[..., 3:] * np.float32(1 / 255))
        return np.rint(behind, out=behind).astype(np.uint8)


def blended(
    one: NDArray[np.uint8], other: NDArray[np.uint8], share: NDArray[np.float32]
) -> NDArray[np.uint8]:
    """Two pictures mixed; `share` is that of the first, 0 to 1 [h, w]."""
    cv: Any = cv2
    mixed: NDArray[np.uint8] = cv.blendLinear(one, other, share, 1.0 - share)
    return mixed


def _alpha(layer: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.extractChannel(layer, 3), np.uint8)
