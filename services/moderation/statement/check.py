"""Checks a statement on camera: the words, the face, the mouth, the voice, the age."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from services.common.faces import Detection, FaceDetector
from services.moderation.age import AgeEstimator, likelihood_of_minor
from services.moderation.sound import SPEECH_RATE_HZ, WINDOW_S
from services.moderation.speech import Transcriber, speech_of
from services.moderation.statement.faces import FAR, FaceRecogniser, distance, spread
from services.moderation.statement.film import Film
from services.moderation.statement.mouth import MouthReader, agreement
from services.moderation.statement.speaker import (
    LEAST_S,
    SpeakerEncoder,
    Voice,
    likeness,
    mean_voice,
)
from services.moderation.statement.words import share_heard

ItemT = TypeVar("ItemT")

MIN_SECRET, MIN_SENTENCE = 0.65, 0.5
"""How much has to be heard: of the words that nobody could foresee, and of what is consented to.

Four of six words of 64, in their order: what was recorded before has them by one chance in 70 000,
and recognisers mishear one or two of them now and then."""
_ONE_FACE, _SEVERAL_FACES = 0.7, 0.1
"""Shares of the pictures: at least with a face, at most with another as large."""
_SAME_FACE = 0.5
"""The distance up to which two faces are one person's."""
_SAME_THROUGHOUT = 0.55
_MOUTH_FOLLOWS = 0.2
_SAME_VOICE = 0.75
_CLEAR_SCORE = 0.8
_BESIDE = 0.5
_LEAST_WIDTH_PX = 40
_LOOKED_THROUGH = 24
"""Pictures that are searched for all faces."""
_DESCRIBED = 8
_MOST_MOUTHS = 400


@dataclass(frozen=True, slots=True)
class Phrase:
    """What was to be said."""

    sentence: str
    """What is consented to."""
    secret: str
    """Words that nobody could foresee."""
    language: str
    """`en` or `zh`."""


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at."""

    name: str
    passed: bool
    score: float
    """0 to 1, the higher the better."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found."""

    checks: tuple[Check, ...]
    voice: Voice
    """[256]; empty without enough speech."""


class StatementChecker(Protocol):
    """Checks statements; slow."""

    def check(self, film: Film, portrait: NDArray[np.uint8] | None, phrase: Phrase) -> Checked:
        """What a film shows; `portrait` [h, w, 3] is whose face it has to be."""
        ...


@dataclass(frozen=True, slots=True)
class Models:
    """What looks and listens."""

    detector: FaceDetector
    ages: AgeEstimator
    faces: FaceRecogniser
    mouths: MouthReader
    voices: SpeakerEncoder
    transcriber: Transcriber


