"""The mouth: seals of p b m, rest in silence, anticipation within the horizon."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from services.lipsync.expression import MOUTH_SHAPES
from services.lipsync.motion.articulation import (
    ARTICULATIONS,
    BITE,
    CLOSE,
    DOMINANCE,
    JAW,
    PUCKER,
    TARGETS,
)
from services.lipsync.motion.mouth import (
    MAX_HORIZON_US,
    PAUSE_CLOSE_US,
    VISUAL_LEAD_US,
    MouthTrack,
)
from services.lipsync.visemes import Viseme, VisemeShape

HORIZON_US = 200_000


def track_of(visemes: list[Viseme], fps: int = 25, horizon_us: int = HORIZON_US) -> MouthTrack:
    track = MouthTrack(fps)
    track.add(visemes, utterance_us=0, horizon_us=horizon_us)
    return track


def frames(track: MouthTrack, until_us: int, fps: int = 25) -> NDArray[np.float32]:
    count = until_us * fps // 1_000_000 + 1
    return np.stack([track.coefficients_at(n * 1_000_000 // fps) for n in range(count)])


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
@given(speech(), st.sampled_from([25, 30]))
def test_every_p_b_m_is_seen_shut_before_its_burst_is_over(visemes: list[Viseme], fps: int) -> None:
    mouths = frames(track_of(visemes, fps), visemes[-1].end_us + 200_000, fps)
    for viseme in visemes:
        if viseme.shape is VisemeShape.PP:
            first = viseme.start_us - VISUAL_LEAD_US - 60_000
            last = viseme.end_us + 1_000_000 // fps
            shown = range(-(-first * fps // 1_000_000), last * fps // 1_000_000 + 1)
            assert max(mouths[n, CLOSE] for n in shown if n >= 0) >= 0.98


@settings(max_examples=40, deadline=None)
@given(speech(), st.sampled_from([25, 30]))
def test_every_f_v_is_seen_bitten(visemes: list[Viseme], fps: int) -> None:
    mouths = frames(track_of(visemes, fps), visemes[-1].end_us + 200_000, fps)
    for viseme in visemes:
        if viseme.shape is VisemeShape.FF:
            first = max(0, (viseme.start_us - VISUAL_LEAD_US - 60_000) * fps // 1_000_000)
            last = viseme.end_us * fps // 1_000_000 + 1
            assert mouths[first : last + 1, BITE].max() >= 0.98


@settings(max_examples=40, deadline=None)
@given(speech())
def test_the_mouth_is_exactly_at_rest_once_it_has_closed(visemes: list[Viseme]) -> None:
    end_us = visemes[-1].end_us
    track = track_of(visemes)
    for after_us in range(end_us + PAUSE_CLOSE_US, end_us + 2_000_000, 40_000):
        assert not track.coefficients_at(after_us).any()


@settings(max_examples=40, deadline=None)
@given(speech())
def test_no_mouth_depends_on_what_is_beyond_the_horizon(visemes: list[Viseme]) -> None:
    whole = track_of(visemes)
    cut = len(visemes) // 2
    known = track_of(visemes[:cut])
    until_us = visemes[cut].start_us - HORIZON_US
    for at_us in range(0, max(0, until_us), 20_000):
        np.testing.assert_array_equal(whole.coefficients_at(at_us), known.coefficients_at(at_us))


@settings(max_examples=40, deadline=None)
@given(speech())
def test_coefficients_stay_within_their_legal_range(visemes: list[Viseme]) -> None:
    mouths = frames(track_of(visemes), visemes[-1].end_us)
    assert mouths.min() >= -0.3
    assert mouths.max() <= 1.3


@settings(max_examples=40, deadline=None)
@given(speech())
def test_the_mouth_never_jumps(visemes: list[Viseme]) -> None:
    track = track_of(visemes)
    times = range(0, visemes[-1].end_us + 200_000, 2_000)
    mouths = np.stack([track.coefficients_at(at_us) for at_us in times])
    # 2 ms of the fastest lips: a seal opens or shuts in 50 ms at the least.
    assert np.abs(np.diff(mouths, axis=0)).max() < 0.12


def test_a_pause_of_half_a_second_is_silence_for_the_mouth() -> None:
    visemes = [
        Viseme(VisemeShape.AA, 0, 200_000),
        Viseme(VisemeShape.SIL, 200_000, 700_000),
        Viseme(VisemeShape.AA, 700_000, 900_000),
    ]
    track = track_of(visemes)
    assert not any(track.coefficients_at(at_us).any() for at_us in range(350_000, 550_000, 1_000))


def test_lips_round_for_oo_while_its_consonant_still_sounds() -> None:
    sooner = track_of(
        [Viseme(VisemeShape.DD, 200_000, 280_000), Viseme(VisemeShape.OU, 280_000, 450_000)]
    )
    assert sooner.coefficients_at(200_000)[PUCKER] > 0.15


@pytest.mark.parametrize("vowel", [VisemeShape.AA, VisemeShape.E, VisemeShape.OH])
def test_a_long_vowel_reaches_its_target(vowel: VisemeShape) -> None:
    track = track_of([Viseme(vowel, 200_000, 450_000)])
    reached = track.coefficients_at(325_000 - VISUAL_LEAD_US)[JAW]
    assert reached == pytest.approx(ARTICULATIONS[vowel].target[JAW], rel=0.05)


def test_a_softer_voice_opens_less_but_seals_as_well() -> None:
    track = track_of(
        [Viseme(VisemeShape.AA, 200_000, 350_000), Viseme(VisemeShape.PP, 350_000, 450_000)]
    )
    loud, soft = (track.coefficients_at(230_000, gain) for gain in (1.0, 0.5))
    assert soft[JAW] == pytest.approx(loud[JAW] / 2, rel=0.01)
    assert track.coefficients_at(360_000, 0.5)[CLOSE] == 1.0


def test_a_vowel_between_two_seals_opens_the_lips_again() -> None:
    track = track_of(
        [
            Viseme(VisemeShape.PP, 200_000, 270_000),
            Viseme(VisemeShape.AA, 270_000, 420_000),
            Viseme(VisemeShape.PP, 420_000, 490_000),
        ]
    )
    closing = [track.coefficients_at(at_us)[CLOSE] for at_us in range(200_000, 400_000, 10_000)]
    assert min(closing) < 0.1


def test_the_mouth_does_not_move_before_its_utterance() -> None:
    track = MouthTrack(25)
    track.add(
        [Viseme(VisemeShape.AA, 1_000_000, 1_200_000)], utterance_us=1_000_000, horizon_us=200_000
    )
    assert not track.coefficients_at(1_000_000).any()
    assert track.coefficients_at(1_080_000)[JAW] > 0.3


def test_every_viseme_says_how_it_is_made() -> None:
    assert set(ARTICULATIONS) == set(VisemeShape)
    assert TARGETS.shape == DOMINANCE.shape == (len(VisemeShape) + 1, len(MOUTH_SHAPES))


def test_trimming_changes_no_later_mouth() -> None:
    chance = random.Random(3)  # noqa: S311 - a fixed course
    visemes = [
        Viseme(chance.choice(list(VisemeShape)), at_us, at_us + 90_000)
        for at_us in range(100_000, 5_000_000, 90_000)
    ]
    whole, trimmed = track_of(visemes), track_of(visemes)
    trimmed.trim(2_000_000)
    for at_us in range(2_000_000, 2_000_000 + MAX_HORIZON_US, 10_000):
        np.testing.assert_array_equal(whole.coefficients_at(at_us), trimmed.coefficients_at(at_us))
