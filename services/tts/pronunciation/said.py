"""Phonemes and the words that they belong to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate


@dataclass(frozen=True, slots=True)
class Said:
    """A word in phonemes, or what stands between words: a space or a punctuation mark."""

    phonemes: str
    start: int
    """Where the word begins in the source text, in code points."""
    end: int
    """Where it ends, exclusive; `start` when this is no word."""

    @property
    def is_word(self) -> bool:
        """Whether it is a word rather than what stands between words."""
        return self.end > self.start


def gap(phonemes: str, at: int) -> Said:
    """What stands between words."""
    return Said(phonemes, at, at)


def parts_of(said: Sequence[Said], max_phonemes: int) -> Iterator[Sequence[Said]]:
    """Cuts what is said into parts that can be spoken at once.

    A cut comes after the last punctuation mark that lies beyond half of what fits, else between
    words; only a word that is longer by itself is cut within.
    """
    rest = [piece for whole in said for piece in _broken(whole, max_phonemes)]
    while rest:
        ends = list(accumulate(len(item.phonemes) for item in rest))
        fitting = sum(end <= max_phonemes for end in ends)
        if fitting < len(rest):
            fitting = _best_cut(rest, ends, fitting)
        yield rest[:fitting]
        rest = rest[fitting:]


def _best_cut(said: Sequence[Said], ends: Sequence[int], fitting: int) -> int:
    for cut in range(fitting, 0, -1):
        if ends[cut - 1] * 2 < ends[fitting - 1]:
            break
        if not said[cut - 1].is_word and said[cut - 1].phonemes.strip():
            return cut
    return fitting


def _broken(said: Said, max_phonemes: int) -> Iterator[Said]:
    for first in range(0, len(said.phonemes), max_phonemes):
        yield replace(said, phonemes=said.phonemes[first : first + max_phonemes])
