"""Mouths and eyes in a graph: layers that part over what lies behind them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from services.lipsync.gpu.avatar import BALL, EYE_FIELDS, SIDES
from services.lipsync.gpu.form import Form, ZoneForm
from services.lipsync.gpu.graph import Graph, Value
from services.lipsync.renderer.fields import FIELDS
from services.lipsync.renderer.mouth import LEAST_LIGHT, LID_SHADOW, LIGHT
from services.lipsync.renderer.slit import STEEP_STEPS, STEPS
from services.lipsync.renderer.zone import LEAST_STRETCH, MOST_STRETCH

Values = Mapping[str, Value]
Layer = tuple[Value, Value]
"""Colours [n, 3, rows, columns] and how far they cover what is behind, 0 to 1 [n, 1, …]."""


def mouth(
    graph: Graph, form: Form, avatar: Values, marks: Values, now: Values
) -> tuple[Value, Value]:
    """A mouth and its share of what is seen [n, 4, rows, columns]; and how far away what lies on
    its cells comes from [2 n, 2, cells, cells]."""
    room, cells, pixels = form.mouth, form.mouth.cells, form.mouth.pixels
    smooth = now["weights"].reshaped(-1, 1, len(FIELDS)) @ avatar["mouth_fields"]
    sinks = now["edges"].sampled(avatar["mouth_along"]) * avatar["mouth_follow"]
    inner, outer = sinks.reshaped(-1, SIDES, 2, cells, cells).parts(1, 1, axis=2)
    back = (inner + outer) * marks["mouth_down"].reshaped(-1, 1, 2, 1, 1)
    back = back + smooth.reshaped(-1, 1, 2, cells, cells)
    zone = _of("mouth", marks)
    away = _inverse(graph, room, back, zone["start"])
    upper, lower = _layers(graph, room, away, zone, avatar["mouth_layers"], SIDES)
    blurs = avatar["mouth_blurs"].parts(1, 1, 1, axis=1)
    wide, fall, soft = [blur.reshaped(-1, 2, pixels, pixels) for blur in blurs]
    free = (1.0 - upper[1]) * (1.0 - lower[1])
    light = (_blurred(free, wide) * LIGHT + LEAST_LIGHT).clipped(0.0, 1.0)
    light = light * (1.0 - _blurred(upper[1], fall) * LID_SHADOW)
    at_rest = avatar["mouth_at_rest"].reshaped(-1, 1, pixels, pixels)
    dark = 1.0 - graph.op("Div", light, at_rest).clipped(0.0, 1.0)
    inside = _inside(graph, form, avatar, marks, now)
    inside = inside * (1.0 - dark * marks["shade"].reshaped(-1, 3, 1, 1))
    drawn = _covered(inside, upper, lower)
    near = _blurred(free, soft) * (now["soft"].reshaped(-1, 1, 1, 1) * 2.0)
    drawn = mixed(_blurred(drawn, soft), drawn, near.clipped(0.0, 1.0))
    feather = avatar["mouth_feather"].reshaped(-1, 1, pixels, pixels)
    return graph.joined(drawn, feather, axis=1), away


def _inside(graph: Graph, form: Form, avatar: Values, marks: Values, now: Values) -> Value:
    """What lies behind lips, RGB [n, 3, rows, columns]."""
    pixels = form.mouth.pixels
    points = np.dstack([pixel_grid(pixels, pixels)[0], np.ones((pixels, pixels), np.float32)])
    at = graph.constant(points.reshape(1, 1, -1, 3)) @ now["places"]
    in_sheets, in_own = at.parts(3, 1, axis=1)
    sheets = avatar["mouth_sheets"].reshaped(-1, 4, form.sheet // 2, form.sheet)
    placed = sheets.sampled(in_sheets.reshaped(-1, pixels, pixels, 2), beyond="zeros")
    placed = placed.reshaped(-1, 3, 4, pixels, pixels)
    tongue, lower, upper = [
        part.reshaped(-1, 4, pixels, pixels) for part in placed.parts(1, 1, 1, axis=1)
    ]
    drawn = _laid(tongue, marks["cavity"].reshaped(-1, 3, 1, 1))
    drawn = _laid(lower, drawn * now["deep_light"].reshaped(-1, 1, 1, 1))
    drawn = _laid(upper * marks["upper_shown"].reshaped(-1, 1, 1, 1), drawn)
    own = avatar["mouth_own"].sampled(in_own.reshaped(-1, pixels, pixels, 2), beyond="zeros")
    colours, at_rest, apart = own.parts(3, 1, 1, axis=1)
    cover = mixed(apart, at_rest, now["parted"].reshaped(-1, 1, 1, 1))
    return mixed(colours, drawn, cover * now["own_share"].reshaped(-1, 1, 1, 1))


def eyes(graph: Graph, form: Form, avatar: Values, marks: Values, now: Values) -> list[Value]:
    """Both eyes and their shares of what is seen, each [n, 4, rows, columns]."""
    room, cells, pixels = form.eyes, form.eyes.cells, form.eyes.pixels
    fields = avatar["eyes_fields"].reshaped(-1, EYE_FIELDS, 3 * cells**2)
    moved = now["eyes"].reshaped(-1, BALL, EYE_FIELDS) @ fields
    back, slope = moved.reshaped(-1, BALL, 3, cells, cells).parts(2, 1, axis=2)
    steep = graph.constant(np.array([1.0, 1.0, 0.0], np.float32).reshape(1, BALL, 1, 1, 1))
    steep = steep * now["steep"].reshaped(-1, 1, 1, 1, 1)
    zone = _of("eyes", marks)
    away = _inverse_of_steep(graph, room, back, slope, steep, zone["start"])
    upper, lower, (ball, _) = _layers(graph, room, away, zone, avatar["eyes_layers"], BALL)
    blur = avatar["eyes_blurs"].reshaped(-1, 2, pixels, pixels)
    shadow = _blurred(upper[1], blur) * now["shadow"].reshaped(-1, 1, 1, 1)
    drawn = _covered(ball * (1.0 - shadow), upper, lower)
    feather = avatar["eyes_feather"].reshaped(-1, 1, pixels, pixels)
    both = graph.joined(drawn, feather, axis=1).reshaped(-1, 2, 4, pixels, pixels)
    return [eye.reshaped(-1, 4, pixels, pixels) for eye in both.parts(1, 1, axis=1)]


def _of(zone: str, marks: Values) -> dict[str, Value]:
    """The marks of a zone's form, one row for each that is drawn."""
    sizes = {"start": 2, "up": 2, "corner": 2, "reach": 1}
    return {
        name: marks[f"{zone}_{name}"].reshaped(-1, 1, 1, 1, size) for name, size in sizes.items()
    }


