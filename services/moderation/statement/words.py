"""Whether a phrase was said: by its words in English, by its syllables in Chinese."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from difflib import SequenceMatcher

from services.moderation.phonetics import sound_of

_WORD = re.compile(r"[a-z]+")
_LIKE = 0.75
"""How alike two spellings of one word are at least."""


def share_heard(phrase: str, heard: str, language: str) -> float:
    """How much of a phrase was heard, in its order: 0 to 1."""
    wanted, said = _parts(phrase, language), _parts(heard, language)
    if not wanted:
        return 0.0
    return _in_order(wanted, said) / len(wanted)


def _parts(text: str, language: str) -> list[str]:
    folded = unicodedata.normalize("NFKC", text).lower()
    if language == "zh":
        return [sign for sign in sound_of(folded) if unicodedata.category(sign) == "Co"]
    return _WORD.findall(folded)


def _in_order(wanted: Sequence[str], said: Sequence[str]) -> int:
    """The longest common subsequence, where words that are much alike are the same."""
    before = [0] * (len(said) + 1)
    for word in wanted:
        row = [0]
        for at, other in enumerate(said):
            found = before[at] + 1 if _alike(word, other) else 0
            row.append(max(found, before[at + 1], row[-1]))
        before = row
    return before[-1]


def _alike(one: str, other: str) -> bool:
    return one == other or SequenceMatcher(None, one, other).ratio() >= _LIKE
