"""Follows a face with a network that the service itself does not use: MediaPipe's plain mesh.

The service places lips with the attention mesh, so what is wrong there shows here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eval.face.clips import Clip, Picture
from services.common.models import ModelStore, Source
from services.common.onnx import open_network
from services.lipsync.faces import Detection, FaceDetector
from services.lipsync.pixels import pulled, shrunk
from services.local.models.packages import Package, PackageCache
from services.local.models.tflite_to_onnx import convert

POINTS = 468
EYES = ((33, 133), (263, 362))
"""The corners of the eye on the left of the picture, and of the other."""

_PROVIDERS = ("CPUExecutionProvider",)
_MESH = Source(
    "pypi",
    "mediapipe",
    "0.10.21",
    "mediapipe/modules/face_landmark/face_landmark.tflite",
    "1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814",
)
_CACHE = Path("cache") / "eval_face"
_VERSION = 2
"""Of what is kept in the cache."""
_SIZE = 192
_MARGIN = 1.5
_SURE = 0.5
_LOOKS = 6
# Crops that differ a little; the mean of their answers is steadier than any one.
_CROPS = ((0.0, 1.0, 0.0), (0.02, 0.96, 0.04), (-0.02, 1.05, -0.04))


Mesh = NDArray[np.float32]
"""One face, picture pixels [468, 3]."""


@dataclass(frozen=True, slots=True)
class Track:
    """One face over time."""

    at_s: NDArray[np.float64]
    """When each picture is shown [n]."""
    points: NDArray[np.float32]
    """The mesh in each, picture pixels; z in the same unit, negative towards the viewer
    [n, 468, 3]."""
    presence: NDArray[np.float32]
    """How sure the network is of a face, 0 to 1 [n]."""

    def sure(self) -> Track:
        """Only the pictures in which a face is seen."""
        seen = self.presence >= _SURE
        return Track(self.at_s[seen], self.points[seen], self.presence[seen])

    def at(self, times_s: NDArray[np.float64]) -> Track:
        """Only the pictures of these times."""
        kept = np.isin(self.at_s, times_s)
        return Track(self.at_s[kept], self.points[kept], self.presence[kept])

    @property
    def fps(self) -> float:
        """Pictures a second, on the whole."""
        return float((len(self.at_s) - 1) / (self.at_s[-1] - self.at_s[0]))


class Tracker:
    """Follows the face of a film; what it saw of a clip it keeps below `home`."""

    def __init__(self, home: Path) -> None:
        """Brings the network from its package at the first time."""
        self._cache = home / _CACHE
        self._detector = FaceDetector(
            open_network(ModelStore(home).path("face-detector"), _PROVIDERS)
        )
        self._mesh = open_network(_mesh_file(home), _PROVIDERS)

    def clip(self, clip: Clip) -> Track:
        """The face of a clip; raises ValueError where none is seen."""
        kept = self._cache / f"{clip.digest()}.v{_VERSION}.npz"
        if kept.is_file():
            with np.load(kept) as arrays:
                return Track(arrays["at_s"], arrays["points"], arrays["presence"]).sure()
        track = self.follow(clip.pictures())
        partial = kept.with_suffix(".partial.npz")
        np.savez(partial, at_s=track.at_s, points=track.points, presence=track.presence)
        partial.replace(kept)
        return track

    def follow(self, pictures: Iterable[tuple[float, Picture]]) -> Track:
        """The face in pictures that follow one another; raises ValueError where none is seen.

        Pictures without a face are left out; one that is lost is looked for again.
        """
        points: NDArray[np.float64] | None = None
        times, found = [], []
        presences: list[float] = []
        for at_s, picture in pictures:
            if points is None or presences[-1] < _SURE:
                seen = self._first(picture)
                points = points if seen is None else seen
            if points is None:
                continue
            points, presence = self._read(picture, points)
            times.append(at_s)
            found.append(points)
            presences.append(presence)
        track = Track(
            np.array(times, np.float64),
            np.array(found, np.float32).reshape(-1, POINTS, 3),
            np.array(presences, np.float32),
        ).sure()
        if len(track.at_s) < 2:
            raise ValueError("no face is seen in these pictures")
        return track

    def look_again(self, picture: Picture, near: Mesh) -> Mesh:
        """The face of a single picture, roughly known."""
        points, _ = self._read(picture, near.astype(np.float64))
        return np.asarray(points, np.float32)

    def _first(self, picture: Picture) -> NDArray[np.float64] | None:
        """The surest face, without knowing where it was."""
        seen = [self._settled(picture, face) for face in self._candidates(picture)]
        points, presence = max(seen, key=lambda each: each[1], default=(None, 0.0))
        return points if presence >= _SURE else None

    def _settled(self, picture: Picture, face: Detection) -> tuple[NDArray[np.float64], float]:
        """A face that was just found, looked at until its crop has settled."""
        box, size = np.array([face.x, face.y, 0.0]), np.array([face.width, face.height, 0.0])
        points, presence = np.stack([box, box + size]), 0.0
        for _ in range(_LOOKS):
            points, presence = self._read(picture, points)
        return points, presence

    def _candidates(self, picture: Picture) -> Iterator[Detection]:
        """What may be faces: in the whole picture, and in squares along its longer side, in which
        small ones are seen better."""
        yield from self._detector.find(picture)
        height, width = picture.shape[:2]
        side, over = min(height, width), max(height, width) - min(height, width)
        for share in (0.0, 0.25, 0.5, 0.75, 1.0) if over > side / 4 else ():
            left, top = (share * over, 0.0) if width > height else (0.0, share * over)
            yield from self._detector.find_in(picture, left, top, side)

    def _read(
        self, picture: Picture, near: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], float]:
        reads = [self._look(picture, near, *crop) for crop in _CROPS]
        points = np.mean([points for points, _ in reads], axis=0)
        return points, reads[0][1]

    def _look(
        self, picture: Picture, near: NDArray[np.float64], shift: float, zoom: float, angle: float
    ) -> tuple[NDArray[np.float64], float]:
        turn = _upright(near[:, :2])
        low, high = (near[:, :2] @ turn).min(axis=0), (near[:, :2] @ turn).max(axis=0)
        side = float((high - low).max()) * _MARGIN
        middle = turn @ ((low + high) / 2 + shift * side)
        step, turn = zoom * side / _SIZE, turn @ _turned(angle)
        matrix = np.column_stack([step * turn, middle - step * turn @ (_SIZE / 2, _SIZE / 2)])
        source, ratio = shrunk(picture, step)
        patch = pulled(source, matrix / ratio[:, None], _SIZE, _SIZE, repeat_edge=True)
        outputs = self._mesh((patch.astype(np.float32) / 255.0)[None])
        raw = outputs["landmarks"].reshape(POINTS, 3)
        xy = raw[:, :2] @ matrix[:, :2].T + matrix[:, 2]
        presence = 1.0 / (1.0 + np.exp(-float(outputs["presence"].reshape(-1)[0])))
        return np.column_stack([xy, raw[:, 2] * step]).astype(np.float64), presence


def _turned(angle: float) -> NDArray[np.float64]:
    x, y = np.cos(angle), np.sin(angle)
    return np.array([[x, -y], [y, x]])


def _upright(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """The turn from an upright face to this one; none for the corners of a box."""
    if len(points) < POINTS:
        return np.eye(2)
    right, left = (points[list(eye)].mean(axis=0) for eye in EYES)
    x, y = (left - right) / np.linalg.norm(left - right)
    return np.array([[x, -y], [y, x]])


def _mesh_file(home: Path) -> Path:
    target = home / _CACHE / "face_mesh.onnx"
    if not target.is_file():
        packages = PackageCache(target.parent)
        packages.bring(Package.of(_MESH), lambda _: None)
        target.write_bytes(convert(packages.read(_MESH), ["image"], ["landmarks", "presence"]))
        packages.forget(Package.of(_MESH))
    return target
