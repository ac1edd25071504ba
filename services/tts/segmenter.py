"""Cuts a text into segments, as it comes: sentences, and clauses of long ones."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

CLAUSE_WEIGHTS = (20, 60, 100, 150)
"""From which weight on the first, second, third and every later segment ends with a clause.

A segment is spoken while the one before it is heard, so each may be about twice as long as the
one before it; the first is short so that something is heard at once.
"""
MAX_WEIGHT = 300
"""Where a segment is cut between words, if need be: about 20 seconds of speech."""
_REST_WEIGHT = 15
"""A clause is not cut off when less than this would be left of its sentence."""
_HAN_WEIGHT = 3.5
_DIGIT_WEIGHT = 3

_CLOSERS = re.escape("\"'”’」』）)]】》〉")
_SENTENCE = re.compile(
    rf"(?P<wide>[。！？]+[{_CLOSERS}]*)"
    rf"|(?P<plain>[.!?…]+[{_CLOSERS}]*)"
    r"|(?P<line>[^\S\n]*\n\s*)"
    r"|(?P<clause>[,;:—，；：])"
)
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\"'“‘])(?:mr|mrs|ms|dr|prof|st|jr|sr|rev|gen|gov|sen|rep|capt|lt|col|sgt|mt|ft|no|vs|"
    r"fig|approx|dept|inc|ltd|co|corp|jan|feb|mar|apr|jun|jul|aug|sep|sept|oct|nov|dec|e\.g|i\.e|cf|"
    r"[a-z]|(?:[a-z]\.)+[a-z])\.$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of the text that is synthesised at once."""

    text: str
    """Without the space around it."""
    start: int
    """Where it begins in the whole text, in code points."""
    paragraph: bool
    """Whether a new paragraph begins with it."""


class Segmenter:
    """Takes a text piece by piece; where the pieces break makes no difference to the segments."""

    def __init__(self) -> None:
        self._text = ""
        self._start = 0
        self._count = 0
        self._paragraph = False

    def feed(self, text: str) -> Iterator[Segment]:
        """Takes the next piece; yields the segments that are complete now."""
        self._text += text
        yield from self._cut(last=False)

    def finish(self) -> Iterator[Segment]:
        """Yields what is left."""
        yield from self._cut(last=True)

    def _cut(self, *, last: bool) -> Iterator[Segment]:
        while (end := _end_of_segment(self._text, self._clause_weight, last=last)) is not None:
            segment = self._segment(end)
            if segment.text:
                self._count += 1
                yield segment

    @property
    def _clause_weight(self) -> float:
        return CLAUSE_WEIGHTS[min(self._count, len(CLAUSE_WEIGHTS) - 1)]

    def _segment(self, end: int) -> Segment:
        whole = self._text[:end]
        text = whole.strip()
        lead = len(whole) - len(whole.lstrip())
        self._paragraph = self._paragraph or "\n" in whole[:lead]
        segment = Segment(text, self._start + lead, self._paragraph and self._count > 0)
        self._paragraph = "\n" in whole[lead + len(text) :] or (not text and self._paragraph)
        self._text = self._text[end:]
        self._start += end
        return segment


def _end_of_segment(text: str, clause_weight: float, *, last: bool) -> int | None:
    """Where the first segment of the text ends; None while that can't be told yet."""
    clause: int | None = None
    for match in _SENTENCE.finditer(text):
        ends = _ends_sentence(text, match, last=last)
        weight = weight_of(text[: match.end()])
        if clause is not None and weight - weight_of(text[:clause]) >= _REST_WEIGHT:
            return clause
        if weight > MAX_WEIGHT:
            break
        if ends is None:
            return None
        if ends:
            return match.end()
        if match["clause"] and clause is None and weight >= clause_weight:
            clause = match.end() if _ends_clause(text, match) else None
    if clause is not None and weight_of(text) - weight_of(text[:clause]) >= _REST_WEIGHT:
        return clause
    if weight_of(text) > MAX_WEIGHT:
        return _cut_between_words(text)
    return len(text) if last and text else None


def _ends_sentence(text: str, match: re.Match[str], *, last: bool) -> bool | None:
    """Whether a sentence ends here; None while that can't be told yet."""
    if match["wide"]:
        return True if last or match.end() < len(text) else None
    rest = text[match.end() :]
    following = rest.lstrip()[:1]
    if not following and not last and not match["clause"]:
        return None
    if match["line"]:
        return _ends_line(match[0], following)
    if match["plain"]:
        if following and rest[0] == following:
            return _is_han(following)
        if match[0].startswith(".") and _ABBREVIATION.search(text[: match.start() + 1]):
            return not following
        return not following.islower()
    return False


def _ends_line(gap: str, following: str) -> bool:
    """A single line break within a sentence is only how the text was wrapped."""
    return gap.count("\n") > 1 or not following.islower()


def _ends_clause(text: str, match: re.Match[str]) -> bool:
    following = text[match.end() : match.end() + 1]
    return match[0] in "，；：—" or following.isspace()


def _cut_between_words(text: str) -> int:
    """The last break between words before the text gets too long for one segment."""
    weight = 0.0
    best = end = 0
    for end, character in enumerate(text):
        weight += _weight(character)
        if weight > MAX_WEIGHT:
            break
        if character.isspace() or _is_han(character) or character in ",;:、，；：":
            best = end + 1
    return best or end


def weight_of(text: str) -> float:
    """How long a text takes to say, in letters of English; about 15 are said in a second."""
    return sum(map(_weight, text))


def _weight(character: str) -> float:
    if character.isascii():
        return _DIGIT_WEIGHT if character.isdigit() else float(character.isalpha())
    return _HAN_WEIGHT if _is_han(character) else float(character.isalnum())


def _is_han(character: str) -> bool:
    return unicodedata.name(character, "").startswith("CJK UNIFIED")
