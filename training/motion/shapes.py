"""How far the renderer's mouth shapes move a face that is tracked, and which of them a face shows.

python -m training.motion.shapes --portraits photos --into out/motion/shapes.npz
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eval.face.curves import LIPS, straightened
from eval.face.tracking import Tracker
from services.lipsync.animation import Renderer
from services.lipsync.app import open_studio
from services.lipsync.expression import MOUTH_SHAPES, Expression
from services.lipsync.settings import LipsyncSettings

CHIN = (152, 148, 377, 176, 400)
PLACES = (*LIPS, *CHIN)
"""Points of the mesh that a mouth is known by."""
FITTED = (
    "jaw_open",
    "upper_lip_raise",
    "lower_lip_drop",
    "stretch",
    "pucker",
    "funnel",
    "press",
)
"""The shapes that are told from a face; the others need the sound, or are moods."""
_CHANNELS = [MOUTH_SHAPES.index(name) for name in FITTED]
_MIXTURES = 48
_SHORT_SIDE = 512
_SPARSE = 0.45
_TOP = 0.9
_MOST = 1.2
_SWEEPS = 60


@dataclass(frozen=True, slots=True)
class Shapes:
    """The renderer's shapes as displacements of a face, inter-ocular distances."""

    moves: NDArray[np.float64]
    """Of PLACES, right and down, when each of FITTED is at 1 [7, 45, 2]."""

    def save(self, path: Path) -> None:
        """Writes them as an .npz file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, moves=self.moves)

    @staticmethod
    def load(path: Path) -> Shapes:
        """Reads what `save` wrote."""
        with np.load(path) as arrays:
            return Shapes(arrays["moves"])

    def shown(
        self, displaced: NDArray[np.float64], weights: NDArray[np.float64], ridge: float
    ) -> NDArray[np.float64]:
        """The coefficients, 0 to 1.2, that best explain displacements [n, 45, 2]: [n, 7].

        `weights` [45, 2] says how much each counts; `ridge` holds back what explains little.
        """
        basis = (self.moves * weights).reshape(len(FITTED), -1)
        target = (displaced * weights).reshape(len(displaced), -1)
        gram = basis @ basis.T + ridge * np.eye(len(FITTED))
        pull = target @ basis.T
        shown = np.clip(pull @ np.linalg.inv(gram), 0.0, _MOST)
        for _ in range(_SWEEPS):
            for k in range(len(FITTED)):
                rest = pull[:, k] - shown @ gram[k] + shown[:, k] * gram[k, k]
                shown[:, k] = np.clip(rest / gram[k, k], 0.0, _MOST)
        return shown


def places_of(points: NDArray[np.float32]) -> NDArray[np.float64]:
    """PLACES of meshes [n, 468, 3] as the head sees them [n, 45, 2]."""
    return straightened(np.asarray(points, np.float64))[:, list(PLACES), :2]


def measured(tracker: Tracker, renderers: Sequence[Renderer]) -> tuple[Shapes, float]:
    """The shapes as a tracker sees them on faces; and how much of what moves they explain."""
    chance = np.random.default_rng(1)
    mixtures, displaced = [], []
    for renderer in renderers:
        mixed = chance.uniform(0.0, _TOP, (_MIXTURES, len(FITTED)))
        mixed *= chance.random(mixed.shape) < _SPARSE
        mixed[0] = 0.0
        places = places_of(tracker.follow(_pictures(renderer, mixed)).points)
        mixtures.append(mixed)
        displaced.append((places - places[0]).reshape(len(places), -1))
    x, y = np.concatenate(mixtures), np.concatenate(displaced)
    moves, *_ = np.linalg.lstsq(x, y, rcond=None)
    explained = 1.0 - float(((y - x @ moves) ** 2).sum() / (y**2).sum())
    return Shapes(moves.reshape(len(FITTED), len(PLACES), 2)), explained


def _pictures(
    renderer: Renderer, mixtures: NDArray[np.float64]
) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    for number, mixture in enumerate(mixtures):
        mouth = np.zeros(len(MOUTH_SHAPES), np.float32)
        mouth[_CHANNELS] = mixture
        yield number / 25, renderer.render(Expression(mouth=mouth)).copy()


def main() -> None:
    """Measures the shapes on portraits."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--portraits", type=Path, nargs="+", required=True)
    parser.add_argument("--home", type=Path, default=Path(".vultus"))
    parser.add_argument("--into", type=Path, default=Path("out/motion/shapes.npz"))
    options = parser.parse_args()
    studio = open_studio(LipsyncSettings(home=options.home, storage_address="nowhere:1"))
    renderers = []
    for path in options.portraits:
        pack = studio.build(path.read_bytes(), lambda _: None)
        scale = _SHORT_SIDE / min(pack.width, pack.height)
        width, height = (2 * round(side * scale / 2) for side in (pack.width, pack.height))
        renderers.append(studio.renderer(pack, width, height))
    shapes, explained = measured(Tracker(options.home), renderers)
    shapes.save(options.into)
    sys.stdout.write(f"{explained:.3f} of what moves is explained\n")
    gap = shapes.moves[:, PLACES.index(14), 1] - shapes.moves[:, PLACES.index(13), 1]
    for name, opens in zip(FITTED, gap, strict=True):
        sys.stdout.write(f"{name}: opens the lips by {opens:.3f}\n")


if __name__ == "__main__":
    main()
