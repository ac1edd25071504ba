"""Phones to shapes, and windows that join without a seam."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hama.asr import ASRModel
from numpy.typing import NDArray

from services.lipsync.phonemes import (
    EMISSION_LAG_US,
    MODEL_RATE_HZ,
    Phone,
    SpeechReader,
    shapes_of,
    to_model_rate,
)
from services.lipsync.visemes import VisemeShape


class PulseRecogniser:
    """Hears a phone at every pulse; which one, its height says."""

    PHONES = ("m", "a", "f", "s")

    def recognise(self, samples: NDArray[np.float32]) -> Sequence[Phone]:
        phones = []
        for place in np.flatnonzero(samples > 0.05):
            at_us = int(place) * 1_000_000 // MODEL_RATE_HZ
            height = round(float(samples[place]) * 10) - 1
            phones.append(Phone(self.PHONES[height], at_us, at_us + 60_000))
        return phones


def pulses(count: int) -> NDArray[np.int16]:
    """A pulse every 100 ms, sixteen thousand samples a second, after 80 ms, on a low hum."""
    sound = np.full(count * 1_600, 600, np.int16)
    for number in range(count):
        sound[1_280 + number * 1_600] = 3_277 * (1 + number % 4)
    return sound


def test_every_phone_that_the_recogniser_can_emit_has_a_shape_or_is_a_mark() -> None:
    phones = ASRModel().decoder_tokens
    letters = {phone for phone in phones if phone[0].isalpha() and ord(phone[0]) < 0x2B0}
    assert {phone for phone in letters if not shapes_of(phone)} == set()


@pytest.mark.parametrize(
    ("phone", "shapes"),
    [
        ("m", ["PP"]),
        ("pʰ", ["PP"]),
        ("v", ["FF"]),
        ("θ", ["TH"]),
        ("t͡ʃ", ["CH"]),
        ("ʂ", ["CH"]),
        ("t͡ɕʰ", ["CH"]),
        ("ŋ", ["NN"]),
        ("y", ["OU"]),
        ("aɪ", ["AA", "IH"]),
        ("oʊ", ["OH", "OU"]),
        ("ã", ["AA"]),
        ("˥", []),
        ("<blank>", []),
    ],
)
def test_phones_get_the_shapes_of_their_lips(phone: str, shapes: list[str]) -> None:
    assert [shape.name for shape in shapes_of(phone)] == shapes


@pytest.mark.parametrize("piece", [1_600, 2_000, 3_333, 16_000, 64_000])
def test_pieces_of_any_size_give_each_phone_once_in_its_place(piece: int) -> None:
    sound = pulses(40)
    reader = SpeechReader(PulseRecogniser(), MODEL_RATE_HZ)
    visemes = [
        viseme
        for start in range(0, len(sound), piece)
        for viseme in reader.read(sound[start : start + piece], last=start + piece >= len(sound))
    ]
    starts_us = [viseme.start_us for viseme in visemes]
    assert starts_us == pytest.approx(
        [80_000 - EMISSION_LAG_US + n * 100_000 for n in range(40)], abs=2
    )
    order = [VisemeShape.PP, VisemeShape.AA, VisemeShape.FF, VisemeShape.SS]
    assert [viseme.shape for viseme in visemes] == [order[n % 4] for n in range(40)]


def test_silence_is_not_given_to_the_recogniser() -> None:
    class Deaf:
        def recognise(self, samples: NDArray[np.float32]) -> Sequence[Phone]:
            raise AssertionError("silence was recognised")

    reader = SpeechReader(Deaf(), MODEL_RATE_HZ)
    assert reader.read(np.zeros(16_000, np.int16), last=True) == []


@pytest.mark.parametrize("rate_hz", [24_000, 48_000])
def test_resampling_keeps_a_voice_and_drops_what_would_fold(rate_hz: int) -> None:
    def tone(frequency_hz: int, at_hz: int) -> NDArray[np.float32]:
        seconds = np.arange(at_hz) / at_hz
        return np.sin(2 * np.pi * frequency_hz * seconds).astype(np.float32)

    kept = to_model_rate(tone(1_000, rate_hz), rate_hz)
    assert len(kept) == MODEL_RATE_HZ
    assert np.abs(kept - tone(1_000, MODEL_RATE_HZ))[200:-200].max() < 0.02
    assert np.abs(to_model_rate(tone(10_500, rate_hz), rate_hz))[200:-200].max() < 0.02
