"""Mandarin text in phonemes: words, their readings in pinyin, syllables."""

from __future__ import annotations

import re
from collections.abc import Iterator

import rjieba
from pypinyin import Style, lazy_pinyin

from services.tts.pronunciation.pinyin import phonemes_of
from services.tts.pronunciation.reading import Reading
from services.tts.pronunciation.said import Said, gap

_HAN_OR_OTHER = re.compile("(?P<han>[〇々\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+)|.")
_MARKS = str.maketrans("，。、！？；：（）《》〈〉「」『』【】～", ",.,!?;:()“”“”“”“”“”—")
_HEARD = ';:,.!?—…"()“”'


def pronounce(reading: Reading) -> Iterator[Said]:
    """What is said for a text of Chinese characters and punctuation."""
    for match in _HAN_OR_OTHER.finditer(reading.spoken):
        at, _ = reading.source(match.start(), match.end())
        if match["han"]:
            yield from _words(reading, match["han"], match.start())
            continue
        mark = match[0].translate(_MARKS)
        if mark in _HEARD:
            yield gap(mark, at)
        yield gap(" ", at)


def _words(reading: Reading, text: str, first: int) -> Iterator[Said]:
    words: list[str] = rjieba.cut(text)
    readings = iter(_syllables(words))
    for word in words:
        start, end = reading.source(first, first + len(word))
        first += len(word)
        phonemes = "".join(next(readings) for _ in word)
        if phonemes:
            yield Said(phonemes, start, end)
            yield gap(" ", end)


def _syllables(words: list[str]) -> list[str]:
    """The phonemes of every character."""
    initials = lazy_pinyin(words, Style.INITIALS, strict=True)
    finals = lazy_pinyin(words, Style.FINALS_TONE3, strict=True, neutral_tone_with_five=True)
    return [phonemes_of(*syllable) for syllable in zip(initials, finals, strict=True)]


def warm() -> None:
    """Loads the dictionaries."""
    _syllables(rjieba.cut("你好"))
