"""Lets the renderer redo a clip from that clip's own landmarks: what drawing alone can reach.

Nothing is known here of how a renderer works: each mouth shape is drawn and looked at, and for
every picture of the clip the shapes are sought whose lips, as the service's own landmarks see them,
lie where the real ones do. What comes of it is judged by the other tracker.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from eval.face.clips import Clip
from eval.face.curves import INNER_LIPS, LIPS, straightened
from eval.face.driving import Avatar
from services.lipsync.animation import Renderer
from services.lipsync.expression import MOUTH_SHAPES, Expression
from services.lipsync.faces import FaceReader, Landmarks

LEAST, MOST = -0.3, 1.15
"""Between these the service moves its mouth shapes."""
MOST_PICTURES = 150
"""How many pictures of a clip are redone: six seconds."""

# Shapes are looked at from a mouth that already speaks a little: some faces are drawn otherwise at
# rest than in speech.
_SPEAKING, _PROBE = 0.1, 0.5
_ROUNDS = 3
_STIFFNESS = 0.02
_SWEEPS = 60
_INNER_WEIGHT = 2.0

Coefficients = NDArray[np.float64]
Lips = NDArray[np.float64]
"""Places of lips, weighted, in one line."""


class LandmarkDriver:
    """Finds the expressions with which an avatar shows given lips."""

    def __init__(self, reader: FaceReader, avatar: Avatar, renderer: Renderer) -> None:
        self._reader = reader
        self._renderer = renderer
        self._known = avatar.pack.landmarks.moved(avatar.size[0] / avatar.pack.width, (0.0, 0.0))
        self._rest = self._drawn(np.zeros(len(MOUTH_SHAPES)))
        self._speaking = np.full(len(MOUTH_SHAPES), _SPEAKING)
        self._spoken = self._drawn(self._speaking)
        probes = self._speaking + np.eye(len(MOUTH_SHAPES)) * _PROBE
        answers = [(self._drawn(probe) - self._spoken) / _PROBE for probe in probes]
        self._slopes = np.stack(answers, axis=1)

    def expressions(self, faces: Iterable[Landmarks], still: int) -> list[Expression]:
        """The mouth for each face of a clip; in the face of number `still` it is at rest."""
        lips = [_lips(face) for face in faces]
        found: list[Coefficients] = []
        for each in lips:
            before = found[-1] if found else self._speaking
            found.append(self._nearest_drawn(self._rest + each - lips[still], before))
        return [Expression(mouth=mouth.astype(np.float32)) for mouth in found]

    def _nearest_drawn(self, wanted: Lips, before: Coefficients) -> Coefficients:
        """Found on a straight line first, and corrected by what is drawn of it then."""
        line = self._spoken + self._slopes @ (before - self._speaking)
        tried = nearest(self._slopes, wanted - line, before)
        best, least = tried, np.inf
        for _ in range(_ROUNDS):
            missing = wanted - self._drawn(tried)
            away = float(np.square(missing).sum())
            if away >= least:
                break
            best, least = tried, away
            tried = nearest(self._slopes, missing, tried)
        return best

    def _drawn(self, mouth: Coefficients) -> Lips:
        picture = self._renderer.render(Expression(mouth=mouth.astype(np.float32)))
        return _lips(self._reader.read_again(picture, self._known))


def nearest(slopes: NDArray[np.float64], missing: Lips, start: Coefficients) -> Coefficients:
    """The coefficients between `LEAST` and `MOST` that move lips from where `start` has them by
    what is missing, and are small where that does not matter: ridge regression, one by one."""
    found, missing = start.copy(), missing.copy()
    power = np.square(slopes).sum(axis=0)
    stiffness = _STIFFNESS * float(power.mean())
    for _ in range(_SWEEPS):
        for shape, column in enumerate(slopes.T):
            step = (column @ missing - stiffness * found[shape]) / (power[shape] + stiffness)
            value = min(max(found[shape] + step, LEAST), MOST)
            missing -= column * (value - found[shape])
            found[shape] = value
    return found


def landmarks_of(
    reader: FaceReader, clip: Clip, times_s: NDArray[np.float64], first: Landmarks
) -> list[Landmarks]:
    """The service's own landmarks in those pictures of a clip, from roughly known ones on."""
    wanted = set(times_s.tolist())
    found, known = [], first
    for at_s, picture in clip.pictures():
        if at_s in wanted:
            known = reader.read_again(picture, known)
            found.append(known)
    return found


def _lips(face: Landmarks) -> Lips:
    upright = straightened(np.asarray(face.points, np.float64)[None])[0]
    weights = np.array([_INNER_WEIGHT if point in INNER_LIPS else 1.0 for point in LIPS])
    return np.asarray((upright[list(LIPS), :2] * np.sqrt(weights)[:, None]).ravel(), np.float64)
