from __future__ import annotations

import json
from dataclasses import replace

import pytest

from eval.face.figures import (
    DRAWING_GOALS,
    MOTION_GOALS,
    NAN,
    Agreement,
    ClipFigures,
    Cost,
    Lifelike,
    Look,
    Range,
)
from eval.face.report import as_json, goals_of, markdown

LIFE = Lifelike(0.06, 0.6, 4, 1.0, 0.4, -20.0, 0.004, 0.02, 2, 150.0, 6.0)
NEAR = Agreement(0.7, 0.5, 0.4, 0.02, 0.03, 0.01, 0.03, 0.02, 10.0, 0.72, 0.9, 1.0)
LOOK = Look(1.0, 1.1, 0.98, 0.3)
CLIP = ClipFigures(
    "one", 0.0, True, None, LIFE, LIFE, NEAR, LOOK, NEAR, LOOK, 0.97, Cost(4.0, 2.0, 3.0, 0.4, 0.5)
)


def value_of(name: str, *clips: ClipFigures) -> float:
    return next(value for goal, value in goals_of(clips) if goal.name == name)


def test_bounds_say_what_they_ask() -> None:
    assert [str(r) for r in (Range(low=0.6), Range(high=3), Range(-15, 15))] == [
        "≥ 0.6",
        "≤ 3",
        "-15 to 15",
    ]


def test_a_value_reaches_the_aim_the_must_or_neither() -> None:
    goal = MOTION_GOALS[0]
    assert [goal.verdict(value) for value in (0.75, 0.65, 0.2, NAN)] == [
        "aim",
        "must",
        "missed",
        "not measured",
    ]


def test_every_aim_lies_within_its_must() -> None:
    for goal in (*MOTION_GOALS, *DRAWING_GOALS):
        assert goal.must.low <= goal.aim.low
        assert goal.aim.high <= goal.must.high


def test_clips_whose_lips_do_not_follow_count_for_drawing_only() -> None:
    dubbed = replace(
        CLIP,
        left_out="dubbed",
        spoken=replace(NEAR, opening_r=0.0),
        cost=replace(CLIP.cost, draw_ms=8.0),
    )
    assert value_of("r of opening, mean", CLIP, dubbed) == pytest.approx(0.7)
    assert value_of("drawing a frame, CPU ms, mean", CLIP, dubbed) == pytest.approx(6.0)


def test_sounds_count_not_clips() -> None:
    other = replace(CLIP, drawn=replace(LIFE, seals=12, shut=0.5))
    silent = replace(CLIP, drawn=replace(LIFE, seals=0, shut=NAN, shut_by_chance=NAN))
    assert value_of("p b m shut", CLIP, other, silent) == pytest.approx((4 + 6) / 16)


def test_an_offset_taken_from_the_drawn_mouth_is_not_judged() -> None:
    guessed = replace(CLIP, offset_known=False, spoken=replace(NEAR, offset_ms=0.0))
    assert value_of("offset, ms, median", CLIP, guessed) == 10.0
    assert "| ? |" in markdown([guessed], {})


def test_the_report_is_json_with_what_is_unknown_as_null() -> None:
    unknown = replace(CLIP, drawn=replace(LIFE, blink_ms=NAN))
    report = json.loads(as_json([unknown], {"two": "no face"}))
    assert report["clips"][0]["drawn"]["blink_ms"] is None
    assert report["clips"][0]["spoken"]["opening_r"] == 0.7
    assert report["skipped"] == {"two": "no face"}


def test_the_tables_tell_failures_too() -> None:
    page = markdown([replace(CLIP, left_out="dubbed")], {"two": "no face"})
    assert "one *" in page
    assert "dubbed" in page
    assert "two was skipped: no face" in page
