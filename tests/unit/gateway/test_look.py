"""What is asked of a face: kept as JSON, and given its times as the words get theirs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from services.common.errors import InvalidInput
from services.gateway.look import (
    Background,
    Blurred,
    Cue,
    ImageAsset,
    Look,
    Performance,
    PlainColour,
    from_json,
    to_json,
)
from services.gateway.media import (
    Action,
    Expression,
    ExpressionName,
    Gesture,
    Transparent,
    Word,
)
from services.gateway.performance_bodies import PerformanceBody, performance_of
from services.gateway.prompter import Prompter

HAPPY, SAD = Expression(ExpressionName.HAPPY), Expression(ExpressionName.SAD, 0.25)
TEXT = "Good day, Ada! :)"
WORDS = (
    Word("Good", 0, 300_000, 0, 4),
    Word("day", 300_000, 700_000, 5, 8),
    Word("Ada", 900_000, 1_400_000, 10, 13),
)


@pytest.mark.parametrize(
    "background",
    [
        None,
        PlainColour(0),
        PlainColour(0xFFFFFF),
        ImageAsset("as_1"),
        Blurred(0.0),
        Transparent(),
    ],
)
def test_a_look_survives_the_catalog_which_knows_only_floats(
    background: Background | None,
) -> None:
    cues = (Cue(0, None, SAD, None), Cue(None, 12, HAPPY, Action.NOD), Cue(1, action=Action.TILT))
    look = Look(Performance(HAPPY, cues), background)
    kept = json.loads(json.dumps(to_json(look)), parse_int=float)
    assert from_json(kept) == look


def test_nothing_asked_is_nothing_kept() -> None:
    assert to_json(Look()) == {}
    assert from_json({}) == Look()


def test_a_place_in_the_text_is_the_word_that_holds_it_or_comes_after_it() -> None:
    places = {0: 0, 3: 0, 4: 300_000, 7: 300_000, 8: 900_000, 12: 900_000}
    for offset, at_us in places.items():
        prompter = Prompter(Performance(cues=(Cue(text_offset=offset, action=Action.NOD),)))
        assert prompter.during(WORDS[:2]) + prompter.during(WORDS[2:]) == (
            Gesture(at_us, None, Action.NOD),
        )


def test_every_cue_is_given_once_and_in_order() -> None:
    cues = (
        Cue(text_offset=11, expression=SAD),
        Cue(text_offset=0, expression=HAPPY),
        Cue(time_us=9, action=Action.SHAKE),
        Cue(time_us=5, action=Action.NOD),
    )
    prompter = Prompter(Performance(cues=cues))
    assert prompter.timed() == (Gesture(5, None, Action.NOD), Gesture(9, None, Action.SHAKE))
    assert prompter.timed() == ()
    assert prompter.during(WORDS) == (Gesture(0, HAPPY), Gesture(900_000, SAD))
    assert prompter.during(WORDS) == ()


def test_a_phrase_goes_on_as_the_one_before_ended() -> None:
    cues = (
        Cue(time_us=500_000, expression=SAD),
        Cue(time_us=1_000_000, action=Action.NOD),
        Cue(time_us=2_500_000, action=Action.TILT),
    )
    prompter = Prompter(Performance(HAPPY, cues))
    assert prompter.phrase((), 0, 800_000) == (Gesture(0, HAPPY), Gesture(500_000, SAD))
    assert prompter.phrase((), 800_000, 1_000_000) == (
        Gesture(0, SAD),
        Gesture(200_000, None, Action.NOD),
    )
    assert prompter.phrase((), 1_800_000, 500_000) == (Gesture(0, SAD),)


def asked(**cue: Any) -> PerformanceBody:
    return PerformanceBody.model_validate({"cues": [cue]})


def test_what_follows_the_last_letter_belongs_to_the_last_word() -> None:
    performance = performance_of(asked(at={"text_offset": 16}, action="nod"), TEXT)
    assert Prompter(performance).during(WORDS) == (Gesture(900_000, None, Action.NOD),)


def test_offsets_count_characters_as_people_do() -> None:
    text = "\U0001f600\U0001f600 hi"
    assert performance_of(asked(at={"text_offset": 4}, action="nod"), text).cues[0].text_offset == 4
    with pytest.raises(InvalidInput, match=r"performance.cues.0.at.text_offset: .* 5 characters"):
        performance_of(asked(at={"text_offset": 5}, action="nod"), text)


def test_a_recording_has_no_places_in_a_text() -> None:
    assert performance_of(asked(at={"time_ms": 7}, action="nod"), None).cues[0].time_us == 7_000
    with pytest.raises(InvalidInput, match="use time_ms"):
        performance_of(asked(at={"text_offset": 0}, action="nod"), None)


@pytest.mark.parametrize(
    "cue",
    [
        {"at": {"time_ms": 0}},
        {"at": {}, "action": "nod"},
        {"at": {"time_ms": 0, "text_offset": 0}, "action": "nod"},
        {"at": {"time_ms": -1}, "action": "nod"},
        {"at": {"text_offset": 1.5}, "action": "nod"},
        {"at": {"time_ms": 0}, "action": "wink"},
        {"at": {"time_ms": 0}, "expression": {"name": "angry"}},
        {"at": {"time_ms": 0}, "expression": {"name": "happy", "strength": 1.1}},
        {"at": {"time_ms": 0}, "expression": {"name": "happy", "strength": float("nan")}},
    ],
)
def test_cues_that_make_no_sense_are_refused(cue: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        asked(**cue)