class ModelledChecker:
    """Checks with models; for one thread at a time."""

    def __init__(self, models: Models, *, minor_from: float) -> None:
        """`minor_from` is how likely somebody is a minor from which on they are taken for one."""
        self._models = models
        self._least_adult = 1 - minor_from

    def check(self, film: Film, portrait: NDArray[np.uint8] | None, phrase: Phrase) -> Checked:
        """See StatementChecker."""
        some = _evenly(film.pictures, _LOOKED_THROUGH)
        found = [(picture, self._clear(picture.rgb)) for picture in some]
        alone = [(picture, faces[0]) for picture, faces in found if faces]
        checks = [*self._words(film, phrase), _one_face([faces for _, faces in found])]
        described = [
            self._models.faces.describe(picture.rgb, face)
            for picture, face in _evenly(alone, _DESCRIBED)
        ]
        apart = spread(described) if described else FAR
        checks.append(_near("person", apart, _SAME_THROUGHOUT))
        if portrait is not None:
            theirs = self._clear(portrait)
            far = FAR
            if theirs and described:
                far = distance(described, self._models.faces.describe(portrait, theirs[0]))
            checks.append(_near("portrait", far, _SAME_FACE))
        checks.append(self._mouth(film))
        voice, same = self._voice(film.sound)
        years = [
            self._models.ages.years(picture.rgb, face)
            for picture, face in _evenly(alone, _DESCRIBED // 2)
        ]
        minor = likelihood_of_minor(float(np.median(years))) if years else 1.0
        return Checked((*checks, same, _check("age", 1 - minor, self._least_adult)), voice)

    def _words(self, film: Film, phrase: Phrase) -> list[Check]:
        heard = ""
        for start in range(0, len(film.sound), WINDOW_S * SPEECH_RATE_HZ):
            window = film.sound[start : start + WINDOW_S * SPEECH_RATE_HZ]
            heard += f"{self._models.transcriber.transcribe(window, phrase.language).text} "
        return [
            _check("words", share_heard(phrase.secret, heard, phrase.language), MIN_SECRET),
            _check("sentence", share_heard(phrase.sentence, heard, phrase.language), MIN_SENTENCE),
        ]

    def _clear(self, rgb: NDArray[np.uint8]) -> list[Detection]:
        """The faces that are seen well, the largest first."""
        return [
            face
            for face in self._models.detector.find(rgb)
            if face.score >= _CLEAR_SCORE and face.width >= _LEAST_WIDTH_PX
        ]

    def _mouth(self, film: Film) -> Check:
        times_s, openings = [], []
        last: Detection | None = None
        for picture in _evenly(film.pictures, _MOST_MOUTHS):
            last = self._followed(picture.rgb, last)
            if last is not None:
                times_s.append(picture.time_s)
                openings.append(self._models.mouths.opening(picture.rgb, last))
        score = agreement(np.array(times_s), np.array(openings), film.sound)
        return _check("mouth", score, _MOUTH_FOLLOWS)

    def _followed(self, rgb: NDArray[np.uint8], last: Detection | None) -> Detection | None:
        """The face near where it was, else the largest anywhere."""
        if last is not None:
            side = 2 * max(last.width, last.height)
            x, y = last.x + last.width / 2 - side / 2, last.y + last.height / 2 - side / 2
            if near := self._models.detector.find_in(rgb, x, y, side):
                return near[0]
        return next(iter(self._clear(rgb)), None)

    def _voice(self, sound: NDArray[np.float32]) -> tuple[Voice, Check]:
        """How the voice sounds, and whether it is the same in the second half."""
        speech = speech_of(sound) if len(sound) else sound
        if len(speech) < LEAST_S * SPEECH_RATE_HZ:
            return np.zeros(0, np.float32), Check("voice", False, 0.0)
        voices = self._models.voices.voices(speech)
        half = len(voices) // 2
        same = likeness(mean_voice(voices[:half]), mean_voice(voices[half:]))
        return mean_voice(voices), _check("voice", same, _SAME_VOICE)


def _evenly(items: Sequence[ItemT], count: int) -> list[ItemT]:
    """At most that many, from the first to the last."""
    if len(items) <= count:
        return list(items)
    return [items[int(at)] for at in np.linspace(0, len(items) - 1, count)]


def _one_face(found: Sequence[Sequence[Detection]]) -> Check:
    """A face in most pictures, and hardly ever a second one that is as large."""
    if not found:
        return Check("face", False, 0.0)
    seen = sum(bool(faces) for faces in found) / len(found)
    beside = sum(
        len(faces) > 1 and faces[1].width >= _BESIDE * faces[0].width for faces in found
    ) / len(found)
    passed = seen >= _ONE_FACE and beside <= _SEVERAL_FACES
    return Check("face", passed, max(0.0, seen - beside))


def _near(name: str, far: float, most: float) -> Check:
    return Check(name, far <= most, float(np.clip(1 - far, 0.0, 1.0)))


def _check(name: str, score: float, least: float) -> Check:
    return Check(name, score >= least, float(np.clip(score, 0.0, 1.0)))
