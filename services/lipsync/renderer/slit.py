"""Opens and closes one slit of a face, a mouth or an eye: two layers over what lies behind."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.lipsync.pixels import doubled, enlarged, sample, sample_line
from services.lipsync.renderer.fields import motion_fields
from services.lipsync.renderer.frame import FaceFrame, Points
from services.lipsync.renderer.shape import SAMPLES, FaceShape, Slit

_GRID_PX = 2
_PADDING = 0.22
_INVERSION_STEPS = 5
_OVERLAP_PX, _TOUCHING_GAP = 1.5, 0.015


@dataclass(frozen=True, slots=True)
class Zone:
    """A rectangle of the picture around a slit, pixels."""

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

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns of the picture."""
        return slice(self.y, self.y + self.height), slice(self.x, self.x + self.width)

    def grid(self, step_px: float) -> NDArray[np.float32]:
        """Points of the picture, about `step_px` apart, from corner to corner [h, w, 2]."""
        columns, rows = (max(2, round(n / step_px)) for n in (self.width, self.height))
        x = self.x - 0.5 + (np.arange(columns) + 0.5) * (self.width / columns)
        y = self.y - 0.5 + (np.arange(rows) + 0.5) * (self.height / rows)
        return np.stack(np.meshgrid(x, y), axis=-1).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Layers:
    """The three pictures of a zone at one instant, float32, colours 0 to 255."""

    upper: NDArray[np.float32]
    """Colour and coverage (0 to 1) of what hangs from above [h, w, 4]."""
    lower: NDArray[np.float32]
    """Likewise from below."""


