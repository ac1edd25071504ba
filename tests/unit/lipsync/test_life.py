"""The life around the mouth: human rates, small sizes, no jumps, no repetition."""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING

import numpy as np

from services.lipsync.animation import MouthSource
from services.lipsync.motion.eyes import Blinks, Gaze
from services.lipsync.motion.noise import Wander
from services.lipsync.visemes import Viseme, VisemeShape

if TYPE_CHECKING:
    from tests.unit.lipsync.conftest import Stage

FRAME_US = 40_000
MINUTES = 10


def blink_runs(fps: int = 25) -> list[list[float]]:
    """The lids of every blink in ten minutes, frame by frame."""
    blinks = Blinks(random.Random(4))  # noqa: S311 - a fixed course
    lids = [blinks.at(n * 1_000_000 // fps) for n in range(MINUTES * 60 * fps)]
    runs: list[list[float]] = [[]]
    for lid in lids:
        if lid > 0:
            runs[-1].append(lid)
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def test_eyes_blink_as_often_as_people_do() -> None:
    assert 12 <= len(blink_runs()) / MINUTES <= 30


def test_every_blink_is_seen_fully_shut_and_is_short() -> None:
    for fps in (25, 30):
        for run in blink_runs(fps):
            assert max(run) == 1.0
            half_shut_ms = sum(lid >= 0.5 for lid in run) * 1000 / fps
            assert 60 <= half_shut_ms <= 200


def test_lids_shut_faster_than_they_open() -> None:
    runs = blink_runs()
    shutting = sum(run.index(1.0) for run in runs)
    opening = sum(len(run) - run.index(1.0) for run in runs)
    assert shutting < opening


def test_intervals_between_blinks_vary() -> None:
    blinks = Blinks(random.Random(4))  # noqa: S311 - a fixed course
    shut = [n for n in range(15_000) if blinks.at(n * FRAME_US) == 1.0]
    gaps_s = np.diff(shut)[np.diff(shut) > 3] / 25
    assert 0.3 < gaps_s.std() / gaps_s.mean() < 1.0


def test_the_gaze_stays_near_the_viewer_and_moves_now_and_then() -> None:
    gaze = Gaze(random.Random(2))  # noqa: S311 - a fixed course
    places = np.array([gaze.at(n * FRAME_US) for n in range(MINUTES * 60 * 25)])
    assert np.abs(places).max() <= 0.18
    moves = np.count_nonzero(np.abs(np.diff(places, axis=0)).sum(axis=1) > 0.01)
    assert 0.3 < moves / (MINUTES * 60) < 2.5


def test_idle_moves_the_head_a_little_and_never_by_a_jump(stage: Stage) -> None:
    stage.animation.append_idle(60_000_000)
    stage.draw_all()
    heads = [expression.head for expression in stage.renderer.expressions]
    angles = np.degrees([[head.yaw, head.pitch, head.roll] for head in heads])
    assert np.abs(angles).max() < 3.5
    assert angles.std(axis=0).min() > 0.1
    speed_per_s = np.linalg.norm(np.diff(angles, axis=0), axis=1) * 25
    assert speed_per_s.max() < 10


def test_idle_does_not_repeat_itself() -> None:
    curve = Wander(seed=9, channel=1, rate_hz=0.17)
    values = np.array([curve.at(n * 200_000) for n in range(3_000)])
    values = (values - values.mean()) / values.std()
    for lag in range(100, 1_500):
        assert np.mean(values[:-lag] * values[lag:]) < 0.5


def test_a_breath_takes_about_four_seconds(stage: Stage) -> None:
    stage.animation.append_idle(60_000_000)
    stage.draw_all()
    breath = np.array([expression.breath for expression in stage.renderer.expressions])
    assert breath.min() >= 0
    assert breath.max() <= 1
    crossings = np.count_nonzero((breath[1:] >= 0.5) & (breath[:-1] < 0.5))
    assert 10 <= crossings <= 18


def test_from_idle_to_speech_and_back_nothing_jumps(stage: Stage) -> None:

    chance = np.random.default_rng(0)
    stage.animation.append_idle(2_000_000)
    stage.animation.begin_utterance("u", MouthSource.VISEMES)
    stage.animation.add_visemes(
        [Viseme(VisemeShape.AA, at, at + 150_000) for at in range(0, 3_000_000, 150_000)]
    )
    loud = chance.normal(0, 4000, 24_000 * 3).clip(-32767, 32767)
    stage.animation.append_sound(loud.astype("<i2").tobytes())
    stage.animation.end_utterance()
    stage.animation.append_idle(3_000_000)
    stage.draw_all()
    heads = [expression.head for expression in stage.renderer.expressions]
    angles = np.degrees([[head.yaw, head.pitch, head.roll] for head in heads])
    assert np.linalg.norm(np.diff(angles, axis=0), axis=1).max() < 1.2
    brows = np.array([expression.brow_raise for expression in stage.renderer.expressions])
    assert np.abs(np.diff(brows)).max() < 0.25
    assert math.isclose(float(np.abs(stage.renderer.mouths[-50:]).max()), 0.0)
