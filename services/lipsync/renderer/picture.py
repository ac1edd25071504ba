"""Draws one avatar at one size: the picture, and in it a face that moves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from services.lipsync.expression import GAZE_PER_RADIAN, Expression
from services.lipsync.pack import AvatarPack
from services.lipsync.pixels import blurred, doubled, opaque, resized, sample
from services.lipsync.renderer.creases import crease_weights
from services.lipsync.renderer.eyes import EyePicture
from services.lipsync.renderer.fields import FIELDS, field_weights, motion_fields
from services.lipsync.renderer.frame import FaceFrame, smoothstep
from services.lipsync.renderer.layers import blended
from services.lipsync.renderer.matte import CutOut, cut_out
from services.lipsync.renderer.mouth import Mouth
from services.lipsync.renderer.scene import (
    Apart,
    Behind,
    Lay,
    Overlay,
    Scene,
    beyond,
    laid_whole,
    premultiplied,
)
from services.lipsync.renderer.shading import shadings
from services.lipsync.renderer.shape import FaceShape, face_shape
from services.lipsync.renderer.zone import Cells, Zone, backward

_CELLS_PER_IOD, _LEAST_CELL_PX = 14.0, 2
INVERSION_STEPS = 4
_STILL_PX = 0.02
_FEATHER_PX = 3
# What continues a picture beyond its edges: how blurred, at which size, how bright.
_SOFTNESS, _SOFT_SIDE, _SOFT_LIGHT = 0.05, 128, 0.75
_MATTE_MARGIN, _SIDES_FADE = 0.25, 0.35
"""How far parts of a face go at most, and where a person that a picture cuts off at its sides fades
out; inter-ocular distances."""
_WHOLE = 0.98
_MOST_TURNED = 0.10
"""How far a head can be turned towards the viewer without looking bent, radians."""
# Rows that are warped at once: what they need fits into a core's cache.
_STRIP_PX = 64
# The least that every motion may do to count as moving a point.
_REACH_WEIGHTS = {"yaw": 0.1, "pitch": 0.1, "roll": 0.06, "shift_x": 0.06, "shift_y": 0.06}


class PictureRenderer:
    """Draws the faces of one pack at one size; not thread-safe."""

    def __init__(
        self, pack: AvatarPack, width: int, height: int, scene: Scene | None = None
    ) -> None:
        """A shape other than the pack's is padded with a soft continuation of the picture; in a
        scene the person stands before that, or before nothing, at the lower edge."""
        canvas, place = _fit(pack.picture, width, height, standing=scene is not None)
        scale = place.width / pack.width
        self.canvas, self.place = canvas, place
        """What is drawn into, and where in it the pack's picture lies."""
        self._view = canvas[place.slices]
        picture = np.ascontiguousarray(canvas[place.slices])
        frame = FaceFrame.of(pack.landmarks).scaled(scale, (0.0, 0.0))
        shape = face_shape(pack.picture, pack.landmarks)
        rigid = _rigid(pack.person, frame, picture)
        self._aside = float(np.radians(pack.landmarks.yaw_degrees))
        self.overlay: Overlay | None = None
        self.apart: Apart | None = None
        self._lay: Lay = laid_whole
        layer = opaque(picture)
        if scene is not None:
            person = _cut_out(picture, frame, scene, fading=place.width < _WHOLE * width)
            if scene.behind is None:
                self.apart = Apart(person, canvas, place, frame.iod_px)
                self._lay = self.apart.lay
                picture, layer = self.apart.colours, self.apart.layer
            else:
                picture, layer = person.colours, premultiplied(person)
                self.overlay = _staged(canvas, place, person.matte, layer, scene.behind)
                self._lay = self.overlay.lay
        self.body = _Body(layer, frame, shape, rigid)
        self.mouth = Mouth(picture, frame, shape, rigid)
        self.eyes = [EyePicture(picture, frame, shape, side, rigid) for side in (0, 1)]
        mesh = FaceFrame.of(pack.landmarks).from_picture(pack.landmarks.points[:, :2])
        moved = self.body.cells, self.mouth.warp.targets
        self.shadings = shadings(picture, frame, shape, mesh, rigid, moved)
        self._zones = [self.mouth.zone, *(eye.zone for eye in self.eyes)]
        self.feathers = [_feather(zone) for zone in self._zones]
        margin_px = round(_MATTE_MARGIN * frame.iod_px)
        self.matted = [
            self.overlay is not None and beyond(zone, self.overlay.matte, margin_px)
            for zone in self._zones
        ]
        """Of mouth and eyes, whether what is behind the person may show in them."""

    def render(self, expression: Expression) -> NDArray[np.uint8]:
        """The picture of an expression, RGB [h, w, 3], before nothing RGBA [h, w, 4] that is not
        premultiplied; the next call overwrites it."""
        expression, weights = self.posed(expression)
        self.body.draw(weights, self._view, self._lay)
        drawn = [
            self.mouth.draw(weights, expression.mouth, expression.composed),
            *(eye.draw(weights, expression) for eye in self.eyes),
        ]
        for n, (zone, picture) in enumerate(zip(self._zones, drawn, strict=True)):
            view = self._view[zone.slices]
            view[:] = blended(picture, view, self._share(n, zone))
        self._shade(expression, self._view)
        return self.canvas if self.apart is None else self.apart.joined(self.canvas)

    def _shade(self, expression: Expression, view: NDArray[np.uint8]) -> None:
        """What is drawn last lies where bodies and lips were traced."""
        creases = crease_weights(expression)
        for shading in self.shadings:
            shading.draw(creases, self.body.origins, self.mouth.warp.origins, view)

    def posed(self, expression: Expression) -> tuple[Expression, NDArray[np.float32]]:
        """The expression as this face makes it, and how strongly each motion takes part [k]."""
        facing = _facing(expression, self._aside)
        mouth = self.mouth.articulated(facing.mouth, facing.composed)
        made = replace(facing, mouth=mouth)
        return made, field_weights(made)

    def _share(self, number: int, zone: Zone) -> NDArray[np.float32]:
        """How far a zone's own picture takes the place of the body's, 0 to 1 [h, w]."""
        feather = self.feathers[number]
        if self.overlay is None or not self.matted[number]:
            return feather
        return feather * (self.overlay.matte[zone.slices] * np.float32(1 / 255))


