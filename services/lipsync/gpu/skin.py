"""Light on skin in a graph: creases and mounds that move with the face."""

from __future__ import annotations

import numpy as np

from services.lipsync.gpu.avatar import CHANGES, REGIONS, SIDES
from services.lipsync.gpu.form import Form
from services.lipsync.gpu.graph import Graph, Value
from services.lipsync.gpu.slits import Values, mixed, pixel_grid, place_grid
from services.lipsync.renderer.creases import MOST_BRIGHT, MOST_DARK


def shaded(
    graph: Graph,
    form: Form,
    picture: Value,
    carried_by: tuple[Value, Value],
    avatar: Values,
    marks: Values,
    now: Values,
) -> Value:
    """A picture [n, 3, h, w] in the light of its expression. `carried_by`: how far away what lies
    on the cells of the body [n, 2, …] and of the lips [2 n, 2, …] comes from."""
    pixels = graph.constant(pixel_grid(form.width, form.height))
    for region in range(REGIONS):
        skin = {
            name: _part(value, region)
            for name, value in (*avatar.items(), *marks.items(), *now.items())
            if name.startswith("skin_")
        }
        light = _light(form, carried_by, skin)
        scale, offset = skin["skin_up"].reshaped(-1, 1, 1, 3).parts(1, 2, axis=3)
        picture = picture + picture * light.sampled(pixels * scale + offset, beyond="zeros")
    return picture


def _light(form: Form, carried_by: tuple[Value, Value], skin: Values) -> Value:
    """What is added to each colour's light in one part of a face, as a share [n, 3, rows,
    columns]."""
    room = form.skin_cells
    body, lips = carried_by
    fields = skin["skin_fields"].reshaped(-1, CHANGES, room**2)
    change = (skin["skin_changes"].reshaped(-1, 1, CHANGES) @ fields).reshaped(-1, 1, room, room)
    change = change.clipped(MOST_DARK, MOST_BRIGHT)
    to_body, to_lips = skin["skin_reach"].reshaped(-1, 1, 1, 2).parts(1, 1, axis=3)
    drawn = _carried(form, change, body, skin["skin_body"], to_body)
    sides = skin["skin_sides"].reshaped(-1, SIDES, room, room).parts(1, 1, axis=1)
    cells = form.mouth.cells
    moved = lips.reshaped(-1, SIDES, 2, cells, cells).parts(1, 1, axis=1)
    upper, lower = (
        _carried(
            form, change * side, away.reshaped(-1, 2, cells, cells), skin["skin_lips"], to_lips
        )
        for side, away in zip(sides, moved, strict=True)
    )
    drawn = mixed(upper + lower, drawn, skin["skin_of_lips"].reshaped(-1, 1, room, room))
    return drawn * skin["skin_tint"].reshaped(-1, 3, 1, 1)


def _carried(form: Form, change: Value, away: Value, place: Value, reach: Value) -> Value:
    """Changes at rest [n, 1, rows, columns] as they lie in the drawn picture; `place`: where their
    cells lie among those that carry them [n, 3]; `reach`: the other's units in their own."""
    graph, room = change.graph, form.skin_cells
    scale, offset = place.reshaped(-1, 1, 1, 3).parts(1, 2, axis=3)
    moved = away.sampled(graph.constant(pixel_grid(room, room)) * scale + offset)
    starts = graph.constant(place_grid(room, room))
    return change.sampled(starts + moved.transposed(0, 2, 3, 1) * reach)


def _part(value: Value, region: int) -> Value:
    """Of values [n, regions, …] those of one region."""
    return value.graph.op("Gather", value, value.graph.constant(np.array(region)), axis=1)
