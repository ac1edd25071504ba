"""Drawn insides of mouths beside filmed ones, between the very same lips."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from eval.face.clips import Picture
from services.lipsync.pixels import blurred, resized
from services.lipsync.renderer.frame import FaceFrame
from services.lipsync.renderer.interior import Behind, Interior
from services.lipsync.renderer.zone import Zone
from training.mouth.footage import HEIGHT, LEFT, TOP, WIDTH, Footage, OpenMouth

_UNIT_PX = 240
"""Pixels of a mouth unit."""
_SHARP = 16


def sheet(footage: Footage, columns: int, seed: int) -> Picture:
    """Filmed mouths, the least open first, and below each what is drawn between its lips."""
    order = np.argsort([mouth.opened for mouth in footage.mouths])
    picks = np.linspace(0.1 * len(order), len(order) - 1, columns).astype(int)
    mouths = [footage.mouths[order[n]] for n in picks]
    origin = np.array([-LEFT * _UNIT_PX - 0.5, -TOP * _UNIT_PX - 0.5], np.float32)
    frame = FaceFrame(origin, np.array([1.0, 0.0], np.float32), float(_UNIT_PX))
    interior = Interior(footage.palette, frame, np.zeros(2, np.float32), 0.0, 1.0, seed)
    zone = Zone(0, 0, round(WIDTH * _UNIT_PX), round(HEIGHT * _UNIT_PX))
    filmed = [resized(mouth.crop, zone.width, zone.height) for mouth in mouths]
    drawn = [
        _between(picture, mouth, interior, zone)
        for picture, mouth in zip(filmed, mouths, strict=True)
    ]
    return np.vstack([np.hstack(filmed), np.hstack(drawn)])


def _between(picture: Picture, mouth: OpenMouth, interior: Interior, zone: Zone) -> Picture:
    behind = Behind(np.zeros(2, np.float32), max(mouth.jaw, 0.0), 0.0, mouth.opened)
    inside = interior.draw(zone, behind, own_teeth=False)
    share = _cover(mouth, zone)[..., None]
    return np.asarray(picture * (1.0 - share) + np.clip(inside, 0, 255) * share, np.uint8)


def _cover(mouth: OpenMouth, zone: Zone) -> NDArray[np.float32]:
    """How far each pixel lies between the lips [h, w]."""
    x = (mouth.x - LEFT) * _UNIT_PX
    edges = [np.stack([x, (y - TOP) * _UNIT_PX], axis=-1) for y in (mouth.upper, mouth.lower)]
    outline = np.concatenate([edges[0], edges[1][::-1]]) * _SHARP
    canvas = np.zeros((zone.height, zone.width), np.uint8)
    cv2.fillPoly(canvas, [np.rint(outline).astype(np.int32)], (255,), cv2.LINE_AA, 4)
    return blurred(np.asarray(canvas, np.float32) / 255.0, 1.0)
