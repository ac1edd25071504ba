"""What of an avatar stays the same in every frame, as a graph takes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.lipsync.gpu.form import Form, ZoneForm
from services.lipsync.gpu.layout import Layout
from services.lipsync.pixels import blurred
from services.lipsync.renderer import PictureRenderer
from services.lipsync.renderer.eyes import EyePicture
from services.lipsync.renderer.fields import FIELDS
from services.lipsync.renderer.mouth import LEAST_SHADE, Mouth
from services.lipsync.renderer.shading import Shading
from services.lipsync.renderer.shape import SAMPLES
from services.lipsync.renderer.slit import SlitWarp
from services.lipsync.renderer.zone import Cells, Zone

SIDES, BALL = 2, 3
"""Layers of a slit: its two sides, and for an eye the ball behind them."""
EYE_FIELDS = len(FIELDS) + 4
"""What moves an eye's layers: the smooth motions, both lids, and the iris in x and y."""

REGIONS, CHANGES = 2, 8
"""Parts of a face whose skin is shaded, and what changes the light in one at most."""

_ZONE = {"start": 2, "up": 2, "corner": 2, "reach": 1, "paste": 2}
MARKS = Layout(
    body_up=(3,),
    body_reach=(2,),
    mouth_down=(2,),
    cavity=(3,),
    shade=(3,),
    upper_shown=(1,),
    matted=(3,),
    skin_body=(REGIONS, 3),
    skin_lips=(REGIONS, 3),
    skin_reach=(REGIONS, 2),
    skin_up=(REGIONS, 3),
    skin_tint=(REGIONS, 3),
    **{f"mouth_{name}": (size,) for name, size in _ZONE.items()},
    **{f"eyes_{name}": (2, size) for name, size in _ZONE.items()},
)
"""Single numbers of an avatar; the places among them are in the units of `Value.sampled`."""


