"""The drawn mouths that the network learns from: targets, rest in silence, rounding ahead."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.lipsync.expression import MOUTH_SHAPES
from services.lipsync.motion.articulation import (
    ARTICULATIONS,
    CLOSE,
    DOMINANCE,
    JAW,
    PUCKER,
    TARGETS,
)
from services.lipsync.motion.seals import VISUAL_LEAD_US
from services.lipsync.visemes import Viseme, VisemeShape
from training.motion.coarticulation import PAUSE_CLOSE_US, CoarticulatedMouth

pytestmark = pytest.mark.unit


@st.composite
def speech(draw: st.DrawFn) -> list[Viseme]:
    """Visemes of 25 to 200 ms, with silences, after a little silence as speech has."""
    at_us, visemes = draw(st.integers(100_000, 300_000)), []
    shapes = st.sampled_from(list(VisemeShape))
    for _ in range(draw(st.integers(1, 30))):
        end_us = at_us + draw(st.integers(25_000, 200_000))
        visemes.append(Viseme(draw(shapes), at_us, end_us, draw(st.floats(0.2, 1.0))))
        at_us = end_us
    return visemes


@settings(max_examples=40, deadline=None)
@given(speech())
def test_the_mouth_is_exactly_at_rest_once_it_has_closed(visemes: list[Viseme]) -> None:
    end_us = visemes[-1].end_us
    track = CoarticulatedMouth(visemes)
    for after_us in range(end_us + PAUSE_CLOSE_US, end_us + 2_000_000, 40_000):
        assert not track.coefficients_at(after_us).any()


@settings(max_examples=40, deadline=None)
@given(speech())
def test_coefficients_stay_within_their_legal_range(visemes: list[Viseme]) -> None:
    track = CoarticulatedMouth(visemes)
    times = range(0, visemes[-1].end_us, 40_000)
    mouths = np.stack([track.coefficients_at(at_us) for at_us in times])
    assert mouths.min() >= -0.3
    assert mouths.max() <= 1.3


def test_a_pause_of_half_a_second_is_silence_for_the_mouth() -> None:
    visemes = [
        Viseme(VisemeShape.AA, 0, 200_000),
        Viseme(VisemeShape.SIL, 200_000, 700_000),
        Viseme(VisemeShape.AA, 700_000, 900_000),
    ]
    track = CoarticulatedMouth(visemes)
    assert not any(track.coefficients_at(at_us).any() for at_us in range(350_000, 550_000, 1_000))


def test_lips_round_for_oo_while_its_consonant_still_sounds() -> None:
    sooner = CoarticulatedMouth(
        [Viseme(VisemeShape.DD, 200_000, 280_000), Viseme(VisemeShape.OU, 280_000, 450_000)]
    )
    assert sooner.coefficients_at(200_000)[PUCKER] > 0.15


@pytest.mark.parametrize("vowel", [VisemeShape.AA, VisemeShape.E, VisemeShape.OH])
def test_a_long_vowel_reaches_its_target(vowel: VisemeShape) -> None:
    track = CoarticulatedMouth([Viseme(vowel, 200_000, 450_000)])
    reached = track.coefficients_at(325_000 - VISUAL_LEAD_US)[JAW]
    assert reached == pytest.approx(ARTICULATIONS[vowel].target[JAW], rel=0.05)


def test_a_softer_voice_opens_less_but_seals_as_well() -> None:
    track = CoarticulatedMouth(
        [Viseme(VisemeShape.AA, 200_000, 350_000), Viseme(VisemeShape.PP, 350_000, 450_000)]
    )
    loud, soft = (track.coefficients_at(230_000, gain) for gain in (1.0, 0.5))
    assert soft[JAW] == pytest.approx(loud[JAW] / 2, rel=0.01)
    assert track.coefficients_at(360_000, 0.5)[CLOSE] == 1.0


def test_every_viseme_says_how_it_is_made() -> None:
    assert set(ARTICULATIONS) == set(VisemeShape)
    assert TARGETS.shape == DOMINANCE.shape == (len(VisemeShape) + 1, len(MOUTH_SHAPES))
