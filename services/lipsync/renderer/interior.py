"""What is seen inside an open mouth: teeth, tongue, and the dark behind them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.lipsync.pixels import blurred, pulled
from services.lipsync.renderer.frame import FaceFrame, smoothstep
from services.lipsync.renderer.palette import Palette
from services.lipsync.renderer.zone import Zone

# Widths as seen from the front, in inter-ocular distances, from the middle outwards.
_UPPER_TEETH = ((0.136, 0.165), (0.104, 0.145), (0.102, 0.158), (0.078, 0.138), (0.058, 0.125))
_LOWER_TEETH = ((0.086, 0.13), (0.092, 0.13), (0.094, 0.135), (0.074, 0.12), (0.056, 0.11))
MEAN_WIDTH = 0.77
"""The width of an average mouth, inter-ocular distances."""
_UPPER_EDGE = 0.040
"""How far the upper incisors reach below the line where lips rest."""
_LOWER_EDGE = 0.035
"""How far below that line the lower incisors end when the jaw is at rest."""
_SHEET_WIDTH, _SHEET_TOP, _SHEET_BOTTOM = 1.0, -0.20, 0.30
_JAW_SHARE = 0.88


@dataclass(frozen=True, slots=True)
class Behind:
    """Where the inside of a mouth is at one instant."""

    head_px: NDArray[np.float32]
    """How far the skull has moved, picture pixels [2]."""
    jaw: float
    """How far the lower teeth have dropped, inter-ocular distances."""
    tongue_up: float


class Interior:
    """Draws the inside of one mouth over a zone of the picture."""

    def __init__(
        self,
        palette: Palette,
        frame: FaceFrame,
        middle: NDArray[np.float32],
        open_by: float,
        scale: float,
    ) -> None:
        """`middle`: where the upper lip ends, face coordinates; `open_by`: how far below it the
        lower lip begins; `scale`: the mouth's width against the average one."""
        self._open_by = open_by
        self._frame = frame
        self._middle = middle
        self._scale = scale
        self._palette = palette
        self._density = max(frame.iod_px * scale, 48.0)
        self._upper = self._teeth(_UPPER_TEETH, palette, upper=True)
        self._lower = self._teeth(_LOWER_TEETH, palette, upper=False)
        self._tongue = self._tongue_sheet(palette)

    def draw(self, zone: Zone, behind: Behind, own_teeth: bool) -> NDArray[np.float32]:
        """The inside, as if no lips were there, float32 RGB [h, w, 3]."""
        drawn = np.empty((zone.height, zone.width, 3), np.float32)
        drawn[:] = self._palette.cavity
        lift, rest = behind.tongue_up, self._open_by
        tongue_y = (0.020 - 0.015 * lift) + (rest + behind.jaw) * (0.40 - 0.28 * lift)
        self._over(drawn, self._tongue, zone, behind.head_px, tongue_y)
        self._over(drawn, self._lower, zone, behind.head_px, rest + _JAW_SHARE * behind.jaw)
        if not own_teeth:
            self._over(drawn, self._upper, zone, behind.head_px, 0.0)
        return drawn

    def _over(
        self,
        drawn: NDArray[np.float32],
        sheet: NDArray[np.float32],
        zone: Zone,
        head_px: NDArray[np.float32],
        down: float,
    ) -> None:
        """Lays a sheet over what is drawn; it hangs `down` below its place."""
        frame = self._frame
        k = self._density / (frame.iod_px * self._scale)
        linear = frame.turn.T * k
        centre = frame.to_picture(self._middle) + head_px - (zone.x, zone.y)
        centre = centre + frame.turn[:, 1] * (down * frame.iod_px)
        offset = -linear @ centre
        offset += self._density * np.array([_SHEET_WIDTH / 2, -_SHEET_TOP])
        matrix = np.concatenate([linear, offset[:, None]], axis=1).astype(np.float64)
        placed = pulled(sheet, matrix, zone.width, zone.height)
        drawn += placed[..., :3] - drawn * placed[..., 3:]

    def _sheet(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Coordinates of a sheet's texels, inter-ocular distances of an average mouth."""
        width = round(_SHEET_WIDTH * self._density)
        height = round((_SHEET_BOTTOM - _SHEET_TOP) * self._density)
        x = (np.arange(width) + 0.5) / self._density - _SHEET_WIDTH / 2
        y = (np.arange(height) + 0.5) / self._density + _SHEET_TOP
        columns, rows = np.meshgrid(x.astype(np.float32), y.astype(np.float32))
        return columns, rows

    def _teeth(
        self, sizes: tuple[tuple[float, float], ...], palette: Palette, *, upper: bool
    ) -> NDArray[np.float32]:
        x, y = self._sheet()
        soft = 0.8 / self._density
        sign = 1.0 if upper else -1.0
        edge = _UPPER_EDGE if upper else _LOWER_EDGE
        colour = np.zeros((*x.shape, 3), np.float32)
        alpha = np.zeros(x.shape, np.float32)
        gum = smoothstep((edge - y) * sign, 0.10, 0.13)
        gum *= smoothstep(0.42 - np.abs(x), 0.0, 0.1)
        colour += (palette.gum * 0.8) * gum[..., None]
        alpha = np.maximum(alpha, gum)
        for side in (-1.0, 1.0):
            start = 0.0
            for n, (width, height) in enumerate(sizes):
                centre = side * (start + width / 2)
                # The arch curves up towards the corners, and each edge is a little rounded.
                arch = 0.30 * (start + width / 2) ** 2 + (0.008 if n == 1 and upper else 0.0)
                cover = _tooth(x - centre, sign * (edge - y) - arch, width, height, soft)
                across = (x - centre) / width
                up = np.clip((sign * (edge - y) - arch) / height, 0.0, 1.0)
                shade = (1.0 - 0.30 * (2.0 * np.abs(across)) ** 4 * 0.8) * (
                    0.86 + 0.14 * smoothstep(up, 0.0, 0.3)
                )
                shade *= 1.0 - 0.16 * smoothstep(up, 0.4, 1.0)
                shade *= 1.0 - 0.70 * smoothstep(np.full_like(x, start + width / 2), 0.14, 0.46)
                shade *= 1.0 if upper else 0.74
                colour += (palette.tooth * shade[..., None] - colour) * cover[..., None]
                alpha = np.maximum(alpha, cover)
                start += width
        sheet = np.dstack([colour * 1.0, alpha])
        # Colour is premultiplied where teeth end; between them it is the dark of the gap.
        sheet[..., :3] *= np.where(alpha > 0, 1.0, 0.0)[..., None]
        return blurred(sheet.astype(np.float32), max(0.6, 0.006 * self._density))

    def _tongue_sheet(self, palette: Palette) -> NDArray[np.float32]:
        x, y = self._sheet()
        top = 0.02 + 0.55 * x**2
        cover = smoothstep(y - top, -0.015, 0.03) * smoothstep(0.36 - np.abs(x), 0.0, 0.08)
        groove = 1.0 - 0.22 * np.exp(-((x / 0.035) ** 2))
        light = (0.42 + 0.62 * smoothstep(y - top, 0.0, 0.11)) * groove
        light *= 1.0 - 0.5 * smoothstep(np.abs(x), 0.15, 0.36)
        colour = palette.tongue * (light * cover)[..., None]
        sheet = np.dstack([colour, cover]).astype(np.float32)
        return blurred(sheet.astype(np.float32), max(0.6, 0.012 * self._density))


def _tooth(
    x: NDArray[np.float32], up: NDArray[np.float32], width: float, height: float, soft: float
) -> NDArray[np.float32]:
    """How far each point lies in a tooth whose edge is at `up` = 0: a rounded rectangle."""
    radius = 0.20 * width
    half_w, half_h = width / 2 - 0.0008, height / 2
    dx = np.abs(x) - (half_w - radius)
    dy = np.abs(up - half_h) - (half_h - radius)
    outside = np.hypot(np.maximum(dx, 0.0), np.maximum(dy, 0.0))
    distance = outside + np.minimum(np.maximum(dx, dy), 0.0) - radius
    return np.asarray(np.clip(0.5 - distance / (2 * soft), 0.0, 1.0), np.float32)
