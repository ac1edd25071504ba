"""A frame's drawing as one graph: what `renderer` does on a CPU, for many avatars at once."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from services.lipsync.gpu.avatar import MARKS, tables
from services.lipsync.gpu.form import Form
from services.lipsync.gpu.graph import Graph, Value
from services.lipsync.gpu.moment import MOMENT
from services.lipsync.gpu.skin import shaded
from services.lipsync.gpu.slits import Values, eyes, floats, mouth, pixel_grid, place_grid
from services.lipsync.renderer.fields import FIELDS
from services.lipsync.renderer.picture import INVERSION_STEPS

SLOT, MOMENTS, PICTURES = "slot", "moment", "picture"
"""Inputs beside the avatars' tables: the slot of each frame's avatar int64 [n], its moment [n, k];
and the output, RGB or RGBA uint8 [n, h, w, 3 or 4]."""


def drawing(form: Form) -> bytes:
    """The ONNX graph that draws frames of a form. Each of `tables` is an input [slots, …]."""
    graph = Graph()
    slot = graph.input(SLOT, np.dtype(np.int64), ("frames",))
    told = graph.input(MOMENTS, np.dtype(np.float32), ("frames", MOMENT.size))
    avatar = {
        name: graph.op(
            "Gather", graph.input(name, table.dtype, ("slots", *table.shape)), slot, axis=0
        )
        for name, table in tables(form).items()
    }
    marks, now = MARKS.unpacked(avatar["marks"]), MOMENT.unpacked(told)
    body, body_away = _body(graph, form, avatar, marks, now)
    lips, lips_away = mouth(graph, form, avatar, marks, now)
    zones = [lips, *eyes(graph, form, avatar, marks, now)]
    picture = _composed(graph, form, body, zones, avatar, marks)
    picture = shaded(graph, form, picture, (body_away, lips_away), avatar, marks, now)
    if form.transparent:
        picture = graph.joined(picture, body.parts(3, 1, axis=1)[1], axis=1)
    pixels = graph.op("Cast", graph.op("Round", picture.clipped(0.0, 255.0)), to=TensorProto.UINT8)
    shape = ("frames", form.height, form.width, form.channels)
    graph.output(pixels.transposed(0, 2, 3, 1), PICTURES, np.dtype(np.uint8), shape)
    return graph.model()


def _body(
    graph: Graph, form: Form, avatar: Values, marks: Values, now: Values
) -> tuple[Value, Value]:
    """What moves smoothly, colours by their matte and the matte, 0 to 255 [n, 4, h, w]; and how far
    away what lies on its cells comes from [n, 2, cells, cells]."""
    width, height, cells = form.width, form.height, form.cells
    back = now["weights"].reshaped(-1, 1, len(FIELDS)) @ avatar["body_fields"]
    back = back.reshaped(-1, 2, cells, cells)
    away = back
    for _ in range(INVERSION_STEPS - 1):
        away = back.sampled(away.transposed(0, 2, 3, 1) + graph.constant(place_grid(cells, cells)))
    scale, offset = marks["body_up"].reshaped(-1, 1, 1, 3).parts(1, 2, axis=3)
    fine = away.sampled(graph.constant(pixel_grid(width, height)) * scale + offset, beyond="zeros")
    at = graph.constant(place_grid(width, height, of=(2 * width, 2 * height), every=2))
    at = at + fine.transposed(0, 2, 3, 1) * marks["body_reach"].reshaped(-1, 1, 1, 2)
    return floats(avatar["layer"]).sampled(at), away


def _composed(
    graph: Graph,
    form: Form,
    body: Value,
    zones: list[Value],
    avatar: Values,
    marks: Values,
) -> Value:
    """All over the backdrop, RGB [n, 3, h, w]. `zones`: each a picture and its share of what is
    seen [n, 4, rows, columns], and the mouth's first."""
    colours, matte = body.parts(3, 1, axis=1)
    matte = matte * (1.0 / 255.0)
    picture = colours + floats(avatar["backdrop"]) * (1.0 - matte)
    pastes = [marks["mouth_paste"].reshaped(-1, 1, 2), marks["eyes_paste"]]
    pastes = graph.joined(*pastes, axis=1).reshaped(-1, 3, 1, 1, 2).parts(1, 1, 1, axis=1)
    matted = marks["matted"].reshaped(-1, 3, 1, 1).parts(1, 1, 1, axis=1)
    rooms = (form.mouth, form.eyes, form.eyes)
    for zone, paste, shown_through, room in zip(zones, pastes, matted, rooms, strict=True):
        side, frame = room.pixels, (form.width, form.height)
        place = paste.reshaped(-1, 1, 1, 2)
        # All but the last step has a zone's few pixels.
        turned = graph.constant((1 - side) / (np.array(frame, np.float32) - 1))
        within = graph.constant(place_grid(side, side, of=frame)) + place * turned
        drawn, share = zone.parts(3, 1, axis=1)
        share = share * (1.0 - shown_through * (1.0 - matte.sampled(within)))
        change = (drawn - picture.sampled(within)) * share
        at = graph.constant(place_grid(*frame, of=(side, side))) + place
        picture = picture + change.sampled(at, beyond="zeros")
    return picture
