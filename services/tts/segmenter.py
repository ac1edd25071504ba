"""Cuts a text into segments, as it comes: sentences, and clauses of long ones."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
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

_WIDE = "。！？"
_PLAIN = ".!?…"
_CLOSERS = "\"'”’」』）)]】》〉"
_WIDE_CLAUSE = "，；：—"
_CLAUSE = ",;:"
"""Marks of a clause when space follows."""
_BREAKS = ",;:、，；："
_BEFORE_A_WORD = "(\"'“‘"
_ABBREVIATION = re.compile(
    r"(?:mr|mrs|ms|dr|prof|st|jr|sr|rev|gen|gov|sen|rep|capt|lt|col|sgt|mt|ft|no|vs|"
    r"fig|approx|dept|inc|ltd|co|corp|jan|feb|mar|apr|jun|jul|aug|sep|sept|oct|nov|dec|cf|"
    r"[a-z](?:\.[a-z])*+)\.",
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
    """Takes a text piece by piece; where the pieces break makes no difference to the segments.

    The work is linear in the length of the text, however it comes.
    """

    def __init__(self) -> None:
        self._text: list[str] = []
        self._start = 0
        self._at = 0
        self._count = 0
        self._paragraph = False
        self._search = _Search(self._text, 0, CLAUSE_WEIGHTS[0])

    def feed(self, text: str) -> Iterator[Segment]:
        """Takes the next piece; yields the segments that are complete now."""
        self._text += text
        while self._at < len(self._text):
            end = self._search.end_told_by(self._at)
            if end is None:
                self._at += 1
            else:
                yield from self._segment(end)

    def finish(self) -> Iterator[Segment]:
        """Yields what is left."""
        yield from self._segment(len(self._text))

    def _segment(self, end: int) -> Iterator[Segment]:
        """The segment that ends there, unless it is blank; the search for the next begins."""
        whole = "".join(self._text[self._start : end])
        text = whole.strip()
        lead = len(whole) - len(whole.lstrip())
        self._paragraph = self._paragraph or "\n" in whole[:lead]
        segment = Segment(text, self._start + lead, self._paragraph and self._count > 0)
        self._paragraph = "\n" in whole[lead + len(text) :] or (not text and self._paragraph)
        self._count += bool(text)
        self._start = self._at = end
        clause_weight = CLAUSE_WEIGHTS[min(self._count, len(CLAUSE_WEIGHTS) - 1)]
        self._search = _Search(self._text, end, clause_weight)
        if text:
            yield segment


@dataclass(slots=True)
class _Mark:
    """What may end a sentence: full stops and the like, then closing quotes and brackets."""

    word: int
    """Where the word before it begins."""
    start: int
    end: int
    wide: bool
    closed: bool = False

    def takes(self, at: int, character: str) -> bool:
        """Grows by the character there when it still belongs to the mark; says whether it does."""
        is_closer = character in _CLOSERS
        more = not self.closed and character in (_WIDE if self.wide else _PLAIN)
        if at != self.end or not (is_closer or more):
            return False
        self.end = at + 1
        self.closed = is_closer
        return True


class _Search:
    """The search for the end of the segment that begins at `start`, character by character."""

    def __init__(self, text: Sequence[str], start: int, clause_weight: float) -> None:
        self._text = text
        self._start = start
        self._clause_weight = clause_weight
        self._weight = 0.0
        self._clause: int | None = None
        self._weight_at_clause = 0.0
        self._break = start
        self._word = start
        self._mark: _Mark | None = None
        self._lines = 0
        """Line breaks since the last visible character."""

    def end_told_by(self, at: int) -> int | None:
        """Where the segment ends, if that is clear from the character there.

        To be asked for each character in turn, until one tells.
        """
        character = self._text[at]
        end = None
        if not (self._mark and self._mark.takes(at, character)):
            end = self._end_before(at, character)
        if character.isspace() or character in _BEFORE_A_WORD:
            self._word = at + 1
        return end

    def _end_before(self, at: int, character: str) -> int | None:
        """Where the segment ends, if that is clear from this character, which is in no mark."""
        end = self._sentence_end(at, character)
        if end is None and not character.isspace():
            end = self._end_of_too_much(at, character)
        if end is None:
            self._pass(at, character)
        return end

    def _sentence_end(self, at: int, following: str) -> int | None:
        """Where a sentence ended before this character, if one did."""
        mark = self._mark
        if mark and mark.wide:
            return mark.end
        if following.isspace():
            return None
        if mark and self._ends_sentence(mark, at, following):
            return mark.end
        # A single line break within a sentence is only how the text was wrapped.
        if self._lines > 1 or (self._lines and not following.islower()):
            return at
        return None

    def _ends_sentence(self, mark: _Mark, at: int, following: str) -> bool:
        if at == mark.end:
            return _is_han(following)
        return not following.islower() and not self._is_abbreviated(mark)

    def _is_abbreviated(self, mark: _Mark) -> bool:
        word = "".join(self._text[mark.word : mark.start + 1])
        return _ABBREVIATION.fullmatch(word) is not None

    def _end_of_too_much(self, at: int, character: str) -> int | None:
        """Where to cut when with this character the segment is long enough, or too long."""
        self._weight += _weight(character)
        if self._clause is not None:
            rest = self._weight - self._weight_at_clause
            return self._clause if rest >= _REST_WEIGHT or self._weight > MAX_WEIGHT else None
        if self._weight > MAX_WEIGHT:
            return self._break if self._break > self._start else at
        return None

    def _pass(self, at: int, character: str) -> None:
        """Takes note of a character within the segment."""
        if character.isspace():
            self._lines += character == "\n"
            if at > self._start and self._text[at - 1] in _CLAUSE:
                self._pass_clause(at)
        else:
            self._lines = 0
            wide = character in _WIDE
            is_mark = wide or character in _PLAIN
            self._mark = _Mark(self._word, at, at + 1, wide) if is_mark else None
        if character in _WIDE_CLAUSE:
            self._pass_clause(at + 1)
        if character.isspace() or character in _BREAKS or _is_han(character):
            self._break = at + 1

    def _pass_clause(self, end: int) -> None:
        if self._clause is None and self._weight >= self._clause_weight:
            self._clause = end
            self._weight_at_clause = self._weight


def weight_of(text: str) -> float:
    """How long a text takes to say, in letters of English; about 15 are said in a second."""
    return sum(map(_weight, text))


def _weight(character: str) -> float:
    if character.isascii():
        return _DIGIT_WEIGHT if character.isdigit() else float(character.isalpha())
    return _HAN_WEIGHT if _is_han(character) else float(character.isalnum())


def _is_han(character: str) -> bool:
    return not character.isascii() and unicodedata.name(character, "").startswith("CJK UNIFIED")
