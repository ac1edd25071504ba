"""Shares, intervals, counts and curves of the moderation evaluation."""

from __future__ import annotations

import math

import pytest

from eval.moderation.arithmetic import Counts, Share, counts_of, curve
from eval.moderation.evasions import read_suite
from eval.moderation.pages import with_tables

PAIRS = [(True, True), (True, True), (True, False), (False, True), (False, False)]


def test_a_wilson_interval_is_as_in_the_books() -> None:
    low, high = Share(8, 10).interval()
    assert low == pytest.approx(0.4902, abs=1e-4)
    assert high == pytest.approx(0.9433, abs=1e-4)


def test_an_interval_of_nothing_found_is_not_nothing() -> None:
    low, high = Share(0, 151).interval()
    assert low == pytest.approx(0, abs=1e-9)
    assert high == pytest.approx(0.0248, abs=1e-4)


def test_a_share_of_nothing_is_not_known() -> None:
    assert math.isnan(Share(0, 0).value)
    assert Share(0, 0).interval() == (0.0, 1.0)
    assert str(Share(0, 0)) == "–"


def test_counts_give_their_rates() -> None:
    counts = counts_of(PAIRS)
    assert counts == Counts(caught=2, missed=1, false_alarms=1, let_pass=1)
    assert counts.recall.value == pytest.approx(2 / 3)
    assert counts.precision.value == pytest.approx(2 / 3)
    assert counts.f1 == pytest.approx(2 / 3)
    assert counts.false_alarm_rate.value == pytest.approx(1 / 2)
    assert math.isnan(counts_of([]).f1)


def test_a_curve_flags_less_as_its_threshold_rises() -> None:
    scored = [(True, 0.9), (True, 0.4), (False, 0.6), (False, 0.1)]
    points = curve(scored, (0.0, 0.5, 0.95))
    assert [point.counts.recall.value for point in points] == [1, 0.5, 0]
    assert [point.counts.false_alarm_rate.value for point in points] == [1, 0.5, 0]


def test_tables_replace_what_stood_between_the_marks() -> None:
    page = "a\n<!-- measured: x -->\nold\n<!-- /measured: x -->\nb\n"
    new = "a\n<!-- measured: x -->\nnew \\1<!-- /measured: x -->\nb\n"
    assert with_tables(page, r"new \1", "x") == new
    with pytest.raises(ValueError, match="has no"):
        with_tables(page, "b", "y")


def test_the_suite_is_large_and_of_both_languages() -> None:
    cases = read_suite()
    assert sum(len(case.evasions) for case in cases) >= 400
    assert {case.language for case in cases} == {"en", "zh"}
    assert all(case.innocent and len({each.way for each in case.evasions}) > 4 for case in cases)
    assert all(each.text != case.clean for case in cases for each in case.evasions)
