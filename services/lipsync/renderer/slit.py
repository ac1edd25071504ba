"""Opens and closes one slit of a face, a mouth or an eye: two layers over what lies behind."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.lipsync.pixels import Map, doubled, sample, sample_line
from services.lipsync.renderer.fields import motion_fields
from services.lipsync.renderer.frame import FaceFrame, Points
from services.lipsync.renderer.layers import Layers
from services.lipsync.renderer.shape import SAMPLES, FaceShape, Slit
from services.lipsync.renderer.zone import Cells, Zone, backward

_CELLS_PER_IOD, _LEAST_CELL_PX = 40.0, 2
_PADDING = 0.22
STEPS, STEEP_STEPS = 5, 6
"""How often a warp's inverse is bettered, and one that may be steep."""
_OVERLAP_PX, _TOUCHING_GAP = 1.5, 0.015


class SlitWarp:
    """Moves the two sides of a slit apart; everything for one picture size is made ready once.

    What it returns is overwritten by its next call. Not thread-safe.
    """

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
        self._down = frame.turn[:, 1]
        self.down_px = self._down * np.float32(frame.iod_px)
        """One inter-ocular distance down the face, picture pixels [2]."""
        step = max(_LEAST_CELL_PX, round(frame.iod_px / _CELLS_PER_IOD))
        self.targets, self.cells = Cells(zone, step), Cells(self.source, step)
        self._places = self.cells.places_of(self.targets.centres)
        self.origins = [self.targets.centres, self.targets.centres]
        """Where the centres of `targets` come from, picture pixels: of what lies above the slit,
        and below."""
        self._corner = np.array([self.source.x, self.source.y], np.float32)
        self.points = frame.from_picture(self.cells.centres)
        """Where motion is computed, face coordinates [h, w, 2]."""
        self.fields = _fields_at(frame, shape, self.cells.centres, rigid)
        edge_x = slit.x
        edges = [np.stack([edge_x, y], axis=-1) for y in (slit.upper, slit.lower)]
        self.edge_fields = tuple(_face_fields(frame, shape, edge, rigid) for edge in edges)
        """The smooth motions at both edges, face coordinates [k, n, 2], upper then lower."""
        self.layers_at_rest = [
            doubled(side) for side in _sources(picture, frame, slit, self.source)
        ]
        """Both sides in `source` as the picture shows them, at twice its density [2h, 2w, 4]."""
        self._layers = [np.empty((zone.height, zone.width, 4), np.uint8) for _ in range(2)]

    def smooth(self, weights: NDArray[np.float32]) -> NDArray[np.float32]:
        """The smooth motions at `points`, pixels [h, w, 2]."""
        flat = weights @ self.fields.reshape(len(weights), -1)
        return np.asarray(flat.reshape(self.points.shape), np.float32)

    def trace(
        self,
        smooth: NDArray[np.float32],
        upper_down: NDArray[np.float32],
        lower_down: NDArray[np.float32],
        *,
        steep: bool = False,
    ) -> None:
        """Finds `origins` when, beside the smooth motions, each of `points` sinks by so much on
        either side, inter-ocular distances [h, w].

        `steep`: the motion may stretch skin to twice its height and more."""
        self.origins = [
            self._origins(smooth + down[..., None] * self.down_px, steep=steep)
            for down in (upper_down, lower_down)
        ]

    def layers(self) -> Layers:
        """Both sides as they lie when they come from `origins`."""
        for side, origins, layer in zip(
            self.layers_at_rest, self.origins, self._layers, strict=True
        ):
            sample(side, self._at_pixels(origins), out=layer)
        return Layers(*self._layers)

    def backward(self, displacement: NDArray[np.float32]) -> Map:
        """Where each pixel of the zone comes from [h, w, 2] in a doubled picture of `source`, for
        a displacement of `points`."""
        return self._at_pixels(self._origins(displacement, steep=False))

    def _origins(self, displacement: NDArray[np.float32], *, steep: bool) -> Map:
        step, places = self.targets.step_px, self._places
        if steep:
            away = backward(displacement, places, step, STEEP_STEPS, steep_along=self._down)
        else:
            away = backward(displacement, places, step, STEPS)
        away += self.targets.centres
        return away

    def _at_pixels(self, origins: Map) -> Map:
        """Places of the picture at the centres of `targets`, in the doubled picture at pixels."""
        every = slice(0, self.targets.rows), slice(0, self.targets.columns)
        return self.targets.at_pixels((origins - self._corner) * np.float32(2.0), *every)


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
    pixels = zone.pixels()
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
