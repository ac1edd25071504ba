"""Mandarin text in phonemes: words, the readings of their characters, the tones among them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from services.tts.pronunciation.english import spelt
from services.tts.pronunciation.pinyin import phonemes_of
from services.tts.pronunciation.reading import Reading
from services.tts.pronunciation.readings import words_of
from services.tts.pronunciation.said import Said, gap
from services.tts.pronunciation.sandhi import with_sandhi

_HAN_OR_OTHER = re.compile(
    "(?P<han>[〇\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+)|(?P<latin>[A-Za-z]+)|."
)
_MARKS = str.maketrans("，。、！？；：（）《》〈〉「」『』【】～", ",.,!?;:()“”“”“”“”“”—")
_HEARD = ';:,.!?—…"()“”'


def pronounce(reading: Reading) -> Iterator[Said]:
    """What is said for a text of Chinese characters and punctuation; Latin letters are spelt."""
    for match in _HAN_OR_OTHER.finditer(reading.spoken):
        at, end = reading.source(match.start(), match.end())
        if match["han"]:
            yield from _words(reading, match["han"], match.start())
            continue
        if match["latin"]:
            yield Said(spelt(match["latin"]), at, end)
            yield gap(" ", end)
            continue
        mark = match[0].translate(_MARKS)
        if mark in _HEARD:
            yield gap(mark, at)
        yield gap(" ", at)


def _words(reading: Reading, text: str, first: int) -> Iterator[Said]:
    for word in with_sandhi(words_of(text)):
        start, end = reading.source(first, first + len(word.text))
        first += len(word.text)
        phonemes = "".join(map(phonemes_of, word.syllables))
        if phonemes:
            yield Said(phonemes, start, end)
            yield gap(" ", end)


def warm() -> None:
    """Loads the dictionaries."""
    words_of("你好")
