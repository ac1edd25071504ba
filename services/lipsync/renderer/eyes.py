"""Draws an eye: lids of the face's own skin over an eyeball that can look aside."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.lipsync.expression import Expression
from services.lipsync.pixels import blurred, doubled, sample
from services.lipsync.renderer.frame import FaceFrame, smoothstep
from services.lipsync.renderer.layers import Layers
from services.lipsync.renderer.lids import lid_field
from services.lipsync.renderer.shape import ALONG, FaceShape, Slit
from services.lipsync.renderer.slit import SlitWarp
from services.lipsync.renderer.zone import Zone

_UPPER_MEETS = 0.90
"""The upper lid's share of a blink."""
_LOWER_REACH = 0.10
_OVERLAP = 0.012
"""How far a shut upper lid reaches over the lower one, inter-ocular distances."""
_BROW_HALF = 0.055
_GAZE_X, _GAZE_Y = 0.055, 0.035
"""How far an iris goes at most, inter-ocular distances."""
_LID_FOLLOWS = 0.5
_SQUINT_LIFT = 0.20
"""How much of the opening the lower lid takes in a full squint."""
_LID_LIFT, _LID_DROOP = 0.14, 0.30
"""How much of the opening the upper lid gives free in eyes that are wide, and takes in a droop."""
_LASH_SHADOW = 0.35
_BALL_INSET_PX = 1.5


@dataclass(frozen=True, slots=True)
class EyePose:
    """An eye at one instant."""

    upper: float
    """How far the upper lid sinks, in units of the opening that the picture shows."""
    lower: float
    gaze_px: NDArray[np.float32]
    """How far the iris goes, picture pixels [2]."""
    shadow: float
    """How dark lashes and lid make the eyeball below them, 0 to 1; 0 unless the eye shuts."""


class EyePicture:
    """One eye of a face in a picture of one size."""

    def __init__(
        self,
        picture: NDArray[np.uint8],
        frame: FaceFrame,
        shape: FaceShape,
        side: int,
        rigid: NDArray[np.float32],
    ) -> None:
        slit = shape.eyes[side]
        self._slit, self._frame = slit, frame
        margin = np.array([0.08, 0.0], np.float32)
        # The lid's skin gives way up to the brow's lower edge; the brow stays.
        brow = min(float(shape.brows[side]) + _BROW_HALF, float(slit.upper.min()) - 0.08)
        low = np.array([slit.corners[0, 0], brow - 0.02], np.float32)
        high = np.array([slit.corners[1, 0], slit.lower_outer.max() + _LOWER_REACH], np.float32)
        size = (picture.shape[1], picture.shape[0])
        self.zone = Zone.around(frame, low - margin, high + margin, size)
        self.warp = SlitWarp(picture, frame, shape, slit, self.zone, rigid)
        points = self.warp.points
        self.lids = (
            lid_field(slit, points, -1.0, brow),
            lid_field(slit, points, 1.0, float(high[1])),
        )
        """How far the warp's points go with each lid, upper then lower [h, w]."""
        self.ball = doubled(_eyeball(picture, frame, slit, self.warp.source))
        self.gaze = self._gaze_field(shape.irises[side], shape.iris_radius)
        """How far they go with the iris [h, w]."""
        self.shadow_px = max(0.7, 0.02 * frame.iod_px)

    def draw(self, weights: NDArray[np.float32], expression: Expression) -> NDArray[np.uint8]:
        """The zone's picture, RGB [h, w, 3]."""
        pose = self.pose(weights, expression)
        smooth = self.warp.smooth(weights)
        upper, lower = pose.upper * self.lids[0], pose.lower * self.lids[1]
        self.warp.trace(smooth, upper, lower, steep=pose.shadow > 0.0)
        layers = self.warp.layers()
        drawn = layers.joined()
        box = layers.opening()
        if box is not None:
            behind = self._behind(smooth, pose.gaze_px, box)
            if pose.shadow > 0.0:
                behind *= self._shadow(layers, box, pose.shadow)[..., None]
            drawn[box.slices] = layers.over(behind, box)
        return drawn

    def pose(self, weights: NDArray[np.float32], expression: Expression) -> EyePose:
        """What an expression asks of this eye."""
        middle = len(ALONG) // 2
        gap = max(float(self._slit.gap[middle]), 0.01)
        smooth_upper, smooth_lower = (
            float(weights @ fields[:, middle, 1]) for fields in self.warp.edge_fields
        )
        raised = float(np.clip(expression.lid_raise, -1.0, 1.0))
        follow = _LID_FOLLOWS * _GAZE_Y * expression.gaze_y / gap
        follow -= raised * (_LID_LIFT if raised > 0.0 else _LID_DROOP)
        lifted = -float(np.clip(expression.squint, 0.0, 1.0)) * _SQUINT_LIFT
        smooth_gap = (smooth_lower - smooth_upper + _OVERLAP) / gap
        left = max(1.0 + lifted - follow + smooth_gap, 0.0)
        blink = float(np.clip(expression.blink, 0.0, 1.0))
        upper = follow + _UPPER_MEETS * blink * left
        lower = lifted - (1.0 - _UPPER_MEETS) * blink * left
        look = np.array([_GAZE_X * expression.gaze_x, _GAZE_Y * expression.gaze_y], np.float32)
        gaze_px = self._frame.turn @ look * np.float32(self._frame.iod_px)
        return EyePose(upper, lower, gaze_px, _LASH_SHADOW * min(1.0, 2.0 * blink))

    def _behind(
        self, smooth: NDArray[np.float32], gaze_px: NDArray[np.float32], box: Zone
    ) -> NDArray[np.float32]:
        source = self.warp.backward(smooth + self.gaze[..., None] * gaze_px)
        return sample(self.ball, source[box.slices]).astype(np.float32)

    def _shadow(self, layers: Layers, box: Zone, strength: float) -> NDArray[np.float32]:
        """Lashes and lid shade the eyeball just below the edge that comes down."""
        around = box.padded(int(4 * self.shadow_px), (self.zone.width, self.zone.height))
        soft = blurred(1.0 - layers.uncovered(around)[0], self.shadow_px)[box.within(around)]
        return 1.0 - np.float32(strength) * soft

    def _gaze_field(self, iris: NDArray[np.float32], radius: float) -> NDArray[np.float32]:
        """1 at the iris, 0 at the corners; at the warp's points."""
        away = np.linalg.norm(self.warp.points - iris, axis=-1)
        return 1.0 - smoothstep(away, 1.1 * radius, 2.6 * radius)


def _eyeball(
    picture: NDArray[np.uint8], frame: FaceFrame, slit: Slit, zone: Zone
) -> NDArray[np.uint8]:
    """The eye as it would go on below its lids: the rows inside, continued up and down."""
    pixels = zone.pixels()
    points = frame.from_picture(pixels)
    x, y = points[..., 0], points[..., 1]
    upper, lower = np.interp(x, slit.x, slit.upper), np.interp(x, slit.x, slit.lower)
    inset = np.minimum(_BALL_INSET_PX / frame.iod_px, np.maximum(lower - upper, 0.0) / 2)
    # What goes on holds nothing of the lids' edge pixels; inside, the picture is as it is.
    back = np.clip(y, upper + inset, np.maximum(upper, lower) - inset) - y
    px = 1.0 / frame.iod_px
    back[(y > upper - px) & (y < lower + px)] = 0.0
    kept = pixels + (back * frame.iod_px)[..., None].astype(np.float32) * frame.turn[:, 1]
    return sample(picture, kept)
