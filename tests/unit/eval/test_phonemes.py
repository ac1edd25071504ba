"""Phones to shapes, in their places."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hama.asr import ASRModel

from eval.face.clips import RATE_HZ, Sound
from eval.face.phonemes import EMISSION_LAG_US, Phone, shapes_of, visemes_in
from services.lipsync.visemes import VisemeShape


class PulseRecogniser:
    """Hears a phone at every pulse; which one, its height says."""

    PHONES = ("m", "a", "f", "s")

    def recognise(self, samples: Sound) -> Sequence[Phone]:
        phones = []
        for place in np.flatnonzero(samples > 0.05):
            at_us = int(place) * 1_000_000 // RATE_HZ
            height = round(float(samples[place]) * 10) - 1
            phones.append(Phone(self.PHONES[height], at_us, at_us + 60_000))
        return phones


def pulses(count: int) -> Sound:
    """A pulse every 100 ms, sixteen thousand samples a second, after 80 ms, on a low hum."""
    sound = np.full(count * 1_600, 0.02, np.float32)
    for number in range(count):
        sound[1_280 + number * 1_600] = 0.1 * (1 + number % 4)
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


def test_each_phone_has_its_shape_once_and_in_its_place() -> None:
    visemes = visemes_in(PulseRecogniser(), pulses(40))
    starts_us = [viseme.start_us for viseme in visemes]
    assert starts_us == pytest.approx(
        [80_000 - EMISSION_LAG_US + n * 100_000 for n in range(40)], abs=2
    )
    order = [VisemeShape.PP, VisemeShape.AA, VisemeShape.FF, VisemeShape.SS]
    assert [viseme.shape for viseme in visemes] == [order[n % 4] for n in range(40)]


def test_a_phone_ends_where_the_voice_falls_silent() -> None:
    sound = pulses(1)
    sound[1_400:] = 0.0

    (viseme,) = visemes_in(PulseRecogniser(), np.pad(sound, (0, 1_600)))

    assert viseme.end_us <= 100_000


def test_nothing_is_heard_in_silence() -> None:
    assert visemes_in(PulseRecogniser(), np.zeros(16_000, np.float32)) == []
