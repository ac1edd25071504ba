"""A text as it is read aloud, each letter with the place in the source that it stands for."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from services.tts.normalise import Piece


@dataclass(frozen=True, slots=True)
class _Letter:
    text: str
    start: int
    end: int


class Reading:
    """What is said, and where in the source it comes from."""

    def __init__(self, letters: Sequence[_Letter]) -> None:
        self._letters = letters
        self.spoken = "".join(letter.text for letter in letters)
        """What is said; every character is one letter of this reading."""

    def source(self, start: int, end: int) -> tuple[int, int]:
        """The place in the source of `spoken[start:end]`, which must not be empty."""
        letters = self._letters[start:end]
        return min(one.start for one in letters), max(one.end for one in letters)


def reading_of(pieces: Iterable[Piece], source: str, offset: int) -> Reading:
    """Joins pieces of a normalised text.

    `source` is what they were made from and begins at `offset` in the whole text. Letters come out
    without accents and in their usual width; what is neither said nor heard as a pause, such as an
    emoji, is a space.
    """
    letters: list[_Letter] = []
    for piece in pieces:
        as_it_stands = _is_same(piece.spoken, source[piece.start : piece.end])
        for place, character in enumerate(piece.spoken, piece.start):
            start, end = (place, place + 1) if as_it_stands else (piece.start, piece.end)
            _append(letters, character, offset + start, offset + end)
    return Reading(letters)


def _is_same(spoken: str, written: str) -> bool:
    """Whether a piece is said as it is written, but for the form of its punctuation."""
    return len(spoken) == len(written) and all(
        said == one or not (said.isalnum() or one.isalnum()) or _bare(said) == _bare(one)
        for said, one in zip(spoken, written, strict=True)
    )


def _append(letters: list[_Letter], character: str, start: int, end: int) -> None:
    category = unicodedata.category(character)
    if category[0] == "M" and letters:
        letters[-1] = replace(letters[-1], end=max(end, letters[-1].end))
    elif category in ("So", "Sk", "Cc", "Co", "Cs", "Cn"):
        letters.append(_Letter(" ", start, end))
    elif category != "Cf":
        letters.extend(_Letter(one, start, end) for one in _bare(character))


@lru_cache(maxsize=4096)
def _bare(character: str) -> str:
    """A letter without accents and in its usual width; a few become two."""
    if not character.isalnum():
        return character
    if character in _LATIN:
        return _LATIN[character]
    decomposed = unicodedata.normalize("NFKD", character)
    return "".join(one for one in decomposed if not unicodedata.combining(one)) or " "


_LATIN = {
    "ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "ø": "o", "Ø": "O", "đ": "d",
    "Đ": "D", "ð": "th", "Ð": "Th", "þ": "th", "Þ": "Th", "ł": "l", "Ł": "L", "ı": "i", "ŋ": "ng",
}  # fmt: skip
"""Letters of other languages that have no accent to take off."""