def _starts(graph: Graph, room: ZoneForm, start: Value, layers: int) -> Value:
    """Where the inverse of a warp is looked for, once for each layer."""
    grid = np.repeat(place_grid(room.cells, room.cells)[None], layers, axis=1)
    return (graph.constant(grid) + start).reshaped(-1, room.cells, room.cells, 2)


def _inverse(graph: Graph, room: ZoneForm, back: Value, start: Value) -> Value:
    """How far places of a mouth's zone come from [n, 2, cells, cells], as `zone.backward`."""
    starts = _starts(graph, room, start, SIDES)
    back = back.reshaped(-1, 2, room.cells, room.cells)
    away = back.sampled(starts)
    for _ in range(STEPS - 1):
        away = back.sampled(starts + away.transposed(0, 2, 3, 1))
    return away


def _inverse_of_steep(
    graph: Graph, room: ZoneForm, back: Value, slope: Value, steep: Value, start: Value
) -> Value:
    """The same for an eye; `steep`: 1 where steps are Newton's, of which there is one more."""
    starts = _starts(graph, room, start, BALL)
    newton = graph.op("Div", 1.0, (slope + 1.0).clipped(LEAST_STRETCH, MOST_STRETCH))
    share = (newton - 1.0) * steep + 1.0
    both = graph.joined(back, share, axis=2).reshaped(-1, 3, room.cells, room.cells)
    there, part = both.sampled(starts).parts(2, 1, axis=1)
    away = there * part
    for step in range(2, STEEP_STEPS + 1):
        there, part = both.sampled(starts + away.transposed(0, 2, 3, 1)).parts(2, 1, axis=1)
        taken = part if step <= STEPS else part * steep.reshaped(-1, 1, 1, 1)
        away = mixed(there, away, taken)
    return away


def _layers(
    graph: Graph, room: ZoneForm, away: Value, zone: Values, at_rest: Value, count: int
) -> list[Layer]:
    """The layers of a zone as they lie, of what they are at rest, bytes [n, count, 4, …]."""
    pixels, texels = room.pixels, 2 * room.source
    every = np.repeat(pixel_grid(pixels, pixels)[None], count, axis=1)
    scale, offset = zone["up"].parts(1, 1, axis=4)
    fine = away.sampled((graph.constant(every) * scale + offset).reshaped(-1, pixels, pixels, 2))
    fine = fine.transposed(0, 2, 3, 1).reshaped(-1, count, pixels, pixels, 2)
    places = place_grid(pixels, pixels, of=(texels, texels), every=2)
    at = fine * zone["reach"] + zone["corner"] + graph.constant(places[None])
    textures = floats(at_rest).reshaped(-1, 4, texels, texels)
    drawn = textures.sampled(at.reshaped(-1, pixels, pixels, 2))
    parts = drawn.reshaped(-1, count, 4, pixels, pixels).parts(*[1] * count, axis=1)
    split = [part.reshaped(-1, 4, pixels, pixels).parts(3, 1, axis=1) for part in parts]
    return [(colours, cover * (1.0 / 255.0)) for colours, cover in split]


def _covered(behind: Value, upper: Layer, lower: Layer) -> Value:
    """Both sides of a slit over what lies behind them."""
    for colours, cover in (lower, upper):
        behind = mixed(colours, behind, cover)
    return behind


def _laid(sheet: Value, under: Value) -> Value:
    """A premultiplied sheet over something else."""
    colours, cover = sheet.parts(3, 1, axis=1)
    return under * (1.0 - cover) + colours


def _blurred(plane: Value, blur: Value) -> Value:
    """Planes [n, c, rows, columns] through a blur [n, 2, …] of `avatar.record`."""
    rows, columns = blur.parts(1, 1, axis=1)
    return rows @ plane @ columns


def mixed(one: Value, other: Value, share: Value) -> Value:
    """Two pictures mixed; `share` is that of the first."""
    return other + (one - other) * share


def floats(pixels: Value) -> Value:
    """Bytes as float32."""
    return pixels.graph.op("Cast", pixels, to=TensorProto.FLOAT)


def pixel_grid(width: int, height: int) -> NDArray[np.float32]:
    """The x and y of each pixel [1, h, w, 2]."""
    x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)
    return np.stack(np.meshgrid(x, y), axis=-1)[None]


def place_grid(
    width: int, height: int, of: tuple[int, int] | None = None, every: int = 1
) -> NDArray[np.float32]:
    """The places of pixels [1, h, w, 2] in the units of `Value.sampled`, in a picture `of` a width
    and a height, their own if not said, in which they are `every` so many pixels apart."""
    scale = 2.0 * every / (np.array(of or (width, height)) - 1.0)
    return np.asarray(pixel_grid(width, height) * scale - 1.0, np.float32)