def _facing(expression: Expression, aside: float) -> Expression:
    """The expression of a head that stands `aside`, radians, turned to the viewer as it asks; the
    eyes stay where they look."""
    if not expression.facing:
        return expression
    turn = -expression.facing * min(max(aside, -_MOST_TURNED), _MOST_TURNED)
    return replace(
        expression,
        head=replace(expression.head, yaw=expression.head.yaw + turn),
        gaze_x=expression.gaze_x - GAZE_PER_RADIAN * turn,
    )


@dataclass(frozen=True, slots=True)
class _Strip:
    """Cells that are drawn at once, and the pixels of the picture that they cover."""

    rows: slice
    columns: slice
    pixels: tuple[slice, slice]


class _Body:
    """All that moves smoothly: one warp of the picture, where anything ever moves."""

    def __init__(
        self,
        layer: NDArray[np.uint8],
        frame: FaceFrame,
        shape: FaceShape,
        rigid: NDArray[np.float32],
    ) -> None:
        """`layer`: the picture, RGBA [h, w, 4]."""
        whole = Zone(0, 0, layer.shape[1], layer.shape[0])
        step = max(_LEAST_CELL_PX, round(frame.iod_px / _CELLS_PER_IOD))
        zone = _enclosing(_moves(_fields(Cells(whole, step), frame, shape, rigid)), whole, step)
        self.cells = Cells(zone, step)
        fields = _fields(self.cells, frame, shape, rigid)
        self.fields = fields.reshape(len(FIELDS), -1)
        self._strips = list(_strips(self.cells, _moves(fields)))
        self._places = self.cells.places_of(self.cells.centres)
        self.doubled = doubled(layer)
        self.origins = self.cells.centres
        """Where the centres of `cells` come from, picture pixels."""

    def trace(self, weights: NDArray[np.float32]) -> None:
        """Finds `origins`."""
        field = (weights @ self.fields).reshape(self._places.shape)
        away = backward(field, self._places, self.cells.step_px, INVERSION_STEPS)
        self.origins = self.cells.centres + away

    def draw(
        self,
        weights: NDArray[np.float32],
        picture: NDArray[np.uint8],
        lay: Lay,
    ) -> None:
        """Draws it into a picture, RGB [h, w, 3], whose other parts never change."""
        self.trace(weights)
        doubled_places = self.origins * np.float32(2.0)
        for strip in self._strips:
            at = self.cells.at_pixels(doubled_places, strip.rows, strip.columns)
            lay(sample(self.doubled, at), strip.pixels, picture[strip.pixels])


