"""The real phoneme recogniser on recordings of people."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from eval.face.clips import RATE_HZ, Sound, read_sound
from eval.face.phonemes import HamaRecogniser, visemes_in
from services.lipsync.visemes import VisemeShape

SPEECH = Path(__file__).parents[4] / "shared" / "data" / "speech"

pytestmark = pytest.mark.skipif(
    not SPEECH.is_dir(), reason=f"the recordings are not there: {SPEECH}"
)


@pytest.fixture(scope="module")
def recogniser() -> HamaRecogniser:
    return HamaRecogniser()


def recording(name: str) -> Sound:
    return read_sound(SPEECH / name)


def test_english_speech_has_shapes_at_the_rate_of_speech(recogniser: HamaRecogniser) -> None:
    sound = recording("RD_Radio31_000.wav")
    visemes = visemes_in(recogniser, sound)
    assert 7 <= len(visemes) / (len(sound) / RATE_HZ) <= 18
    assert {VisemeShape.PP, VisemeShape.FF, VisemeShape.AA, VisemeShape.SS} <= {
        viseme.shape for viseme in visemes
    }


def test_mandarin_speech_has_shapes_too(recogniser: HamaRecogniser) -> None:
    sound = recording("bus_chinese.wav")
    visemes = visemes_in(recogniser, sound)
    assert 4 <= len(visemes) / (len(sound) / RATE_HZ) <= 18


def test_visemes_keep_to_where_the_voice_is(recogniser: HamaRecogniser) -> None:
    sound = recording("RD_Radio31_000.wav")
    second = np.zeros(RATE_HZ, np.float32)
    padded = np.concatenate((second, sound, second))
    visemes = visemes_in(recogniser, padded)
    assert min(viseme.start_us for viseme in visemes) > 900_000
    assert max(viseme.end_us for viseme in visemes) < len(padded) * 1_000_000 // RATE_HZ - 900_000
