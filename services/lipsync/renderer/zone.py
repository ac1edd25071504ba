"""Rectangles of a picture, and the coarse cells on which motion in them is computed."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from services.lipsync.pixels import Map, enlarged, sample
from services.lipsync.renderer.frame import FaceFrame, Points

LEAST_STRETCH, MOST_STRETCH = 0.5, 6.0


@dataclass(frozen=True, slots=True)
class Zone:
    """A rectangle of the picture, pixels."""

    x: int
    y: int
    width: int
    height: int

    @classmethod
    def around(cls, frame: FaceFrame, low: Points, high: Points, size: tuple[int, int]) -> Zone:
        """What encloses a box of the face, inside a picture of (width, height)."""
        (x0, y0), (x1, y1) = low, high
        corners = frame.to_picture(np.array([[x0, y0], [x1, y0], [x0, y1], [x1, y1]], np.float32))
        start = np.clip(np.floor(corners.min(axis=0)), 0, np.array(size) - 8).astype(int)
        end = np.clip(np.ceil(corners.max(axis=0)) + 1, start + 8, size).astype(int)
        return cls(int(start[0]), int(start[1]), int(end[0] - start[0]), int(end[1] - start[1]))

    def padded(self, by: int, size: tuple[int, int]) -> Zone:
        """A larger one, still inside a picture of (width, height)."""
        x, y = max(self.x - by, 0), max(self.y - by, 0)
        right, bottom = (
            min(start + length + by, limit)
            for start, length, limit in zip(
                (self.x, self.y), (self.width, self.height), size, strict=True
            )
        )
        return Zone(x, y, right - x, bottom - y)

    def within(self, outer: Zone) -> tuple[slice, slice]:
        """Rows and columns of what this one encloses, from the corner of one around it."""
        return Zone(self.x - outer.x, self.y - outer.y, self.width, self.height).slices

    def part(self, inner: Zone) -> Zone:
        """A rectangle inside this one, whose place is given from this one's corner."""
        return Zone(self.x + inner.x, self.y + inner.y, inner.width, inner.height)

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns of the picture."""
        return slice(self.y, self.y + self.height), slice(self.x, self.x + self.width)

    def pixels(self) -> NDArray[np.float32]:
        """Where each of its pixels is in the picture [h, w, 2]."""
        x, y = np.arange(self.width) + self.x, np.arange(self.height) + self.y
        return np.stack(np.meshgrid(x, y), axis=-1).astype(np.float32)


class Cells:
    """Square cells over a zone, and a ring of one more around them, so that what is known at their
    centres can be read at every pixel of the zone.

    The cells at the right and lower edge may reach beyond the zone.
    """

    def __init__(self, zone: Zone, step_px: int) -> None:
        self.zone = zone
        self.step_px = step_px
        self.columns, self.rows = (-(-n // step_px) for n in (zone.width, zone.height))
        x, y = (
            start - 0.5 + (np.arange(-1, n + 1) + 0.5) * step_px
            for start, n in ((zone.x, self.columns), (zone.y, self.rows))
        )
        self.centres = np.stack(np.meshgrid(x, y), axis=-1).astype(np.float32)
        """In the picture, the ring's too [rows + 2, columns + 2, 2]."""

    def places_of(self, points: NDArray[np.float32]) -> Map:
        """Where points of the picture lie between the centres, as fractional indices."""
        return np.asarray((points - self.centres[0, 0]) / np.float32(self.step_px), np.float32)

    def centres_in(self, zone: Zone) -> tuple[slice, slice]:
        """Rows and columns of the centres that lie in another zone."""
        parts = []
        for line, start, length in (
            (self.centres[:, 0, 1], zone.y, zone.height),
            (self.centres[0, :, 0], zone.x, zone.width),
        ):
            first, last = np.searchsorted(line, (start, start + length - 1))
            parts.append(slice(int(first), int(last)))
        return parts[0], parts[1]

    def pixels_of(self, rows: slice, columns: slice) -> tuple[slice, slice]:
        """Rows and columns of the picture that some rows and columns of cells cover."""
        zone, step = self.zone, self.step_px
        right = min(columns.stop * step, zone.width)
        bottom = min(rows.stop * step, zone.height)
        return (
            slice(zone.y + rows.start * step, zone.y + bottom),
            slice(zone.x + columns.start * step, zone.x + right),
        )

    def at_pixels(
        self, values: NDArray[np.float32], rows: slice, columns: slice
    ) -> NDArray[np.float32]:
        """Values at the centres [rows + 2, columns + 2, n], linear between them, at the pixels of
        some rows and columns of cells [h, w, n]; cut off where the zone ends."""
        step = self.step_px
        around = values[rows.start : rows.stop + 2, columns.start : columns.stop + 2]
        fine = enlarged(around, around.shape[1] * step, around.shape[0] * step)
        bottom = min(self.zone.height, rows.stop * step) - rows.start * step
        right = min(self.zone.width, columns.stop * step) - columns.start * step
        return fine[step : step + bottom, step : step + right]


def backward(
    displacement: NDArray[np.float32],
    places: Map,
    step_px: int,
    steps: int,
    steep_along: NDArray[np.float32] | None = None,
) -> Map:
    """How far each place comes from [h, w, 2], when every point moves by a displacement that is
    known at the centres of cells. Places are fractional indices of cells, the result is pixels.

    Fixed-point iteration of x = y - d(x) (Chen et al., 2008); d must vary slower than x. Where it
    varies faster along one direction, `steep_along` [2] of length 1, each step is Newton's along
    that one.
    """
    moves = np.asarray(displacement / step_px, np.float32)
    away = np.negative(sample(moves, places))
    if steep_along is None:
        for _ in range(steps - 1):
            away = np.negative(sample(moves, places + away))
    else:
        shares = _newton_shares(moves, steep_along)
        away *= sample(shares, places)
        for _ in range(steps - 1):
            there = places + away
            away -= (sample(moves, there) + away) * sample(shares, there)
    away *= step_px
    return away


def _newton_shares(
    moves: NDArray[np.float32], direction: NDArray[np.float32]
) -> NDArray[np.float32]:
    """What of its error each cell may correct at once [h, w, 2]: the less, the more it stretches
    along a direction. Moves are in cells."""
    slope = np.zeros(moves.shape[:2], np.float32)
    along = moves @ direction
    slope[:, 1:-1] += (along[:, 2:] - along[:, :-2]) * (direction[0] / 2)
    slope[1:-1] += (along[2:] - along[:-2]) * (direction[1] / 2)
    share = 1.0 / np.clip(1.0 + slope, LEAST_STRETCH, MOST_STRETCH)
    return np.asarray(cv2.merge([share, share]), np.float32)
