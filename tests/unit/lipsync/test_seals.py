"""Seals of p b m and f v, and the tongue: shown in time, within the horizon, gone in silence."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from services.lipsync.motion.articulation import BITE, CLOSE, TONGUE
from services.lipsync.motion.seals import (
    MAX_HORIZON_US,
    SEAL_OPEN_US,
    VISUAL_LEAD_US,
    SealTrack,
)
from services.lipsync.visemes import Viseme, VisemeShape

pytestmark = pytest.mark.unit

HORIZON_US = 200_000


def track_of(visemes: list[Viseme], fps: int = 25, horizon_us: int = HORIZON_US) -> SealTrack:
    track = SealTrack(fps)
    track.add(visemes, utterance_us=0, horizon_us=horizon_us)
    return track


def frames(track: SealTrack, until_us: int, fps: int = 25) -> NDArray[np.float32]:
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
def test_nothing_is_made_once_the_last_sound_is_over(visemes: list[Viseme]) -> None:
    gone_us = visemes[-1].end_us + SEAL_OPEN_US + 120_000
    track = track_of(visemes)
    for after_us in range(gone_us, gone_us + 1_000_000, 40_000):
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
def test_the_mouth_never_jumps(visemes: list[Viseme]) -> None:
    track = track_of(visemes)
    times = range(0, visemes[-1].end_us + 200_000, 2_000)
    mouths = np.stack([track.coefficients_at(at_us) for at_us in times])
    # 2 ms of the fastest lips: a seal opens or shuts in 50 ms at the least.
    assert np.abs(np.diff(mouths, axis=0)).max() < 0.12


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


def test_a_seal_does_not_begin_before_its_utterance() -> None:
    track = SealTrack(25)
    track.add(
        [Viseme(VisemeShape.PP, 1_000_000, 1_200_000)], utterance_us=1_000_000, horizon_us=200_000
    )
    assert not track.coefficients_at(1_000_000).any()
    assert track.coefficients_at(1_080_000)[CLOSE] == 1.0


def test_the_tongue_shows_more_for_th_than_for_n_and_vowels_make_nothing() -> None:
    spoken = [VisemeShape.TH, VisemeShape.NN, VisemeShape.AA]
    middles = [
        track_of([Viseme(shape, 200_000, 320_000)]).coefficients_at(260_000) for shape in spoken
    ]
    assert middles[0][TONGUE] == 1.0
    assert 0.0 < middles[1][TONGUE] < 1.0
    assert not middles[2].any()


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
