"""The shapes of what is drawn at once: avatars of one form are drawn together."""

from __future__ import annotations

from dataclasses import dataclass

from services.lipsync.renderer import PictureRenderer
from services.lipsync.renderer.zone import Cells, Zone

_LEAST_SCALE, _LEAST_CELLS, _LEAST_SKIN_CELLS = 64, 128, 160
"""Below these a smaller form would save little, and part faces that can be drawn together."""


@dataclass(frozen=True, slots=True)
class ZoneForm:
    """Room for a mouth or an eye; all of it is square."""

    pixels: int
    """Of the zone."""
    source: int
    """Pixels of the rectangle from which it is drawn."""
    cells: int
    """On which motion is computed."""


@dataclass(frozen=True, slots=True)
class Form:
    """Room for an avatar in pictures of one size; powers of two, so that few forms hold all."""

    width: int
    height: int
    scale: int
    """How large the face is: pixels of a mouth's zone."""
    cells: int
    """On which the body's motion is computed, in rows and columns."""
    zone_cells: int
    """Likewise of a mouth; eyes have half as many."""
    skin_cells: int
    """On which the light on skin is computed."""
    transparent: bool
    """Whether pictures have alpha."""

    @property
    def channels(self) -> int:
        """Of a picture: RGB or RGBA."""
        return 4 if self.transparent else 3

    @property
    def mouth(self) -> ZoneForm:
        """Room for a mouth."""
        return ZoneForm(self.scale, 2 * self.scale, self.zone_cells)

    @property
    def eyes(self) -> ZoneForm:
        """Room for each eye."""
        return ZoneForm(self.scale, self.scale, self.zone_cells // 2)

    @property
    def sheet(self) -> int:
        """Texels across what lies in a mouth; half as many down."""
        return 2 * self.scale

    @classmethod
    def of(cls, renderer: PictureRenderer) -> Form:
        """The least form that has room for what a renderer draws."""
        height, width = renderer.canvas.shape[:2]
        mouth, eyes = renderer.mouth.warp, [eye.warp for eye in renderer.eyes]
        rows, columns = renderer.mouth.interior.tongue.shape[:2]
        scale = _room(
            _LEAST_SCALE,
            _side(mouth.zone),
            _half(_side(mouth.source)),
            *(max(_side(eye.zone), _side(eye.source)) for eye in eyes),
            _half(columns),
            rows,
        )
        zone_cells = _room(
            _LEAST_CELLS, _centres(mouth.cells), *(2 * _centres(eye.cells) for eye in eyes)
        )
        return cls(
            width,
            height,
            scale,
            cells=_room(_LEAST_CELLS, _centres(renderer.body.cells)),
            zone_cells=zone_cells,
            skin_cells=_room_for_skin(*(_centres(part.cells) for part in renderer.shadings)),
            transparent=renderer.apart is not None,
        )


def _side(zone: Zone) -> int:
    return max(zone.width, zone.height)


def _centres(cells: Cells) -> int:
    """With the ring around them."""
    return max(cells.rows, cells.columns) + 2


def _half(length: int) -> int:
    return -(-length // 2)


def _room(*lengths: int) -> int:
    """The next power of two."""
    return 1 << (max(lengths) - 1).bit_length()


def _room_for_skin(*lengths: int) -> int:
    return _LEAST_SKIN_CELLS if max(lengths) <= _LEAST_SKIN_CELLS else _room(*lengths)
