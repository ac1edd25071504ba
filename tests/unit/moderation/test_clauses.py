"""Clauses of a text that is still being written."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.moderation.clauses import MAX_CLAUSE, ClauseCutter, ClauseJudge
from services.moderation.text import TextJudge, open_text_judge
from services.moderation.verdict import Suggestion


@cache
def bundled() -> TextJudge:
    return open_text_judge()


def cut(*pieces: str) -> list[str]:
    cutter = ClauseCutter()
    return [clause for piece in pieces for clause in cutter.add(piece)] + [cutter.rest()]


@pytest.mark.parametrize(
    ("pieces", "clauses"),
    [
        (["Hello, wor", "ld. How are"], ["Hello, ", "world. ", "How are"]),
        (["It is 3", ".5, at 10:3", "0"], ["It is 3.5, ", "at 10:30"]),
        (["你好，世", "界。再"], ["你好，", "世界。", "再"]),
        (["He said “Go.” ", "Then"], ["He said “Go.” ", "Then"]),
        ([""], [""]),
    ],
)
def test_clauses_end_at_punctuation(pieces: list[str], clauses: list[str]) -> None:
    assert cut(*pieces) == clauses


@given(st.lists(st.text(st.sampled_from("ab ,.!。，\n”)"), max_size=400)))
def test_the_clauses_are_the_text_and_none_is_overlong(pieces: list[str]) -> None:
    clauses = cut(*pieces)
    assert "".join(clauses) == "".join(pieces)
    assert all(len(clause) <= MAX_CLAUSE for clause in clauses)


def test_harm_across_clauses_is_found_where_it_ends() -> None:
    judge = ClauseJudge(bundled())
    padding = ["Some words of no harm at all, ", "again and again. "] * 30
    for clause in [*padding, "I will "]:
        assert judge.judge(clause).verdict.suggestion is Suggestion.PASS
    judged = judge.judge("kill you ")
    assert judged.verdict.suggestion is Suggestion.BLOCK
    (span,) = judged.verdict.findings[0].spans
    text = "".join([*padding, "I will ", "kill you "])
    assert text[span.start : span.end] == "I will kill you"


def test_harm_is_told_once() -> None:
    judge = ClauseJudge(bundled())
    assert judge.judge("I want to kill myself. ").verdict.suggestion is Suggestion.REVIEW
    assert judge.judge("The weather is fine. ").verdict.suggestion is Suggestion.PASS


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(max_size=60), max_size=8))
def test_any_clauses_are_judged(clauses: list[str]) -> None:
    judge = ClauseJudge(bundled())
    assert [judge.judge(clause).text for clause in clauses] == clauses
