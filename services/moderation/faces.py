"""The faces of a picture: how many are clear, and whether one may be a child's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from services.common.faces import FaceDetector
from services.moderation.age import AgeEstimator, likelihood_of_minor
from services.moderation.image_model import Picture, Score, Thresholds
from services.moderation.verdict import Label

_CLEAR_SCORE = 0.8
"""What is no face is found with less: up to 0.73 in portraits, paintings and groups."""
_LEAST_WIDTH_PX = 32
_LEAST_SHARE = 0.05
"""Of the picture's shorter side: people far behind somebody are no second face."""
_BESIDE = 0.5
"""Share of the largest face's width from which on another is as much the picture's subject."""


@dataclass(frozen=True, slots=True)
class Faces:
    """What was seen of faces."""

    ages: tuple[float, ...]
    """Estimated years of the clear faces, the largest first."""
    subjects: int
    """Clear faces that are about as large as the largest."""
    minor: Score
    """How likely the youngest of them is a child."""


class FaceReader(Protocol):
    """Looks at faces; threads may share it."""

    @property
    def version(self) -> str:
        """Names the models and thresholds."""
        ...

    def look(self, picture: Picture) -> Faces:
        """The faces of a picture."""
        ...


class AgedFaces:
    """BlazeFace finds faces, a network estimates how old they look."""

    def __init__(
        self, detector: FaceDetector, ages: AgeEstimator, thresholds: Thresholds, version: str
    ) -> None:
        self._detector = detector
        self._ages = ages
        self._thresholds = thresholds
        self.version = f"{version}@{thresholds}"

    def look(self, picture: Picture) -> Faces:
        """The clear faces of a picture."""
        least = max(_LEAST_WIDTH_PX, _LEAST_SHARE * min(picture.shape[:2]))
        clear = [
            face
            for face in self._detector.find(picture)
            if face.score >= _CLEAR_SCORE and face.width >= least
        ]
        ages = tuple(self._ages.years(picture, face) for face in clear)
        likelihood = max(map(likelihood_of_minor, ages), default=0.0)
        return Faces(
            ages,
            sum(face.width >= _BESIDE * clear[0].width for face in clear),
            Score(Label.MINOR, "face", likelihood, self._thresholds),
        )
