"""A text as it is read aloud, each letter with the place in the source that it stands for."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

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
    composed (NFC) and in their usual width; what is neither said nor heard as a pause, such as an
    emoji, is a space.
    """
    letters: list[_Letter] = []
    for piece in pieces:
        for place, character in enumerate(piece.spoken):
            unchanged = piece.spoken == source[piece.start : piece.end]
            start = piece.start + place if unchanged else piece.start
            end = start + 1 if unchanged else piece.end
            _append(letters, character, offset + start, offset + end)
    return Reading(letters)


def _append(letters: list[_Letter], character: str, start: int, end: int) -> None:
    category = unicodedata.category(character)
    if category == "Cf":
        return
    if unicodedata.combining(character) and letters:
        last = letters[-1]
        composed = unicodedata.normalize("NFC", last.text + character)
        if len(composed) == 1:
            letters[-1] = _Letter(composed, last.start, end)
        return
    if category[0] in "SCM" and character not in "$+<=>|~^`":
        character = " "
    folded = unicodedata.normalize("NFKC", character)
    letters.extend(_Letter(one, start, end) for one in folded)
