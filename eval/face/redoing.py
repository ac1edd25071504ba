"""Lets the renderer redo a clip from that clip's own landmarks: what drawing alone can reach.

Nothing is known here of how a renderer works: each mouth shape is drawn and looked at, and for
every picture of the clip the shapes are sought whose lips lie where the real ones do. The same
tracker sees the real and the drawn ones, so what two trackers disagree about is not held against
the drawing.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from eval.face.curves import INNER_LIPS, LIPS, straightened
from eval.face.tracking import Mesh, Tracker
from services.lipsync.animation import Renderer
from services.lipsync.expression import MOUTH_SHAPES, Expression
from services.lipsync.motion.articulation import CLOSE, JAW

LEAST, MOST = -0.3, 1.15
"""Between these the service moves its mouth shapes."""
MOST_PICTURES = 150
"""How many pictures of a clip are redone: six seconds."""
MOST_TURNED = 12.0
"""How far the head may be turned from the still in them, degrees."""

# Shapes are looked at from a mouth that already speaks a little: some faces are drawn otherwise at
# rest than in speech.
_SPEAKING, _SPEAKING_JAW, _PROBE = 0.1, 0.35, 0.5
_ROUNDS = 3
_STIFFNESS = 0.1
_SWEEPS = 60
_INNER_WEIGHT = 2.0

Coefficients = NDArray[np.float64]
Lips = NDArray[np.float64]
"""Places of lips, weighted, in one line."""


class LandmarkDriver:
    """Finds the expressions with which an avatar shows given lips."""

    def __init__(self, tracker: Tracker, renderer: Renderer) -> None:
        self._tracker = tracker
        self._renderer = renderer
        rest = renderer.render(Expression()).copy()
        self._known = tracker.follow([(0.0, rest), (1.0, rest)]).points[-1]
        self._rest = _lips(self._known)
        self._speaking = np.full(len(MOUTH_SHAPES), _SPEAKING)
        self._speaking[JAW] = _SPEAKING_JAW
        self._speaking[CLOSE] = 0.0
        self._spoken = self._drawn(self._speaking)
        probes = self._speaking + np.eye(len(MOUTH_SHAPES)) * _PROBE
        answers = [(self._drawn(probe) - self._spoken) / _PROBE for probe in probes]
        self._slopes = np.stack(answers, axis=1)

    def expressions(self, faces: Iterable[Mesh], still: Mesh) -> list[Expression]:
        """The mouth for each face of a clip; in the face of the still it is at rest."""
        rest = _lips(still)
        found: list[Coefficients] = []
        for face in faces:
            before = found[-1] if found else self._speaking
            found.append(self._nearest_drawn(self._rest + _lips(face) - rest, before))
        return [_speaking(mouth) for mouth in found]

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
        picture = self._renderer.render(_speaking(mouth))
        return _lips(self._tracker.look_again(picture, self._known))


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


def _speaking(mouth: Coefficients) -> Expression:
    """A mouth in speech, whatever the photo shows at rest."""
    return Expression(mouth=mouth.astype(np.float32), composed=1.0)


def _lips(face: Mesh) -> Lips:
    upright = straightened(np.asarray(face, np.float64)[None])[0]
    weights = np.array([_INNER_WEIGHT if point in INNER_LIPS else 1.0 for point in LIPS])
    return np.asarray((upright[list(LIPS), :2] * np.sqrt(weights)[:, None]).ravel(), np.float64)