@dataclass(frozen=True, slots=True)
class Table:
    """What one of the tensors of an avatar looks like."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]


def tables(form: Form) -> dict[str, Table]:
    """The tensors of an avatar by their names."""
    mouth, eyes = form.mouth, form.eyes
    floats = {
        "marks": (MARKS.size,),
        "body_fields": (len(FIELDS), 2 * form.cells**2),
        "mouth_fields": (len(FIELDS), 2 * mouth.cells**2),
        "mouth_along": (mouth.cells, mouth.cells, 2),
        "mouth_follow": (4, mouth.cells, mouth.cells),
        "mouth_sheets": (3, 4, form.sheet // 2, form.sheet),
        "mouth_own": (5, mouth.pixels, mouth.pixels),
        "mouth_blurs": (3, 2, mouth.pixels, mouth.pixels),
        "mouth_at_rest": (mouth.pixels, mouth.pixels),
        "mouth_feather": (mouth.pixels, mouth.pixels),
        "eyes_fields": (2, EYE_FIELDS, 3 * eyes.cells**2),
        "eyes_blurs": (2, 2, eyes.pixels, eyes.pixels),
        "eyes_feather": (2, eyes.pixels, eyes.pixels),
        "skin_fields": (REGIONS, CHANGES, form.skin_cells**2),
        "skin_sides": (REGIONS, 2, form.skin_cells, form.skin_cells),
        "skin_of_lips": (REGIONS, form.skin_cells, form.skin_cells),
    }
    bytes_ = {
        "layer": (4, 2 * form.height, 2 * form.width),
        "backdrop": (3, form.height, form.width),
        "mouth_layers": (SIDES, 4, 2 * mouth.source, 2 * mouth.source),
        "eyes_layers": (2, BALL, 4, 2 * eyes.source, 2 * eyes.source),
    }
    return {
        **{name: Table(np.dtype(np.float32), shape) for name, shape in floats.items()},
        **{name: Table(np.dtype(np.uint8), shape) for name, shape in bytes_.items()},
    }


def record(renderer: PictureRenderer, form: Form) -> dict[str, NDArray[Any]]:
    """The tensors of what a renderer draws, in the shapes of `tables`."""
    arrays = {
        "marks": MARKS.packed(_marks(renderer, form)),
        **_body(renderer, form),
        **_mouth(renderer.mouth, renderer.feathers[0], form),
        **_eyes(renderer, form.eyes),
        **_skin(renderer.shadings, form.skin_cells),
    }
    return {
        name: np.ascontiguousarray(arrays[name], table.dtype).reshape(table.shape)
        for name, table in tables(form).items()
    }


def _body(renderer: PictureRenderer, form: Form) -> dict[str, NDArray[Any]]:
    body, place = renderer.body, renderer.place
    layer = np.zeros((2 * form.height, 2 * form.width, 4), np.uint8)
    layer[Zone(2 * place.x, 2 * place.y, 2 * place.width, 2 * place.height).slices] = body.doubled
    backdrop = renderer.canvas.copy()
    if renderer.overlay is not None:
        backdrop[place.slices] = renderer.overlay.background
    if renderer.apart is not None:
        backdrop[:] = 0
    cells = body.cells
    moves = body.fields.reshape(len(FIELDS), cells.rows + 2, cells.columns + 2, 2)
    # Beyond its cells nothing moves.
    fields = _square(_back(moves, cells, form.cells), form.cells, mode="constant")
    return {
        "layer": layer.transpose(2, 0, 1),
        "backdrop": backdrop.transpose(2, 0, 1),
        "body_fields": fields,
    }


def _mouth(mouth: Mouth, feather: NDArray[np.float32], form: Form) -> dict[str, NDArray[Any]]:
    room = form.mouth
    index = _square(mouth.place * np.float32(2.0 / (SAMPLES - 1)) - 1.0, room.cells)
    interior = mouth.interior
    sheets = (_channels(sheet) for sheet in (interior.tongue, interior.lower, interior.upper))
    own = np.zeros((5, room.pixels, room.pixels), np.float32)
    if mouth.own is not None:
        own = _square(_channels(np.dstack(mouth.own)), room.pixels, mode="constant")
    at_rest = np.ones((room.pixels, room.pixels), np.float32)
    if mouth.shade_at_rest is not None:
        at_rest = _square(np.maximum(mouth.shade_at_rest, LEAST_SHADE), room.pixels)
    light_px, lid_px = mouth.shade_px
    blurs = (
        _blur(mouth.zone, light_px, room.pixels),
        _blur(mouth.zone, lid_px, room.pixels, drop_px=mouth.shade_drop_px),
        _blur(mouth.zone, mouth.softness_px, room.pixels),
    )
    return {
        "mouth_fields": _square(_back(mouth.warp.fields, mouth.warp.cells, room.cells), room.cells),
        "mouth_along": np.stack([index, np.zeros_like(index)], axis=-1),
        "mouth_follow": _square(_channels(mouth.follow), room.cells),
        "mouth_layers": _layers(mouth.warp.layers_at_rest, room),
        "mouth_sheets": np.stack(
            [_padded(sheet, form.sheet // 2, form.sheet, "constant") for sheet in sheets]
        ),
        "mouth_own": own,
        "mouth_blurs": np.stack(blurs),
        "mouth_at_rest": at_rest,
        "mouth_feather": _square(feather, room.pixels, mode="constant"),
    }


def _eyes(renderer: PictureRenderer, room: ZoneForm) -> dict[str, NDArray[Any]]:
    eyes = renderer.eyes
    balls = (np.dstack([eye.ball, np.full(eye.ball.shape[:2], 255, np.uint8)]) for eye in eyes)
    layers = [
        _layers([*eye.warp.layers_at_rest, ball], room)
        for eye, ball in zip(eyes, balls, strict=True)
    ]
    return {
        "eyes_fields": np.stack([_eye_fields(eye, room) for eye in eyes]),
        "eyes_layers": np.stack(layers),
        "eyes_blurs": np.stack([_blur(eye.zone, eye.shadow_px, room.pixels) for eye in eyes]),
        "eyes_feather": np.stack(
            [_square(feather, room.pixels, mode="constant") for feather in renderer.feathers[1:]]
        ),
    }


def _eye_fields(eye: EyePicture, room: ZoneForm) -> NDArray[np.float32]:
    """All that moves an eye, and how steep each of it is [k, 3, cells, cells]."""
    warp = eye.warp
    lids = [lid[..., None] * warp.down_px for lid in eye.lids]
    iris = [eye.gaze[..., None] * axis for axis in np.eye(2, dtype=np.float32)]
    fields = np.concatenate([warp.fields, np.stack([*lids, *iris])])
    down = warp.down_px / np.linalg.norm(warp.down_px)
    along = fields @ down / np.float32(warp.cells.step_px)
    slope = np.zeros_like(along)
    slope[:, :, 1:-1] += (along[:, :, 2:] - along[:, :, :-2]) * (down[0] / 2)
    slope[:, 1:-1] += (along[:, 2:] - along[:, :-2]) * (down[1] / 2)
    back = _back(fields, warp.cells, room.cells)
    return _square(np.concatenate([back, slope[:, None]], axis=1), room.cells)


def _skin(shadings: Sequence[Shading], room: int) -> dict[str, NDArray[Any]]:
    fields = np.zeros((REGIONS, CHANGES, room, room), np.float32)
    sides, of_lips = np.zeros((REGIONS, 2, room, room)), np.zeros((REGIONS, room, room))
    for n, part in enumerate(shadings):
        size = part.sides[0].shape
        changes = part.fields.reshape(-1, *size)
        fields[n, : len(changes)] = _square(changes, room)
        sides[n] = _square(np.stack(part.sides), room)
        of_lips[n][part.mouth] = 1.0
    return {"skin_fields": fields, "skin_sides": sides, "skin_of_lips": of_lips}


def _skin_marks(part: Shading, body: Cells, lips: Cells, place: Zone, form: Form) -> dict[str, Any]:
    """Where the centres of a part's cells lie among the body's and the lips', and how far they are
    carried by them in their own units."""
    room, own = form.skin_cells, part.cells
    marks = {}
    reach = []
    for name, cells, count in (("body", body, form.cells), ("lips", lips, form.zone_cells)):
        per_cell = 2.0 / (count - 1)
        start = cells.places_of(own.centres[0, 0]) * per_cell - 1.0
        marks[f"skin_{name}"] = np.array([own.step_px / cells.step_px * per_cell, *start])
        reach.append(cells.step_px / per_cell / own.step_px * 2.0 / (room - 1))
    return {**marks, "skin_reach": reach, "skin_up": _up(own, place, room), "skin_tint": part.tint}


def _up(cells: Cells, place: Zone, room: int) -> NDArray[np.float64]:
    """From pixels of the frame to places among cells: a scale, and what is added in x and y."""
    per_cell = 2.0 / (room - 1)
    corner = np.array([cells.zone.x + place.x, cells.zone.y + place.y])
    added = ((0.5 - corner) / cells.step_px + 0.5) * per_cell - 1.0
    return np.array([per_cell / cells.step_px, *added])


def _marks(renderer: PictureRenderer, form: Form) -> Mapping[str, Any]:
    body, place, mouth = renderer.body.cells, renderer.place, renderer.mouth
    eyes = [_zone_marks(eye.warp, place, form.eyes) for eye in renderer.eyes]
    sides = 2.0 * np.array([form.width, form.height]) - 1.0
    warp = mouth.warp
    skin = [_skin_marks(part, body, warp.targets, place, form) for part in renderer.shadings]
    return {
        "body_up": _up(body, place, form.cells),
        "body_reach": 2.0 * body.step_px * (form.cells - 1) / sides,
        "mouth_down": -warp.down_px / warp.cells.step_px * 2.0 / (form.mouth.cells - 1),
        "cavity": mouth.palette.cavity,
        "shade": mouth.palette.shade,
        "upper_shown": not mouth.keeps_teeth,
        "matted": renderer.matted,
        **{f"mouth_{k}": v for k, v in _zone_marks(warp, place, form.mouth).items()},
        **{f"eyes_{k}": np.stack([eye[k] for eye in eyes]) for k in _ZONE},
        **{name: np.stack([part[name] for part in skin]) for name in skin[0]},
    }


def _zone_marks(warp: SlitWarp, place: Zone, room: ZoneForm) -> dict[str, NDArray[Any]]:
    per_cell, per_texel = 2.0 / (room.cells - 1), 2.0 / (2 * room.source - 1)
    zone, source, step = warp.zone, warp.source, warp.cells.step_px
    return {
        "start": warp.cells.places_of(warp.targets.centres[0, 0]) * per_cell,
        "up": np.array([per_cell / step, (0.5 / step + 0.5) * per_cell - 1.0]),
        "corner": np.array([zone.x - source.x, zone.y - source.y]) * 2.0 * per_texel,
        "reach": np.array([2.0 * step * per_texel / per_cell]),
        "paste": np.array([zone.x + place.x, zone.y + place.y]) * -2.0 / (room.pixels - 1),
    }


def _back(fields: NDArray[np.float32], cells: Cells, room: int) -> NDArray[np.float32]:
    """Where points come from, of where they go to, pixels [k, h, w, 2]; in the units of
    `Value.sampled` in a grid of `room` [k, 2, h, w]."""
    per_px = -2.0 / (room - 1) / cells.step_px
    return np.moveaxis(fields, -1, 1) * np.float32(per_px)


def _layers(layers: list[NDArray[np.uint8]], room: ZoneForm) -> NDArray[np.uint8]:
    return np.stack([_square(_channels(layer), 2 * room.source) for layer in layers])


def _blur(zone: Zone, sigma_px: float, room: int, drop_px: int = 0) -> NDArray[np.float32]:
    """A Gaussian over a zone as two matrices [2, room, room]: from the left it blurs rows, and lets
    them fall by `drop_px`; from the right columns."""
    rows, columns = (
        np.hstack([blurred(column[:, None], sigma_px) for column in np.eye(n, dtype=np.float32)])
        for n in (zone.height, zone.width)
    )
    rows = rows[np.maximum(np.arange(zone.height) - drop_px, 0)]
    return np.stack([_square(part, room, mode="constant") for part in (rows, columns.T)])


def _channels(picture: NDArray[Any]) -> NDArray[Any]:
    return picture.transpose(2, 0, 1)


def _square(array: NDArray[Any], side: int, mode: str = "edge") -> NDArray[Any]:
    return _padded(array, side, side, mode)


def _padded(array: NDArray[Any], rows: int, columns: int, mode: str) -> NDArray[Any]:
    """With its last two axes filled up below and to the right."""
    missing = [(0, 0)] * (array.ndim - 2)
    missing += [(0, rows - array.shape[-2]), (0, columns - array.shape[-1])]
    padding: Any = mode
    return np.pad(array, missing, mode=padding)
