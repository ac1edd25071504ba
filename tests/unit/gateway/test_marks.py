"""Which mark pictures bear."""

from __future__ import annotations

from math import inf

import pytest

from services.gateway.look import Look, from_json, to_json
from services.gateway.marks import MarkRules, mark_text
from services.gateway.media import Mark, MarkText

CHINESE = Look(mark=MarkText.CHINESE)


def test_files_are_marked_from_their_beginning_and_streams_always() -> None:
    rules = MarkRules(file_s=2.5)
    assert rules.in_file(CHINESE) == Mark(MarkText.CHINESE, 2_500_000)
    assert rules.in_stream(CHINESE) == Mark(MarkText.CHINESE, 0)


def test_a_file_can_be_marked_for_its_whole_length() -> None:
    assert MarkRules(file_s=inf).in_file(CHINESE) == Mark(MarkText.CHINESE, 0)


def test_the_operators_language_stands_in_where_no_voice_tells() -> None:
    rules = MarkRules(MarkText.CHINESE)
    assert rules.in_stream(Look()) == Mark(MarkText.CHINESE)
    assert rules.in_stream(Look(mark=MarkText.ENGLISH)) == Mark(MarkText.ENGLISH)


def test_only_what_is_unmarked_bears_none() -> None:
    unmarked = Look(mark=MarkText.ENGLISH, unmarked=True)
    assert MarkRules().in_file(unmarked) is None
    assert MarkRules().in_stream(unmarked) is None


@pytest.mark.parametrize("look", [Look(), CHINESE, Look(unmarked=True)])
def test_a_look_comes_back_from_the_catalog(look: Look) -> None:
    assert from_json(to_json(look)) == look


def test_what_was_asked_before_there_were_marks_is_marked() -> None:
    assert MarkRules().in_file(from_json({})) == Mark(MarkText.ENGLISH, 3_000_000)


@pytest.mark.parametrize(
    ("language", "text"),
    [("en-GB", MarkText.ENGLISH), ("zh-CN", MarkText.CHINESE), ("zh", MarkText.CHINESE)],
)
def test_the_mark_speaks_the_voices_language(language: str, text: MarkText) -> None:
    assert mark_text(language) is text
