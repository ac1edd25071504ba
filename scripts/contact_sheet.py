"""Draws portraits through a set of expressions onto one sheet, to be looked at.

python scripts/contact_sheet.py out/sheet.png portrait.jpg [more …] [--zoom mouth|eyes|face|all]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from services.common.image import decode_image
from services.common.models import ModelStore
from services.lipsync.cues import Mood
from services.lipsync.expression import MOUTH_SHAPES, Expression, HeadPose
from services.lipsync.motion.articulation import TARGETS
from services.lipsync.motion.moods import LOOKS, Moods
from services.lipsync.pack import AvatarPack
from services.lipsync.pixels import pulled
from services.lipsync.portrait import FaceModels, PackBuilder, PortraitInspector
from services.lipsync.renderer import PictureRenderer
from services.lipsync.visemes import VisemeShape

TILE = 220
SHORT_SIDE = 512
ZOOMS = {"mouth": (1.35, 1.05), "eyes": (1.6, 0.0), "face": (2.7, 0.6)}
"""Side of the square that is shown and its centre below the eyes, inter-ocular distances."""


def expressions() -> dict[str, Expression]:
    """What is drawn, by name."""
    drawn = {"rest": Expression()}
    for shape in MOUTH_SHAPES:
        drawn[shape] = Expression(mouth=_mouth(**{shape: 1.0}))
    drawn["sealed, jaw open"] = Expression(mouth=_mouth(jaw_open=0.5, lips_close=1.0))
    for viseme in (VisemeShape.AA, VisemeShape.IH, VisemeShape.OU, VisemeShape.OH, VisemeShape.SS):
        drawn[f"viseme {viseme.name}"] = Expression(mouth=TARGETS[viseme])
    drawn["half blink"], drawn["blink"] = Expression(blink=0.5), Expression(blink=1.0)
    drawn["brows up"], drawn["squint"] = Expression(brow_raise=1.0), Expression(squint=1.0)
    drawn["gaze"] = Expression(gaze_x=1.0, gaze_y=0.5)
    drawn["yaw"], drawn["pitch"] = (
        Expression(head=HeadPose(yaw=0.06)),
        Expression(head=HeadPose(pitch=0.06)),
    )
    drawn["roll"] = Expression(head=HeadPose(roll=0.05))
    for name in LOOKS:
        moods = Moods()
        moods.begin(Mood(name))
        drawn[name.value] = moods.over(Expression())
        drawn[f"{name.value}, AA"] = moods.over(Expression(mouth=TARGETS[VisemeShape.AA]))
    return drawn


def sheet(packs: list[AvatarPack], zoom: str) -> NDArray[np.uint8]:
    """One row of tiles per pack, RGB."""
    return np.vstack([np.hstack(_row(pack, zoom)) for pack in packs])


def _row(pack: AvatarPack, zoom: str) -> list[NDArray[np.uint8]]:
    scale = SHORT_SIDE / min(pack.width, pack.height)
    width, height = (2 * round(side * scale / 2) for side in (pack.width, pack.height))
    renderer = PictureRenderer(pack, width, height)
    window = _window(pack, width, height, zoom)
    tiles = []
    for name, expression in expressions().items():
        tile = pulled(renderer.render(expression), window, TILE, TILE)
        cv2.putText(tile, name, (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 255, 0), 1)
        tiles.append(tile)
    return tiles


def _window(pack: AvatarPack, width: int, height: int, zoom: str) -> NDArray[np.float64]:
    if zoom == "all":
        side, x, y = float(max(width, height)), 0.0, 0.0
    else:
        share, below = ZOOMS[zoom]
        scale = width / pack.width
        right, left = pack.landmarks.eye_centres
        iod = pack.landmarks.iod * scale
        centre = (right + left) / 2 * scale + np.array([0.0, below * iod])
        side = share * iod
        x, y = (float(c) - side / 2 for c in centre)
    step = side / TILE
    return np.array([[step, 0.0, x], [0.0, step, y]])


def _mouth(**shapes: float) -> NDArray[np.float32]:
    values = np.zeros(len(MOUTH_SHAPES), np.float32)
    for name, value in shapes.items():
        values[MOUTH_SHAPES.index(name)] = value
    return values


def _builder(home: Path) -> PackBuilder:
    store = ModelStore(home)
    models = FaceModels.open(
        store.path("face-detector"),
        store.path("face-landmarks"),
        store.path("selfie-segmentation"),
        ("CPUExecutionProvider",),
    )
    return PackBuilder(PortraitInspector(models), models)


def main() -> None:
    """Writes the sheet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("portraits", type=Path, nargs="+")
    parser.add_argument("--zoom", choices=[*ZOOMS, "all"], default="face")
    parser.add_argument("--home", type=Path, default=Path(".vultus"))
    options = parser.parse_args()
    builder = _builder(options.home)
    pictures = [decode_image(path.read_bytes()) for path in options.portraits]
    packs = [builder.build(picture, lambda share: None) for picture in pictures]
    rgb = sheet(packs, options.zoom)
    if not cv2.imwrite(str(options.out), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)):
        raise SystemExit(f"{options.out} can't be written")


if __name__ == "__main__":
    main()
