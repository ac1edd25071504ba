"""Rules that say how runs of a text are read aloud, and the reader that applies them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby

from services.tts.normalise.characters import fold

# Python counts numerals such as ² ½ ① Ⅳ among the letters.
_NUMERALS = "²³¹¼-¾\u2070-\u209f\u2150-\u218b\u2460-\u24ff\u2776-\u2793"
_TOKEN = re.compile(rf"[A-Za-z]++|\d++|[^\W\d_A-Za-z{_NUMERALS}]++|\S")
"""Where a rule may begin: at letters, at digits, or at any other visible character."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of the source text and what a person says for it."""

    spoken: str
    """Words and punctuation; the run itself where it is read as it stands."""
    start: int
    """Where the run begins in the source, in code points."""
    end: int
    """Where it ends, exclusive."""


Reader = Callable[[re.Match[str]], str | None]
"""Says what was matched; None leaves it to the rules that follow."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One way of writing something that isn't said as it is written."""

    pattern: re.Pattern[str]
    read: Reader


def reads(pattern: str) -> Callable[[Reader], Rule]:
    """Makes a rule of the function that says what the pattern matches.

    Quantifiers in the pattern must be bounded or possessive: reading takes linear time.
    """
    return lambda read: Rule(re.compile(pattern), read)


def any_of(words: Iterable[str]) -> str:
    """A pattern of whichever of the words stands there, the longest first."""
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


def following(match: re.Match[str], length: int = 16) -> str:
    """The text just after a match, at most `length` characters of it."""
    return match.string[match.end() : match.end() + length]


def preceding(match: re.Match[str], length: int = 16) -> str:
    """The text just before a match, at most `length` characters of it."""
    return match.string[max(0, match.start() - length) : match.start()]


@dataclass(frozen=True, slots=True)
class Grammar:
    """How one language is read aloud."""

    rules: tuple[Rule, ...]
    """In the order in which they are asked; the first that has a reading takes its run."""
    word_gap: str
    """What stands between two words."""

    def read(self, text: str) -> tuple[Piece, ...]:
        """Cuts a text into pieces that cover it in order."""
        return tuple(self._with_gaps(list(self._pieces(text))))

    def _pieces(self, text: str) -> Iterator[tuple[Piece, bool]]:
        """The pieces, each with whether a rule has read it."""
        folded = fold(text)
        done = 0
        for token in _TOKEN.finditer(folded):
            at = token.start()
            if at < done or (piece := self._first_reading(folded, at)) is None:
                continue
            yield from _standing(text, folded, done, at)
            yield piece, True
            done = piece.end
        yield from _standing(text, folded, done, len(text))

    def _first_reading(self, text: str, at: int) -> Piece | None:
        for rule in self.rules:
            match = rule.pattern.match(text, at)
            if match and (spoken := rule.read(match)) is not None:
                return Piece(spoken, at, match.end())
        return None

    def _with_gaps(self, pieces: list[tuple[Piece, bool]]) -> Iterator[Piece]:
        """Keeps the words of neighbouring pieces apart, without touching what stands as it is."""
        before = ""
        for index, (piece, is_read) in enumerate(pieces):
            spoken = piece.spoken
            if is_read and before.isalpha() and spoken[:1].isalpha():
                spoken = self.word_gap + spoken
            follows = pieces[index + 1] if index + 1 < len(pieces) else None
            if is_read and follows and not follows[1] and follows[0].spoken[:1].isalpha():
                spoken += self.word_gap if (spoken or before)[-1:].isalpha() else ""
            before = spoken[-1:] or before
            yield replace(piece, spoken=spoken)


def _standing(text: str, folded: str, start: int, end: int) -> Iterator[tuple[Piece, bool]]:
    """A run that no rule has read: as it stands, but for characters written in an odd way."""
    for same, run in groupby(range(start, end), lambda at: text[at] == folded[at]):
        places = list(run)
        if same:
            yield Piece(text[places[0] : places[-1] + 1], places[0], places[-1] + 1), False
        else:
            yield from ((Piece(folded[at], at, at + 1), False) for at in places)
