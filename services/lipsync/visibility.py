"""Whether a face's eyes and mouth can be seen, judged from its pixels.

Landmark networks put a mouth on a mask and eyes behind dark glasses without a doubt, so what is
there is looked at: an eye has light and dark, a mouth has a line or a colour of its own. What is
covered by something that looks like lips or eyes can't be told.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from services.lipsync.faces import Landmarks
from services.lipsync.pixels import sample
from services.lipsync.renderer.frame import FaceFrame
from services.lipsync.renderer.shape import ALONG, FaceShape, Slit, face_shape

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
# All against the brightness of the skin. Over 60 faces the least were 0.35, 0.09 and 0.07.
_EYE_CONTRAST = 0.20
_MOUTH_CONTRAST = 0.05
_LINE_CONTRAST = 0.03
_LIP_REDNESS = 4.0
_COLOURLESS = 6.0
_OPEN = 0.05


def is_covered(picture: NDArray[np.uint8], landmarks: Landmarks, *, doubtful: bool) -> bool:
    """Whether something hides the mouth or an eye of a face in a picture [h, w, 3].

    A `doubtful` face must also show a line between its lips or a colour of its lips.
    """
    look = _Look(picture, FaceFrame.of(landmarks), face_shape(picture, landmarks))
    return look.hides_eye() or look.hides_mouth(doubtful=doubtful)


class _Look:
    def __init__(self, picture: NDArray[np.uint8], frame: FaceFrame, shape: FaceShape) -> None:
        self._picture, self._frame, self._shape = picture, frame, shape
        self._skin = self._skin_colours()
        self._skin_luma = max(float(np.median(self._skin @ _LUMA)), 1.0)

    def hides_eye(self) -> bool:
        return any(self._eye_contrast(eye) < _EYE_CONTRAST for eye in self._shape.eyes)

    def hides_mouth(self, *, doubtful: bool) -> bool:
        mouth = self._shape.mouth
        middle = np.abs(ALONG) < 0.6
        x, line = mouth.x[middle], ((mouth.upper + mouth.lower) / 2)[middle]
        around = self._colours(x, line + np.linspace(-0.14, 0.16, 25)[:, None]) @ _LUMA
        if float(around.std()) < _MOUTH_CONTRAST * self._skin_luma:
            return True
        if not doubtful or float(mouth.gap.max()) > _OPEN or self._is_colourless():
            return False
        return self._line_contrast(x, line) < _LINE_CONTRAST and self._redness() < _LIP_REDNESS

    def _eye_contrast(self, eye: Slit) -> float:
        inner = slice(10, -10)
        heights = eye.upper + eye.gap * np.linspace(-0.3, 1.3, 17)[:, None]
        luma = self._colours(eye.x[inner], heights[:, inner]) @ _LUMA
        return float(np.percentile(luma, 95) - np.percentile(luma, 5)) / self._skin_luma

    def _line_contrast(self, x: NDArray[np.float32], line: NDArray[np.floating[Any]]) -> float:
        """How much darker the line between the lips is than both of them."""
        above, on, below = self._colours(x, line + np.array([[-0.055], [0.0], [0.055]])) @ _LUMA
        return float((np.minimum(above, below) - on).mean()) / self._skin_luma

    def _redness(self) -> float:
        """How much redder lips are than skin, CIE a*."""
        mouth, middle = self._shape.mouth, np.abs(ALONG) < 0.6
        heights = np.stack([mouth.upper + mouth.upper_outer, mouth.lower + mouth.lower_outer]) / 2
        lips = _lab(self._colours(mouth.x[middle], heights[:, middle]))
        return float(np.median(lips[:, 1]) - np.median(_lab(self._skin)[:, 1]))

    def _is_colourless(self) -> bool:
        lab = _lab(self._skin)
        return float(np.hypot(*(np.median(lab[:, 1:], axis=0) - 128.0))) < _COLOURLESS

    def _skin_colours(self) -> NDArray[np.float32]:
        shape = self._shape
        _, _, seam, chin = (float(height) for height in shape.heights)
        below = self._colours(
            np.linspace(-0.2, 0.2, 9) + shape.mouth.middle_x, seam + (chin - seam) * 0.55
        )
        side = np.linspace(0.42, 0.6, 7)
        cheeks = [self._colours(sign * side, 0.65 * seam) for sign in (-1.0, 1.0)]
        return np.concatenate([below, *cheeks], axis=1)

    def _colours(
        self, x: NDArray[np.floating[Any]], y: NDArray[np.floating[Any]] | float
    ) -> NDArray[np.float32]:
        """Colours at points of the face, rows by columns by RGB."""
        points = np.stack(np.broadcast_arrays(x, np.atleast_2d(y)), axis=-1).astype(np.float32)
        return sample(self._picture, self._frame.to_picture(points)).astype(np.float32)


def _lab(colours: NDArray[np.float32]) -> NDArray[np.float32]:
    """CIE L*a*b* as OpenCV scales it to bytes [n, 3]."""
    rgb = np.clip(colours, 0, 255).astype(np.uint8).reshape(1, -1, 3)
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB)[0], np.float32)
