"""The real phoneme recogniser on recordings of people."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from services.lipsync.phonemes import HamaRecogniser, SpeechReader
from services.lipsync.visemes import Viseme, VisemeShape

SPEECH = Path(__file__).parents[4] / "shared" / "data" / "speech"

pytestmark = pytest.mark.skipif(
    not SPEECH.is_dir(), reason=f"the recordings are not there: {SPEECH}"
)


@pytest.fixture(scope="module")
def recogniser() -> HamaRecogniser:
    return HamaRecogniser()


def recording(name: str) -> tuple[NDArray[np.int16], int]:
    with wave.open(str(SPEECH / name)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        return samples[:: file.getnchannels()], file.getframerate()


def read(
    recogniser: HamaRecogniser, sound: NDArray[np.int16], rate: int, piece: int
) -> list[Viseme]:
    reader = SpeechReader(recogniser, rate)
    return [
        viseme
        for start in range(0, len(sound), piece)
        for viseme in reader.read(sound[start : start + piece], last=start + piece >= len(sound))
    ]


def test_english_speech_has_shapes_at_the_rate_of_speech(recogniser: HamaRecogniser) -> None:
    sound, rate = recording("RD_Radio31_000.wav")
    visemes = read(recogniser, sound, rate, rate)
    assert 7 <= len(visemes) / (len(sound) / rate) <= 18
    assert {VisemeShape.PP, VisemeShape.FF, VisemeShape.AA, VisemeShape.SS} <= {
        viseme.shape for viseme in visemes
    }


def test_mandarin_speech_has_shapes_too(recogniser: HamaRecogniser) -> None:
    sound, rate = recording("bus_chinese.wav")
    visemes = read(recogniser, sound, rate, rate)
    assert 4 <= len(visemes) / (len(sound) / rate) <= 18


def test_pieces_of_a_second_are_heard_much_like_the_whole(recogniser: HamaRecogniser) -> None:
    sound, rate = recording("RD_Radio31_000.wav")
    whole = read(recogniser, sound, rate, len(sound))
    pieces = read(recogniser, sound, rate, rate)
    found = sum(
        any(v.shape is w.shape and abs(v.start_us - w.start_us) <= 40_000 for w in pieces)
        for v in whole
    )
    assert found / len(whole) > 0.8
    assert abs(len(pieces) - len(whole)) / len(whole) < 0.1


def test_visemes_keep_to_where_the_voice_is(recogniser: HamaRecogniser) -> None:
    sound, rate = recording("RD_Radio31_000.wav")
    second = np.zeros(rate, np.int16)
    padded = np.concatenate((second, sound, second))
    visemes = read(recogniser, padded, rate, rate)
    assert min(viseme.start_us for viseme in visemes) > 900_000
    assert max(viseme.end_us for viseme in visemes) < len(padded) * 1_000_000 // rate - 900_000
