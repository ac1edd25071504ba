"""Draws one avatar at one size: the picture, and in it a face that moves."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from services.lipsync.expression import Expression
from services.lipsync.pack import AvatarPack
from services.lipsync.pixels import blurred, doubled, enlarged, resized, sample
from services.lipsync.renderer.eyes import EyePicture
from services.lipsync.renderer.fields import FIELDS, field_weights, motion_fields
from services.lipsync.renderer.frame import FaceFrame, smoothstep
from services.lipsync.renderer.mouth import Mouth
from services.lipsync.renderer.shape import FaceShape, face_shape
from services.lipsync.renderer.slit import Zone, inverse

_GRID_PER_IOD = 14.0
_STILL_PX = 0.02
_FEATHER_PX = 3
# The least that every motion may do to count as moving a point.
_REACH_WEIGHTS = {"yaw": 0.1, "pitch": 0.1, "roll": 0.06, "shift_x": 0.06, "shift_y": 0.06}


class PictureRenderer:
    """Draws the faces of one pack at one size; not thread-safe."""

    def __init__(self, pack: AvatarPack, width: int, height: int) -> None:
        """A shape other than the pack's is padded with a soft continuation of the picture."""
        canvas, place = _fit(pack.picture, width, height)
        scale = place.width / pack.width
        self._canvas = canvas
        self._frame = canvas.copy()
        picture = np.ascontiguousarray(canvas[place.slices])
        frame = FaceFrame.of(pack.landmarks).scaled(scale, (0.0, 0.0))
        shape = face_shape(pack.picture, pack.landmarks)
        rigid = _rigid(pack.person, frame, picture)
        self._picture, self._view = picture, self._frame[place.slices]
        self._doubled = doubled(picture)
        self._place_grid(frame, shape, rigid)
        self._mouth = Mouth(picture, frame, shape, rigid)
        self._eyes = [EyePicture(picture, frame, shape, side, rigid) for side in (0, 1)]
        self._zones = [self._mouth.zone, *(eye.zone for eye in self._eyes)]
        self._feathers = [_feather(zone) for zone in self._zones]

    def render(self, expression: Expression) -> NDArray[np.uint8]:
        """The picture of an expression, RGB [h, w, 3]; the next call overwrites it."""
        expression = replace(expression, mouth=self._mouth.articulated(expression.mouth))
        weights = field_weights(expression)
        self._warp(weights)
        drawn = [
            self._mouth.draw(weights, expression.mouth),
            *(eye.draw(weights, expression) for eye in self._eyes),
        ]
        for zone, picture, feather in zip(self._zones, drawn, self._feathers, strict=True):
            view = self._view[zone.slices]
            base = view.astype(np.float32)
            base += (picture - base) * feather
            np.copyto(view, np.rint(base, out=base).astype(np.uint8))
        return self._frame

    def _place_grid(self, frame: FaceFrame, shape: FaceShape, rigid: NDArray[np.float32]) -> None:
        height, width = self._picture.shape[:2]
        whole = Zone(0, 0, width, height)
        step = max(2.0, frame.iod_px / _GRID_PER_IOD)
        zone = _moving(whole, step, frame, shape, rigid)
        self._zone = zone
        self._grid = zone.grid(step)
        rows, columns = self._grid.shape[:2]
        self._origin = np.array([zone.x - 0.5, zone.y - 0.5], np.float32)
        self._to_cell = np.array([columns / zone.width, rows / zone.height], np.float32)
        self._pixels = zone.grid(1.0)
        self._fields = _fields(self._grid, frame, shape, rigid).reshape(len(FIELDS), -1)

    def _warp(self, weights: NDArray[np.float32]) -> None:
        field = (weights @ self._fields).reshape(self._grid.shape)
        shift = inverse(self._grid, field, self._origin, self._to_cell, steps=4)
        maps = enlarged(shift, self._zone.width, self._zone.height)
        maps += self._pixels
        maps *= np.float32(2.0)
        view = self._view[self._zone.slices]
        view[:] = sample(self._doubled, maps)


def _fields(
    grid: NDArray[np.float32], frame: FaceFrame, shape: FaceShape, rigid: NDArray[np.float32]
) -> NDArray[np.float32]:
    fields = motion_fields(shape, frame.from_picture(grid), sample(rigid, grid))
    return np.ascontiguousarray(fields @ frame.turn.T * np.float32(frame.iod_px))


def _moving(
    zone: Zone, step: float, frame: FaceFrame, shape: FaceShape, rigid: NDArray[np.float32]
) -> Zone:
    """The part of a zone in which anything ever moves."""
    grid = zone.grid(step)
    reach = np.array([_REACH_WEIGHTS.get(name, 1.0) for name in FIELDS], np.float32)
    fields = np.abs(_fields(grid, frame, shape, rigid)).max(axis=-1)
    moves = np.tensordot(reach, fields, axes=1) > _STILL_PX
    ys, xs = np.flatnonzero(moves.any(axis=1)), np.flatnonzero(moves.any(axis=0))
    x0, y0 = grid[max(ys[0] - 1, 0), max(xs[0] - 1, 0)]
    x1, y1 = grid[min(ys[-1] + 1, len(grid) - 1), min(xs[-1] + 1, grid.shape[1] - 1)]
    left, top = max(int(x0) - 1, 0), max(int(y0) - 1, 0)
    right, bottom = min(int(x1) + 2, zone.width), min(int(y1) + 2, zone.height)
    if xs[-1] + 1 >= grid.shape[1]:
        right = zone.width
    if ys[-1] + 1 >= len(grid):
        bottom = zone.height
    return Zone(left, top, right - left, bottom - top)


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
    step, border = frame.iod_px / _GRID_PER_IOD, 0.22 * frame.iod_px
    x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)
    ramp_x = smoothstep(np.minimum(x, width - 1 - x), step, step + border)
    ramp_y = smoothstep(np.minimum(y, height - 1 - y), step, step + border)
    return np.asarray(weight * ramp_x * ramp_y[:, None], np.float32)


def _feather(zone: Zone) -> NDArray[np.float32]:
    x, y = (np.arange(n, dtype=np.float32) for n in (zone.width, zone.height))
    ramps = [
        np.clip((np.minimum(line, len(line) - 1 - line)) / _FEATHER_PX, 0.0, 1.0) for line in (x, y)
    ]
    return np.asarray(ramps[0] * ramps[1][:, None], np.float32)[..., None]


def _fit(picture: NDArray[np.uint8], width: int, height: int) -> tuple[NDArray[np.uint8], Zone]:
    """The picture at its largest inside the size, in the middle of what continues it."""
    rows, columns = picture.shape[:2]
    scale = min(width / columns, height / rows)
    inner = (min(width, round(columns * scale)), min(height, round(rows * scale)))
    fitted = resized(picture, *inner)
    place = Zone((width - inner[0]) // 2, (height - inner[1]) // 2, *inner)
    if inner == (width, height):
        return np.ascontiguousarray(fitted, np.uint8), place
    cover = max(width / columns, height / rows)
    size = (max(width, round(columns * cover)), max(height, round(rows * cover)))
    wide = resized(picture, *size)
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    canvas = wide[top : top + height, left : left + width]
    canvas = blurred(canvas, 0.05 * max(width, height))
    canvas = np.ascontiguousarray(canvas * 0.75, np.uint8)
    canvas[place.slices] = fitted
    return canvas, place