def _fields(
    cells: Cells, frame: FaceFrame, shape: FaceShape, rigid: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Every motion at the cells' centres, pixels [k, h, w, 2]."""
    points = frame.from_picture(cells.centres)
    fields = motion_fields(shape, points, sample(rigid, cells.centres))
    return np.ascontiguousarray(fields @ frame.turn.T * np.float32(frame.iod_px))


def _moves(fields: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Whether anything in a cell, or in one beside it, ever moves [h, w]; the ring is left out."""
    reach = np.array([_REACH_WEIGHTS.get(name, 1.0) for name in FIELDS], np.float32)
    moves = np.tensordot(reach, np.abs(fields).max(axis=-1), axes=1) > _STILL_PX
    near = cv2.dilate(moves.astype(np.uint8), np.ones((3, 3), np.uint8))
    return np.asarray(near[1:-1, 1:-1] > 0)


def _enclosing(moves: NDArray[np.bool_], whole: Zone, step: int) -> Zone:
    """The pixels of the cells that move."""
    rows, columns = (np.flatnonzero(moves.any(axis=axis)) * step for axis in (1, 0))
    right = min(int(columns[-1]) + step, whole.width)
    bottom = min(int(rows[-1]) + step, whole.height)
    left, top = int(columns[0]), int(rows[0])
    return Zone(left, top, right - left, bottom - top)


def _strips(cells: Cells, moves: NDArray[np.bool_]) -> Iterator[_Strip]:
    """The cells that move, in strips of rows."""
    zone, step = cells.zone, cells.step_px
    at_once = max(1, _STRIP_PX // step)
    for top in range(0, cells.rows, at_once):
        rows = slice(top, min(top + at_once, cells.rows))
        columns = np.flatnonzero(moves[rows].any(axis=0))
        if len(columns):
            first, last = int(columns[0]), int(columns[-1]) + 1
            x, y = zone.x + first * step, zone.y + rows.start * step
            right = min(zone.x + last * step, zone.x + zone.width)
            bottom = min(zone.y + rows.stop * step, zone.y + zone.height)
            yield _Strip(rows, slice(first, last), (slice(y, bottom), slice(x, right)))


def _rigid(
    person: NDArray[np.uint8], frame: FaceFrame, picture: NDArray[np.uint8]
) -> NDArray[np.float32]:
    """How far each pixel belongs to the person [h, w]: 1 inside, 0 a little way off and at the
    picture's edges, which stand still."""
    height, width = picture.shape[:2]
    inside = resized(person, width, height) > 127
    away = np.asarray(
        cv2.distanceTransform((~inside).astype(np.uint8), cv2.DIST_L2, 3), np.float32
    ) / np.float32(frame.iod_px)
    weight = 1.0 - smoothstep(away, 0.0, 0.30)
    weight = blurred(weight, 0.05 * frame.iod_px)
    step, border = frame.iod_px / _CELLS_PER_IOD, 0.22 * frame.iod_px
    x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)
    ramp_x = smoothstep(np.minimum(x, width - 1 - x), step, step + border)
    ramp_y = smoothstep(np.minimum(y, height - 1 - y), step, step + border)
    return np.asarray(weight * ramp_x * ramp_y[:, None], np.float32)


def _cut_out(picture: NDArray[np.uint8], frame: FaceFrame, scene: Scene, *, fading: bool) -> CutOut:
    """The person in a picture; `fading`: towards its sides, which lie inside the frame."""
    height, width = picture.shape[:2]
    person = cut_out(picture, frame, resized(scene.likelihood, width, height))
    if not fading:
        return person
    x = np.arange(width, dtype=np.float32)
    ramp = smoothstep(np.minimum(x, width - 1 - x), 0.0, _SIDES_FADE * frame.iod_px)
    return replace(person, matte=np.rint(person.matte * ramp).astype(np.uint8))


def _staged(
    canvas: NDArray[np.uint8],
    place: Zone,
    matte: NDArray[np.uint8],
    layer: NDArray[np.uint8],
    behind: Behind,
) -> Overlay:
    """Puts a background behind the person on the canvas; what does so again in every frame."""
    person = np.zeros(canvas.shape[:2], np.float32)
    person[place.slices] = matte * np.float32(1 / 255)
    canvas[:] = behind(canvas, person)
    view = canvas[place.slices]
    overlay = Overlay(view.copy())
    overlay.lay(layer, (slice(0, place.height), slice(0, place.width)), view)
    return overlay


def _feather(zone: Zone) -> NDArray[np.float32]:
    x, y = (np.arange(n, dtype=np.float32) for n in (zone.width, zone.height))
    ramps = [
        np.clip((np.minimum(line, len(line) - 1 - line)) / _FEATHER_PX, 0.0, 1.0) for line in (x, y)
    ]
    return np.asarray(ramps[0] * ramps[1][:, None], np.float32)


def _fit(
    picture: NDArray[np.uint8], width: int, height: int, *, standing: bool
) -> tuple[NDArray[np.uint8], Zone]:
    """The picture at its largest inside the size, in the middle of what continues it; `standing`:
    at the lower edge."""
    rows, columns = picture.shape[:2]
    scale = min(width / columns, height / rows)
    inner = (min(width, round(columns * scale)), min(height, round(rows * scale)))
    fitted = resized(picture, *inner)
    above = height - inner[1]
    place = Zone((width - inner[0]) // 2, above if standing else above // 2, *inner)
    if inner == (width, height):
        return np.ascontiguousarray(fitted, np.uint8), place
    cover = max(width / columns, height / rows)
    size = (max(width, round(columns * cover)), max(height, round(rows * cover)))
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    # What is that soft has no pixels to lose.
    small = [max(1, round(side * _SOFT_SIDE / max(width, height))) for side in size]
    soft = blurred(resized(picture, small[0], small[1]), _SOFTNESS * _SOFT_SIDE)
    wide = resized(soft, *size)
    canvas = np.ascontiguousarray(
        wide[top : top + height, left : left + width] * _SOFT_LIGHT, np.uint8
    )
    canvas[place.slices] = fitted
    return canvas, place
