from __future__ import annotations

import numpy as np
import pytest

from services.lipsync.motion.spectrum import BANDS, RATE_HZ
from training.motion.coarticulation import CoarticulatedMouth
from training.motion.examples import PHONEMES, Filmed, filmed_example, spoken_example, told_s
from training.motion.shapes import FITTED, PLACES, Shapes
from training.motion.sound import Heard, altered, plain
from training.motion.speech import Utterance

pytestmark = pytest.mark.unit


def _buzz(seconds: float) -> np.ndarray:
    at_s = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    return (0.2 * np.sign(np.sin(2 * np.pi * 120 * at_s))).astype(np.float32)


def _utterance() -> Utterance:
    samples = (_buzz(1.2) * 32767).astype(np.int16)
    samples[: RATE_HZ // 5] = 0
    ends = np.array([0.2, 0.5, 0.6, 1.2]) * RATE_HZ
    return Utterance(samples, " apa", ends.astype(np.int64))


def _person(moving: float = 1.0) -> Filmed:
    at_s = np.arange(50) / 25
    curve = moving * (np.sin(at_s * 9) + 1) / 2
    shapes = np.repeat(curve[:, None], len(FITTED), axis=1)
    lips = np.zeros((50, len(PLACES), 2)) + curve[:, None, None]
    return Filmed("someone", True, _buzz(2.0), at_s, lips, shapes, curve, CoarticulatedMouth([]))


def test_phonemes_and_seals_stand_where_they_are_said() -> None:
    example = spoken_example("u", _utterance(), plain(_buzz(1.2)))
    at_s = told_s(len(example.steps))

    assert example.steps.shape == (60, 2 * BANDS)
    assert {PHONEMES[n] for n in example.phonemes[(at_s > 0.3) & (at_s < 0.45)]} == {"a"}
    assert {PHONEMES[n] for n in example.phonemes[(at_s > 0.51) & (at_s < 0.59)]} == {"p"}
    assert set(example.phonemes[at_s < 0.1].tolist()) == {0}
    closed_s = at_s[example.gates[:, 0] > 0.9]
    assert 0.4 < closed_s.min() < closed_s.max() < 0.65


def test_a_filmed_mouth_stands_where_its_sound_is_however_fast_it_is_played() -> None:
    person = _person()
    fast = Heard(person.sound[: int(len(person.sound) / 1.25)], 1.25)

    example = filmed_example(person, fast)

    at_s = told_s(len(example.steps)) * 1.25
    known = (at_s >= 0) & (at_s <= person.at_s[-1])
    assert np.isnan(example.shapes[~known]).all()
    wanted = np.interp(at_s[known], person.at_s, person.opening)
    np.testing.assert_allclose(example.lips[known, 7, 1], wanted, atol=1e-6)


def test_shapes_are_told_from_the_places_that_they_move() -> None:
    moves = np.random.default_rng(2).normal(0, 0.1, (len(FITTED), len(PLACES), 2))
    shown = np.random.default_rng(3).uniform(0, 1, (20, len(FITTED)))
    displaced = np.einsum("nk,kpd->npd", shown, moves)

    found = Shapes(moves).shown(displaced, np.ones((len(PLACES), 2)), ridge=1e-9)

    np.testing.assert_allclose(found, shown, atol=0.01)


def test_what_cannot_be_shown_is_not_told() -> None:
    moves = np.random.default_rng(2).normal(0, 0.1, (len(FITTED), len(PLACES), 2))

    found = Shapes(moves).shown(-moves[:1], np.ones((len(PLACES), 2)), ridge=1e-6)

    assert found.min() >= 0.0
    assert found[0, 0] == 0.0


def test_altered_sound_keeps_its_place_in_time() -> None:
    chance = np.random.default_rng(5)
    click = np.zeros(RATE_HZ, np.float32)
    click[RATE_HZ // 2 : RATE_HZ // 2 + 1600] = 0.5 * np.sin(np.arange(1600) / 4)

    for _ in range(8):
        heard = altered(click, chance)
        levels = np.abs(heard.samples).astype(np.float64)
        loudest_s = (
            int(levels.reshape(-1)[: len(levels) // 160 * 160].reshape(-1, 160).mean(1).argmax())
            / 100
        )
        assert loudest_s * heard.pace == pytest.approx(0.55, abs=0.08)


def test_chance_comes_from_the_seed() -> None:
    first, second = (altered(_buzz(1.0), np.random.default_rng(7)) for _ in range(2))

    assert first.pace == second.pace
    np.testing.assert_array_equal(first.samples, second.samples)
