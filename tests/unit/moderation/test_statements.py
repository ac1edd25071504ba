"""Statements on camera: what of the words, the faces, the mouth and the voice is enough."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from services.common.faces import Detection, FaceDetector
from services.moderation.age import AgeEstimator
from services.moderation.sound import SPEECH_RATE_HZ
from services.moderation.speech import Heard
from services.moderation.statement import check as checking
from services.moderation.statement.check import Checked, ModelledChecker, Models, Phrase
from services.moderation.statement.decode import read_answer
from services.moderation.statement.faces import FaceRecogniser
from services.moderation.statement.film import Film, Picture, read_film
from services.moderation.statement.mouth import MouthReader, agreement
from services.moderation.statement.speaker import SpeakerEncoder
from services.moderation.statement.words import share_heard
from tests.fakes.statement import film_of

PHRASE = Phrase(
    "I agree to the use of my voice", "apple, river, window, tiger, garden, piano", "en"
)
SAID = "I agree to the use of my voice. Apple, river, window, tiger, garden, piano."
EYES: dict[str, Any] = {"right_eye": (20, 20), "left_eye": (40, 20), "mouth": (30, 40)}


def face(width: float = 60.0) -> Detection:
    return cast(
        Detection, SimpleNamespace(score=0.9, x=0.0, y=0.0, width=width, height=width, **EYES)
    )


class Scene:
    """What a film shows, as all the models tell it."""

    def __init__(self) -> None:
        self.said = SAID
        self.faces: Sequence[Detection] = [face()]
        self.someone_else_from = 1_000
        """The number of the picture from which on it is another person."""
        self.in_portrait = 0.0
        self.second_voice = False
        self.years_old = 35.0
        self.open = True

    def check(self, portrait: bool = True) -> Checked:
        pictures = [
            Picture(np.full((80, 80, 3), number, np.uint8), number / 12.5) for number in range(100)
        ]
        seconds = np.arange(8 * SPEECH_RATE_HZ) / SPEECH_RATE_HZ
        sound = (np.sin(seconds * 900) * (np.sin(seconds * 6) > 0)).astype(np.float32)
        models = Models(
            cast(FaceDetector, self),
            cast(AgeEstimator, self),
            cast(FaceRecogniser, self),
            cast(MouthReader, self),
            cast(SpeakerEncoder, self),
            self,
        )
        view = np.full((80, 80, 3), 255, np.uint8) if portrait else None
        return ModelledChecker(models, minor_from=0.75).check(Film(pictures, sound), view, PHRASE)

    def find(self, rgb: NDArray[np.uint8]) -> Sequence[Detection]:
        return self.faces

    def find_in(
        self, rgb: NDArray[np.uint8], x: float, y: float, side: float
    ) -> Sequence[Detection]:
        return self.faces

    def years(self, rgb: NDArray[np.uint8], face: Detection) -> float:
        return self.years_old

    def describe(self, rgb: NDArray[np.uint8], face: Detection) -> NDArray[np.float32]:
        number = int(rgb[0, 0, 0])
        at = self.in_portrait if number == 255 else 1.5 * (number >= self.someone_else_from)
        return np.array([at, *[0.0] * 127], np.float32)

    def opening(self, rgb: NDArray[np.uint8], face: Detection) -> float:
        time_s = int(rgb[0, 0, 0]) / 12.5
        return 0.4 * self.open * bool(np.sin(time_s * 6) > 0)

    def voices(self, speech: NDArray[np.float32]) -> NDArray[np.float32]:
        voices = np.zeros((10, 256), np.float32)
        voices[:, 0] = 1
        if self.second_voice:
            voices[5:] = np.roll(voices[5:], 1, axis=1)
        return voices

    def transcribe(self, samples: NDArray[np.float32], language: str | None) -> Heard:
        return Heard(self.said, "en", 8.0)


@pytest.fixture(autouse=True)
def _all_of_it_is_speech(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "speech_of", lambda sound: sound)


def failed(checked: Checked) -> set[str]:
    return {check.name for check in checked.checks if not check.passed}


def test_a_person_who_reads_the_phrase_passes() -> None:
    checked = Scene().check()
    assert failed(checked) == set()
    assert [check.name for check in checked.checks] == [
        "words",
        "sentence",
        "face",
        "person",
        "portrait",
        "mouth",
        "voice",
        "age",
    ]
    assert checked.voice.shape == (256,)
    assert "portrait" not in {check.name for check in Scene().check(portrait=False).checks}


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        (
            {"said": "I agree to the use of my voice. Lemon, table, music, doctor, ocean."},
            {"words"},
        ),
        ({"said": "Apple, river, window, tiger, garden, piano."}, {"sentence"}),
        ({"said": ""}, {"words", "sentence"}),
        ({"faces": []}, {"face", "person", "portrait", "mouth", "age"}),
        ({"faces": [face(), face(50)]}, {"face"}),
        ({"someone_else_from": 50}, {"person", "portrait"}),
        ({"in_portrait": 0.7}, {"portrait"}),
        ({"open": False}, {"mouth"}),
        ({"second_voice": True}, {"voice"}),
        ({"years_old": 12.0}, {"age"}),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, Any], wrong: set[str]) -> None:
    scene = Scene()
    for name, value in change.items():
        setattr(scene, name, value)
    assert failed(scene.check()) == wrong


def test_somebody_small_beside_is_no_second_person() -> None:
    scene = Scene()
    scene.faces = [face(), face(25)]
    assert failed(scene.check()) == set()


def test_words_may_be_heard_a_little_differently() -> None:
    assert share_heard("apple, river, tiger", "Apples river. A tiger!", "en") == 1
    assert share_heard("apple, river, tiger", "tiger river apple", "en") < 0.4
    assert share_heard("苹果，火车", "平果货车", "zh") > 0.7
    assert share_heard("苹果，火车", "月亮老师", "zh") < 0.3


def test_a_mouth_that_does_not_move_agrees_with_nothing() -> None:
    times = np.arange(50) / 12.5
    sound = np.random.default_rng(1).normal(0, 0.1, 4 * SPEECH_RATE_HZ).astype(np.float32)
    assert agreement(times, np.zeros(50), sound) == 0
    assert agreement(times, times, np.zeros(0, np.float32)) == 0


def test_a_film_is_read_in_bounded_pieces() -> None:
    film = read_film(film_of(640, 960, 3))
    assert film.pictures[0].rgb.shape == (480, 320, 3)
    assert 30 <= len(film.pictures) <= 45
    assert abs(film.duration_s - 3) < 0.2


def test_an_error_of_the_reader_is_told_as_it_was() -> None:
    assert read_answer(b'{"reason": "INVALID_INPUT", "message": "no"}\n') == ("INVALID_INPUT", "no")
