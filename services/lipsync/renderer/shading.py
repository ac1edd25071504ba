"""Lights and darkens the skin of a drawn face as its expression asks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from services.lipsync.pixels import Map, sample
from services.lipsync.renderer.creases import (
    AROUND_EYES,
    AROUND_MOUTH,
    CREASES,
    MOST_BRIGHT,
    MOST_DARK,
    crease_fields,
    crease_strength,
)
from services.lipsync.renderer.frame import FaceFrame, Points
from services.lipsync.renderer.shape import FaceShape
from services.lipsync.renderer.skin import own_lines
from services.lipsync.renderer.zone import Cells, Zone

_REGIONS = (
    (AROUND_MOUTH, (-1.15, 0.05), (1.15, 2.05)),
    (AROUND_EYES, (-1.15, -0.95), (1.15, 0.45)),
)
"""What creases where: corners of rectangles, face coordinates."""
_CELLS_PER_IOD, _LEAST_CELL_PX = 40.0, 2
_UNSEEN = 0.002
"""Less than this share of the light changes no pixel."""
_IDLE = 0.01
"""What takes part less than that changes less."""


class Shading:
    """The shading of one part of a face in a picture of one size; all is made ready once."""

    def __init__(
        self,
        names: Sequence[str],
        cells: Cells,
        fields: NDArray[np.float32],
        tint: NDArray[np.float32],
        above: NDArray[np.bool_],
        moved: tuple[Cells, Cells],
    ) -> None:
        """`names`: of `CREASES`, and `fields` what they change at the centres of `cells` [2, k, h,
        w]; `tint`: how much of that each colour takes [3]; `above`: which centres lie above the
        lips' seam [h, w]; `moved`: the cells on which the motion of the body and of the lips is
        known."""
        body, lips = moved
        self.cells, self.tint = cells, tint
        self._names = [CREASES.index(name) for name in names]
        self._size = above.shape
        self.fields = fields.reshape(2 * len(names), -1)
        """[2 k, h * w]."""
        self.sides = above.astype(np.float32), (~above).astype(np.float32)
        """1 above the lips' seam, and 1 below it, each [h, w]."""
        self._body_places = body.places_of(cells.centres)
        self.mouth = cells.centres_in(lips.zone)
        """The rows and columns of centres that lips carry, not the body."""
        self._lip_places = lips.places_of(cells.centres[self.mouth])

    def draw(
        self,
        weights: NDArray[np.float32],
        body: Map,
        lips: Sequence[Map],
        picture: NDArray[np.uint8],
    ) -> None:
        """Shades a picture, RGB [H, W, 3], in place, by weights as `crease_weights` gave them.

        `body` and `lips` tell where the centres of their cells come from, picture pixels; the
        lips' what lies above their seam, then what lies below it.
        """
        taking_part = self.taking_part(weights)
        if not taking_part.any():
            return
        change = (taking_part @ self.fields).reshape(self._size)
        np.clip(change, MOST_DARK, MOST_BRIGHT, out=change)
        drawn = self._carried(change, body, self._body_places)
        if self._lip_places.size:
            upper, lower = (
                self._carried(change * side, origins, self._lip_places)
                for side, origins in zip(self.sides, lips, strict=True)
            )
            drawn[self.mouth] = upper + lower
        most = np.abs(drawn)
        rows, columns = (_cells_around(most.max(axis=axis)) for axis in (1, 0))
        if rows.start < rows.stop:
            light = cv2.merge([1.0 + drawn * share for share in self.tint])
            view = picture[self.cells.pixels_of(rows, columns)]
            _multiply(view, self.cells.at_pixels(light, rows, columns))

    def taking_part(self, weights: NDArray[np.float32]) -> NDArray[np.float32]:
        """How strongly each of `fields` takes part [2 k]; all 0 where none is to be seen."""
        own = weights[:, self._names].ravel()
        return own if float(np.abs(own).max()) >= _IDLE else np.zeros_like(own)

    def _carried(
        self, change: NDArray[np.float32], origins: Map, places: Map
    ) -> NDArray[np.float32]:
        """Changes at rest as they lie in the drawn picture."""
        return sample(change, sample(self.cells.places_of(origins), places))


def shadings(
    picture: NDArray[np.uint8],
    frame: FaceFrame,
    shape: FaceShape,
    mesh: Points,
    rigid: NDArray[np.float32],
    moved: tuple[Cells, Cells],
) -> list[Shading]:
    """The shading of a face in a picture, in parts; `mesh`: the landmarks, face coordinates;
    `rigid`: how far each pixel belongs to the head [H, W]; `moved`: the cells on which the motion
    of the body and of the lips is known."""
    step = max(_LEAST_CELL_PX, round(frame.iod_px / _CELLS_PER_IOD))
    mouth, parts = shape.mouth, []
    strength = 0.0
    for names, low, high in _REGIONS:
        corners = (np.array(low, np.float32), np.array(high, np.float32))
        zone = Zone.around(frame, *corners, (picture.shape[1], picture.shape[0]))
        cells = Cells(zone, step)
        points = frame.from_picture(cells.centres)
        own = own_lines(picture, frame, points, frame.iod_px / step)
        if names is AROUND_MOUTH:
            strength = crease_strength(mesh, points, own)
        fields = crease_fields(names, shape, mesh, points, own, strength)
        fields *= sample(rigid, cells.centres)
        seam = np.interp(points[..., 0], mouth.x, (mouth.upper + mouth.lower) / 2)
        parts.append(Shading(names, cells, fields, own.tint, points[..., 1] < seam, moved))
    return parts


def _cells_around(most: NDArray[np.float32]) -> slice:
    """The cells of a line that changes of light at centres [n + 2], the ring's too, reach into."""
    found = np.flatnonzero(most > _UNSEEN)
    if not len(found):
        return slice(0, 0)
    return slice(max(int(found[0]) - 2, 0), min(int(found[-1]) + 1, len(most) - 2))


def _multiply(picture: NDArray[np.uint8], by: NDArray[np.float32]) -> None:
    cv: Any = cv2
    cv.multiply(picture, by, dst=picture, dtype=cv2.CV_8U)
