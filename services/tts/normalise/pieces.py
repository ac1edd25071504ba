"""Pieces of a text with what is said for them, and the rules that find them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of the source text and what a person says for it."""

    spoken: str
    """Words and punctuation alone; equal to the run itself where it is read as it stands."""
    start: int
    """Where the run begins in the source, in code points."""
    end: int
    """Where it ends, exclusive."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One way of writing something that isn't said as it is written."""

    pattern: re.Pattern[str]
    """Finds it; every quantifier is bounded or possessive, so that reading takes linear time."""
    read: Callable[[re.Match[str]], str | None]
    """Says it; None leaves the text to the rules after this one."""


def read_text(text: str, rules: Sequence[Rule], starts: re.Pattern[str]) -> Iterator[Piece]:
    """Cuts a text into pieces that cover it in order.

    Wherever `starts` matches, the first rule that has a reading takes its match; the rest of the
    text stands for itself.
    """
    done = 0
    for candidate in starts.finditer(text):
        at = candidate.start()
        if at < done or (taken := _first_reading(text, at, rules)) is None:
            continue
        if done < at:
            yield Piece(text[done:at], done, at)
        yield taken
        done = taken.end
    if done < len(text):
        yield Piece(text[done:], done, len(text))


def _first_reading(text: str, at: int, rules: Sequence[Rule]) -> Piece | None:
    for rule in rules:
        match = rule.pattern.match(text, at)
        if match and match.end() > at and (spoken := rule.read(match)) is not None:
            return Piece(spoken, at, match.end())
    return None
