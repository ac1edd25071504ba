"""The shapes of what is drawn at once: avatars of one form are drawn together."""

from __future__ import annotations

from dataclasses import dataclass

from services.lipsync.renderer import PictureRenderer
from services.lipsync.renderer.slit import SlitWarp


@dataclass(frozen=True, slots=True)
class ZoneForm:
    """Room for a mouth or an eye; all of it is square."""

    pixels: int
    """Of the zone."""
    source: int
    """Pixels of the rectangle from which it is drawn."""
    cells: int
    """On which motion is computed."""

    @classmethod
    def around(cls, *warps: SlitWarp) -> ZoneForm:
        """The least form that has room for all of them."""
        zones, sources = [warp.zone for warp in warps], [warp.source for warp in warps]
        cells = [warp.cells for warp in warps]
        return cls(
            pixels=_room(*(side for zone in zones for side in (zone.width, zone.height))),
            source=_room(*(side for zone in sources for side in (zone.width, zone.height))),
            cells=_room(*(side + 2 for grid in cells for side in (grid.columns, grid.rows))),
        )


@dataclass(frozen=True, slots=True)
class Form:
    """Room for an avatar in pictures of one size."""

    width: int
    height: int
    cells: int
    """On which the body's motion is computed, in rows and columns."""
    mouth: ZoneForm
    eyes: ZoneForm
    sheet: int
    """Texels across what lies in a mouth; half as many down."""

    @classmethod
    def of(cls, renderer: PictureRenderer) -> Form:
        """The least form that has room for what a renderer draws."""
        height, width = renderer.canvas.shape[:2]
        cells = renderer.body.cells
        rows, columns = renderer.mouth.interior.tongue.shape[:2]
        return cls(
            width,
            height,
            cells=_room(cells.columns + 2, cells.rows + 2),
            mouth=ZoneForm.around(renderer.mouth.warp),
            eyes=ZoneForm.around(*(eye.warp for eye in renderer.eyes)),
            sheet=_room(columns, 2 * rows),
        )


def _room(*sides: int) -> int:
    """The next power of two, so that few forms hold all faces."""
    return 1 << (max(sides) - 1).bit_length()
