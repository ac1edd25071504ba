"""Cuts open mouths out of films, placed by the very landmarks that the service draws with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eval.face.clips import Picture, read_pictures
from services.common.models import ModelStore
from services.lipsync.faces import Landmarks
from services.lipsync.pixels import pulled, shrunk
from services.lipsync.portrait import FaceModels
from services.lipsync.renderer.frame import FaceFrame
from services.lipsync.renderer.interior import MEAN_WIDTH
from services.lipsync.renderer.palette import Palette, palette_of
from services.lipsync.renderer.shape import ALONG, SAMPLES, face_shape

DENSITY = 120
"""Texels a mouth unit: the inter-ocular distance of a face with a mouth of average width."""
LEFT, TOP, WIDTH, HEIGHT = -0.5, -0.24, 1.0, 0.76
"""What is cut out around the place where the upper lip ends at rest, mouth units."""

_PROVIDERS = ("CPUExecutionProvider",)
_SUBNASALE, _CHIN = 2, 152
_UPPER_INNER = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
_LOWER_INNER = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
_SURE = 0.5
_LEAST_GAP, _MOST_ASIDE = 0.05, 0.08
"""Lips that are closer, or a mouth that is further beside the nose, tell too little."""
_REST_SHARE = 10.0
"""The percentile of openings up to which a mouth counts as at rest."""

Line = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class OpenMouth:
    """One picture of an open mouth; lengths are mouth units from where the upper lip ends at rest.

    The skull stands still in all pictures of a film.
    """

    crop: Picture
    x: Line
    """Where the samples of the lips' edges are [SAMPLES]."""
    upper: Line
    """Where the upper lip ends [SAMPLES]."""
    lower: Line
    """Where the lower lip begins [SAMPLES]."""
    jaw: float
    """How far the chin is below its place at rest."""

    @property
    def opened(self) -> float:
        """How far the lips are apart."""
        return float((self.lower - self.upper).max())

    def inside(self, inset: float = 0.0) -> NDArray[np.bool_]:
        """The texels between the lips, and so far from both of them [h, w]."""
        x, y = texels()
        between = (x > self.x[0]) & (x < self.x[-1])
        above = np.interp(x, self.x, self.upper) + inset
        below = np.interp(x, self.x, self.lower) - inset
        return np.asarray(between & (y > above) & (y < below))


@dataclass(frozen=True, slots=True)
class Footage:
    """The open mouths of one film."""

    name: str
    mouths: Sequence[OpenMouth]
    palette: Palette
    """As the service judges it of the face."""


@dataclass(frozen=True, slots=True)
class _Seen:
    at_s: float
    frame: FaceFrame
    mesh: NDArray[np.float32]
    """Face coordinates [468, 2]."""

    @property
    def edges(self) -> tuple[Line, Line, Line]:
        """x, upper and lower heights of the lips' inner edges, face coordinates."""
        left, right = self.mesh[[_UPPER_INNER[0], _UPPER_INNER[-1]], 0]
        x = (left + (right - left) * (ALONG + 1.0) / 2).astype(np.float32)
        lines = [self.mesh[list(line)] for line in (_UPPER_INNER, _LOWER_INNER)]
        upper, lower = (
            np.interp(x, *line[np.argsort(line[:, 0])].T).astype(np.float32) for line in lines
        )
        return x, upper, lower


class FootageReader:
    """Reads films with the service's own models."""

    def __init__(self, home: Path) -> None:
        store = ModelStore(home)
        self._models = FaceModels.open(
            store.path("face-detector"),
            store.path("face-landmarks"),
            store.path("selfie-segmentation"),
            _PROVIDERS,
        )

    def read(self, film: Path) -> Footage:
        """The open mouths of a film; raises ValueError where none is seen."""
        seen: list[_Seen] = []
        palettes: list[Palette] = []
        for at_s, picture, marks in self._follow(film):
            frame = FaceFrame.of(marks)
            seen.append(_Seen(at_s, frame, frame.from_picture(marks.points[:, :2])))
            if not palettes:
                palettes.append(palette_of(picture, frame, face_shape(picture, marks)))
        mouths = list(open_mouths(film, seen)) if seen else []
        if not mouths:
            raise ValueError(f"no open mouth is seen in {film.name}")
        return Footage(film.stem, mouths, palettes[0])

    def _follow(self, film: Path) -> Iterator[tuple[float, Picture, Landmarks]]:
        marks: Landmarks | None = None
        for at_s, picture in read_pictures(film):
            if marks is not None:
                marks = self._models.reader.read_again(picture, marks)
            if marks is None or marks.presence < _SURE:
                marks = self._first(picture)
            if marks is not None:
                yield at_s, picture, marks

    def _first(self, picture: Picture) -> Landmarks | None:
        faces = self._models.detector.find(picture)
        marks = self._models.reader.read(picture, faces[0]) if faces else None
        return marks if marks is not None and marks.presence >= _SURE else None


def texels() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Where the texels of a crop are, mouth units, each [h, w]."""
    x = (np.arange(round(WIDTH * DENSITY)) + 0.5) / DENSITY + LEFT
    y = (np.arange(round(HEIGHT * DENSITY)) + 0.5) / DENSITY + TOP
    columns, rows = np.meshgrid(x.astype(np.float32), y.astype(np.float32))
    return columns, rows


def open_mouths(film: Path, seen: Sequence[_Seen]) -> Iterator[OpenMouth]:
    """What the film shows between lips that are apart in a face that is seen from the front."""
    edges = [one.edges for one in seen]
    gaps = np.array([(lower - upper).max() for _, upper, lower in edges])
    at_rest = gaps <= np.percentile(gaps, _REST_SHARE)
    noses = np.stack([one.mesh[_SUBNASALE] for one in seen])
    middles = np.array([upper[SAMPLES // 2] for _, upper, _ in edges])
    rest = np.array([0.0, np.median((middles - noses[:, 1])[at_rest])], np.float32)
    chins = np.array([one.mesh[_CHIN, 1] for one in seen]) - noses[:, 1]
    width = float(np.median([x[-1] - x[0] for x, _, _ in edges]))
    scale = np.float32(np.clip(width / MEAN_WIDTH, 0.75, 1.25))
    places = {one.at_s: n for n, one in enumerate(seen)}
    for at_s, picture in read_pictures(film):
        n = places.get(at_s)
        if n is None:
            continue
        origin = noses[n] + rest
        x, upper, lower = edges[n]
        x, upper, lower = (
            (x - origin[0]) / scale,
            *((e - origin[1]) / scale for e in (upper, lower)),
        )
        if gaps[n] / scale > _LEAST_GAP and abs(x[0] + x[-1]) / 2 < _MOST_ASIDE:
            jaw = float((chins[n] - np.median(chins[at_rest])) / scale)
            yield OpenMouth(_crop(picture, seen[n].frame, origin, scale), x, upper, lower, jaw)


def _crop(
    picture: Picture, frame: FaceFrame, origin: NDArray[np.float32], scale: np.float32
) -> Picture:
    step = float(frame.iod_px * scale / DENSITY)
    corner = origin + np.array([LEFT + 0.5 / DENSITY, TOP + 0.5 / DENSITY], np.float32) * scale
    source, ratio = shrunk(picture, step)
    matrix = np.column_stack([frame.turn * step, frame.to_picture(corner)]).astype(np.float64)
    size = round(WIDTH * DENSITY), round(HEIGHT * DENSITY)
    return pulled(source, matrix / ratio[:, None], *size, repeat_edge=True)
