"""Mouth shapes and what is done to the sound."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from services.tts import sound
from services.tts.engine import Interrupt, Take
from services.tts.kokoro import TOKENS
from services.tts.visemes import Viseme, VisemeShape, hushed, visemes_of

RATE = 24_000


def shapes(phonemes: str, length: int = 100, pause: int = 150, min_seal: int = 0) -> list[Viseme]:
    timed = [(phoneme, length) for phoneme in phonemes]
    return list(visemes_of(timed, pause=pause, min_seal=min_seal))


def test_visemes_cover_all_the_time_without_gaps() -> None:
    made = shapes(" ˈOpən, mˈIt↘ʰ ")
    assert made[0].start == 0
    assert made[-1].end == 1_500
    assert all(one.end == two.start for one, two in pairwise(made))


def test_glides_have_two_shapes_and_stress_makes_them_fuller() -> None:
    made = shapes("ˈIə")
    assert [one.shape for one in made] == [VisemeShape.AA, VisemeShape.IH, VisemeShape.E]
    assert made[0].weight == 1.0
    assert made[2].weight < 0.7


def test_only_a_long_gap_is_a_silence() -> None:
    assert [one.shape for one in shapes("k a")] == [VisemeShape.KK, VisemeShape.AA]
    assert [one.shape for one in shapes("k, a")] == [
        VisemeShape.KK,
        VisemeShape.SIL,
        VisemeShape.AA,
    ]


@pytest.mark.parametrize("consonant", "pbm")
def test_lips_stay_shut_long_enough(consonant: str) -> None:
    seal = next(
        one for one in shapes(f"a{consonant}a", min_seal=180) if one.shape is VisemeShape.PP
    )
    assert seal.end - seal.start == 180


def test_every_letter_of_the_alphabet_has_a_shape_of_its_own() -> None:
    marks = set(';:,.!?—…"()“” \u0303ˈˌːʰʲᵝ↓→↗↘S')
    silent = [
        phoneme
        for phoneme in TOKENS.keys() - marks
        if shapes(phoneme, pause=0)[0].shape is VisemeShape.SIL
    ]
    assert silent == []


def take(lead_silence: int, tone: int, tail_silence: int) -> Take:
    wave = np.sin(np.arange(tone) / 10).astype(np.float32) / 2
    samples = np.concatenate((np.zeros(lead_silence), wave, np.zeros(tail_silence)))
    return Take(
        samples.astype(np.float32), lead_silence, [tone // 2, tone // 2 + tail_silence // 2]
    )


def test_silence_around_speech_is_cut_to_a_margin() -> None:
    start, end = sound.audible(take(12_000, 24_000, 12_000), 1.0, RATE)
    assert 11_000 < start < 12_000
    assert 36_000 < end < 37_000


def test_the_first_phoneme_is_never_cut() -> None:
    quiet = Take(np.zeros(RATE, np.float32), 2_400, [2_400, 2_400])
    assert sound.audible(quiet, 1.0, RATE) == (2_400, 7_200)


def test_loud_sound_is_rounded_off_and_quiet_sound_untouched() -> None:
    samples = np.linspace(-3, 3, 1_000, dtype=np.float32)
    levelled = sound.levelled(samples, 1.0)
    assert np.abs(levelled).max() < 1.0
    assert np.all(np.diff(levelled) >= 0)
    quiet = np.abs(samples) < 0.7
    np.testing.assert_array_equal(levelled[quiet], samples[quiet])


def test_ends_are_silent() -> None:
    faded = sound.faded(np.ones(1_000, np.float32), RATE)
    assert faded[0] == faded[-1] == 0
    assert faded[500] == 1


def test_an_interrupt_reaches_those_who_listen_later_too() -> None:
    heard: list[str] = []
    interrupt = Interrupt()
    interrupt.listen(lambda: heard.append("early"))
    assert not interrupt.thrown
    interrupt.throw()
    interrupt.listen(lambda: heard.append("late"))
    interrupt.throw()
    assert heard == ["early", "late"]
    assert interrupt.thrown


def test_the_mouth_rests_where_the_last_sound_of_a_word_is_over() -> None:
    quiet = [(450, 800)]
    made = list(
        hushed(shapes("kaa, ta"), lambda start, end: sound.sounding_until(start, end, quiet))
    )
    assert [(one.shape, one.start, one.end) for one in made][:3] == [
        (VisemeShape.KK, 0, 100),
        (VisemeShape.AA, 100, 300),
        (VisemeShape.SIL, 300, 500),
    ]
    quiet = [(150, 300)]
    made = list(
        hushed(shapes("kaa, ta"), lambda start, end: sound.sounding_until(start, end, quiet))
    )
    assert [(one.shape, one.start, one.end) for one in made][:3] == [
        (VisemeShape.KK, 0, 100),
        (VisemeShape.AA, 100, 150),
        (VisemeShape.SIL, 150, 500),
    ]


def test_only_lasting_silences_are_found() -> None:
    samples = np.ones(RATE, np.float32)
    samples[2_400:3_000] = samples[12_000:16_000] = 0
    ((start, end),) = sound.silences(samples, RATE)
    assert (start, end) == (12_000, 15_960)