class SlitWarp:
    """Moves the two sides of a slit apart; everything for one picture size is made ready once."""

    def __init__(
        self,
        picture: NDArray[np.uint8],
        frame: FaceFrame,
        shape: FaceShape,
        slit: Slit,
        zone: Zone,
        rigid: NDArray[np.float32],
    ) -> None:
        """`rigid`: how far each pixel belongs to the head [H, W]."""
        self.zone = zone
        self.source = zone.padded(
            round(_PADDING * frame.iod_px), (picture.shape[1], picture.shape[0])
        )
        """The larger rectangle from which the zone may draw."""
        self._frame = frame
        self._targets = zone.grid(_GRID_PX)
        self._pixels = zone.grid(1.0) - np.array([self.source.x, self.source.y], np.float32)
        grid = self.source.grid(_GRID_PX)
        self.grid = grid
        """Points of the picture at which motion is computed [h, w, 2]."""
        rows, columns = grid.shape[:2]
        # From picture pixels to cells of the grid.
        self._to_cell = np.array(
            [columns / self.source.width, rows / self.source.height], np.float32
        )
        self._cell_origin = np.array([self.source.x - 0.5, self.source.y - 0.5], np.float32)
        self.points = frame.from_picture(grid)
        """The same in face coordinates."""
        self.fields = _fields_at(frame, shape, grid, rigid)
        edge_x = slit.x
        edges = [np.stack([edge_x, y], axis=-1) for y in (slit.upper, slit.lower)]
        self.edge_fields = tuple(_face_fields(frame, shape, edge, rigid) for edge in edges)
        """The smooth motions at both edges, face coordinates [k, n, 2], upper then lower."""
        layers = _sources(picture, frame, slit, self.source)
        self._sources = [doubled(layer) for layer in layers]

    def smooth(self, weights: NDArray[np.float32]) -> NDArray[np.float32]:
        """The smooth motions on the grid, pixels [h, w, 2]."""
        flat = weights @ self.fields.reshape(len(weights), -1)
        return np.asarray(flat.reshape(self.grid.shape), np.float32)

    def layers(
        self,
        smooth: NDArray[np.float32],
        upper_down: NDArray[np.float32],
        lower_down: NDArray[np.float32],
    ) -> Layers:
        """Both sides as they lie when, beside the smooth motions, each point of the grid sinks by
        so much on either side, inter-ocular distances [h, w]."""
        return Layers(
            self._pull(self._sources[0], smooth, upper_down),
            self._pull(self._sources[1], smooth, lower_down),
        )

    def backward(self, displacement: NDArray[np.float32]) -> NDArray[np.float32]:
        """Where each pixel of the zone comes from [h, w, 2] in a doubled picture of `source`, for
        a field on the grid."""
        shift = inverse(self._targets, displacement, self._cell_origin, self._to_cell)
        shift = enlarged(shift, self.zone.width, self.zone.height)
        shift += self._pixels
        shift *= np.float32(2.0)
        return shift

    def _pull(
        self,
        source: NDArray[np.uint8],
        smooth: NDArray[np.float32],
        down: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        # Downwards as the face stands.
        field = smooth + down[..., None] * (self._frame.turn[:, 1] * np.float32(self._frame.iod_px))
        layer = sample(source, self.backward(field)).astype(np.float32)
        layer[..., 3] *= np.float32(1.0 / 255.0)
        return layer


def inverse(
    targets: NDArray[np.float32],
    displacement: NDArray[np.float32],
    cell_origin: NDArray[np.float32],
    to_cell: NDArray[np.float32],
    steps: int = _INVERSION_STEPS,
) -> NDArray[np.float32]:
    """How far away each target comes from [h, w, 2], when every point moves by a displacement.

    Fixed-point iteration of x = y - d(x) (Chen et al., 2008); d must vary slower than x.
    """
    origin = (targets - cell_origin) * to_cell - np.float32(0.5)
    there = sample(displacement, origin)
    for _ in range(steps - 1):
        there = sample(displacement, origin - there * to_cell)
    return -there


def _fields_at(
    frame: FaceFrame, shape: FaceShape, pixels: NDArray[np.float32], rigid: NDArray[np.float32]
) -> NDArray[np.float32]:
    """The smooth motions at picture points, pixels [k, h, w, 2]."""
    points = frame.from_picture(pixels)
    fields = motion_fields(shape, points, sample(rigid, pixels))
    return fields @ frame.turn.T * np.float32(frame.iod_px)


def _face_fields(
    frame: FaceFrame, shape: FaceShape, points: Points, rigid: NDArray[np.float32]
) -> NDArray[np.float32]:
    pixels = frame.to_picture(points)
    return motion_fields(shape, points, sample(rigid, pixels[None])[0])


def _sources(
    picture: NDArray[np.uint8], frame: FaceFrame, slit: Slit, zone: Zone
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """What hangs from above and what stands below, each continued a little across its edge."""
    pixels = zone.grid(1.0)
    points = frame.from_picture(pixels)
    place = slit.along(points[..., 0])
    index = (place + 1.0) * np.float32((SAMPLES - 1) / 2)
    inside = (np.abs(place) < 1.0).astype(np.float32)
    px = np.float32(frame.iod_px)
    # Where lips touch, the lower one goes on behind the upper, so that nothing shines through.
    touching = 1.0 - np.minimum(sample_line(slit.gap, index) / np.float32(_TOUCHING_GAP), 1.0)
    overlap_px = np.float32(_OVERLAP_PX) * touching
    layers = []
    for heights, sign in ((slit.upper, 1.0), (slit.lower, -1.0)):
        edge = sample_line(heights, index)
        beyond_px = (points[..., 1] - edge) * np.float32(sign) * px
        back_px = np.maximum(beyond_px - 1.0, 0.0) * inside
        kept = pixels - (back_px * np.float32(sign))[..., None] * frame.turn[:, 1]
        colour = sample(picture, kept)
        limit = 0.5 + (0.0 if sign > 0 else overlap_px)
        cover = np.clip(limit - beyond_px, 0.0, 1.0)
        if sign < 0:
            cover = np.maximum(cover, 1.0 - inside)
        layers.append(np.dstack([colour, np.rint(cover * 255).astype(np.uint8)]))
    return layers[0], layers[1]
