"""What is seen inside an open mouth: teeth, tongue, and the dark behind them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.lipsync.pixels import blurred, pulled
from services.lipsync.renderer.frame import FaceFrame, smoothstep
from services.lipsync.renderer.palette import Palette
from services.lipsync.renderer.teeth import lower_row, upper_row
from services.lipsync.renderer.zone import Zone

MEAN_WIDTH = 0.77
"""The width of an average mouth, inter-ocular distances."""
_SHEET_WIDTH, _SHEET_TOP, _SHEET_BOTTOM = 1.0, -0.20, 0.30
_TEXELS_PER_PX, _LEAST_DENSITY = 1.5, 64.0
"""Sheets are finer than the picture, so that they stay sharp wherever they are moved to."""
_OWN_BLUR_PX = 0.6
_JAW_SHARE = 0.88
_DEEP_GAP = 0.22
"""Lips that are as far apart let all the light in that ever reaches what lies behind the teeth."""
_LEAST_DEEP_LIGHT = 0.70
_GLINTS = 7


@dataclass(frozen=True, slots=True)
class Behind:
    """Where the inside of a mouth is at one instant."""

    head_px: NDArray[np.float32]
    """How far the skull has moved, picture pixels [2]."""
    jaw: float
    """How far the lower teeth have dropped, inter-ocular distances."""
    tongue_up: float
    opened: float
    """How far the lips are apart, inter-ocular distances."""


class Interior:
    """Draws the inside of one mouth over a zone of the picture."""

    def __init__(
        self,
        palette: Palette,
        frame: FaceFrame,
        middle: NDArray[np.float32],
        open_by: float,
        scale: float,
        seed: int,
        blur_px: float = 0.0,
    ) -> None:
        """`middle`: where the upper lip ends, face coordinates; `open_by`: how far below it the
        lower lip begins; `scale`: the mouth's width against the average one; `seed`: whose teeth
        they are; `blur_px`: how blurred the picture around it is."""
        self._open_by = open_by
        self._frame = frame
        self._middle = middle
        self._scale = scale
        self._palette = palette
        self._density = max(_TEXELS_PER_PX * frame.iod_px * scale, _LEAST_DENSITY)
        x, y = self._sheet()
        soft = _TEXELS_PER_PX / self._density
        # What resampling blurs anyway is taken off.
        blur = _TEXELS_PER_PX * float(np.sqrt(max(blur_px**2 - _OWN_BLUR_PX**2, 0.0)))
        self.tongue = blurred(_tongue(x, y, palette, seed), max(0.008 * self._density, blur))
        self.lower = blurred(lower_row(x, y, palette, soft, seed), blur)
        self.upper = blurred(upper_row(x, y, palette, soft, seed), blur)
        """Each a sheet, premultiplied [h, w, 4]."""

    def draw(self, zone: Zone, behind: Behind, own_teeth: bool) -> NDArray[np.float32]:
        """The inside, as if no lips were there, float32 RGB [h, w, 3]."""
        drawn = np.empty((zone.height, zone.width, 3), np.float32)
        drawn[:] = self._palette.cavity
        tongue, lower, upper = self.places(zone, behind)
        _lay(self.tongue, tongue, drawn)
        drawn *= self.deep_light(behind)
        _lay(self.lower, lower, drawn)
        if not own_teeth:
            _lay(self.upper, upper, drawn)
        return drawn

    def deep_light(self, behind: Behind) -> np.float32:
        """How much light reaches the tongue and the dark, 0 to 1."""
        open_share = float(np.clip(max(behind.opened / _DEEP_GAP, behind.tongue_up), 0.0, 1.0))
        return np.float32(_LEAST_DEEP_LIGHT + (1.0 - _LEAST_DEEP_LIGHT) * open_share)

    def places(self, zone: Zone, behind: Behind) -> list[NDArray[np.float64]]:
        """Affines [2, 3] from the zone's pixels to texels of tongue, lower and upper teeth."""
        lift, rest = behind.tongue_up, self._open_by
        tongue_y = (0.015 - 0.010 * lift) + (rest + behind.jaw) * (0.30 - 0.20 * lift)
        downs = (tongue_y, rest + _JAW_SHARE * behind.jaw, 0.0)
        return [self._place(zone, behind.head_px, down) for down in downs]

    def _place(self, zone: Zone, head_px: NDArray[np.float32], down: float) -> NDArray[np.float64]:
        """The affine to a sheet that hangs `down` below its place."""
        frame = self._frame
        k = self._density / (frame.iod_px * self._scale)
        linear = frame.turn.T * k
        centre = frame.to_picture(self._middle) + head_px - (zone.x, zone.y)
        centre = centre + frame.turn[:, 1] * (down * frame.iod_px)
        offset = -linear @ centre
        offset += self._density * np.array([_SHEET_WIDTH / 2, -_SHEET_TOP])
        return np.concatenate([linear, offset[:, None]], axis=1).astype(np.float64)

    def _sheet(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Coordinates of a sheet's texels, inter-ocular distances of an average mouth."""
        width = round(_SHEET_WIDTH * self._density)
        height = round((_SHEET_BOTTOM - _SHEET_TOP) * self._density)
        x = (np.arange(width) + 0.5) / self._density - _SHEET_WIDTH / 2
        y = (np.arange(height) + 0.5) / self._density + _SHEET_TOP
        columns, rows = np.meshgrid(x.astype(np.float32), y.astype(np.float32))
        return columns, rows


def _lay(
    sheet: NDArray[np.float32], place: NDArray[np.float64], drawn: NDArray[np.float32]
) -> None:
    """Lays a sheet over what is drawn [h, w, 3]."""
    placed = pulled(sheet, place, drawn.shape[1], drawn.shape[0])
    drawn += placed[..., :3] - drawn * placed[..., 3:]


def _tongue(
    x: NDArray[np.float32], y: NDArray[np.float32], palette: Palette, seed: int
) -> NDArray[np.float32]:
    """A tongue at places of a sheet, colours premultiplied [h, w, 4]: light where it comes forward,
    wet."""
    top = 0.02 + 0.50 * x**2
    below = y - top
    cover = smoothstep(below, -0.015, 0.03) * smoothstep(0.36 - np.abs(x), 0.0, 0.08)
    light = 0.40 + 0.68 * smoothstep(below, 0.0, 0.11)
    light *= 1.0 - 0.20 * np.exp(-((x / 0.03) ** 2)) * smoothstep(below, 0.0, 0.06)
    light *= 1.0 - 0.5 * smoothstep(np.abs(x), 0.13, 0.34)
    chance = np.random.default_rng(seed)
    glints = np.zeros_like(x)
    for across, down, size in chance.uniform(-1.0, 1.0, (_GLINTS, 3)).astype(np.float32):
        reach = (x - 0.13 * across) ** 2 / (0.022 + 0.010 * size) ** 2
        glints += np.exp(-reach - ((below - 0.095 - 0.03 * down) / 0.009) ** 2)
    colour = palette.tongue * (light * cover)[..., None]
    colour += palette.tooth * (0.16 * glints * cover)[..., None]
    return np.dstack([colour, cover]).astype(np.float32)
