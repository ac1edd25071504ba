"""From text to phonemes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from itertools import pairwise
from string import ascii_letters

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.tts.kokoro import TOKENS
from services.tts.language import Language
from services.tts.normalise import Piece
from services.tts.pronunciation import Pronouncer, Said, english, mandarin, parts_of
from services.tts.pronunciation.reading import reading_of
from services.tts.pronunciation.readings import words_of
from services.tts.pronunciation.sandhi import with_sandhi


@pytest.fixture(scope="module")
def pronouncer() -> Pronouncer:
    return Pronouncer()


def phonemes(pronouncer: Pronouncer, text: str) -> str:
    return "".join(said.phonemes for said in pronouncer.pronounce(text, 0, Language.EN))


def tones(text: str) -> str:
    stretches = re.findall("[〇\u4e00-\u9fff]+", text)
    return " ".join(
        "".join(syllable.tone for syllable in word.syllables)
        for stretch in stretches
        for word in with_sandhi(words_of(stretch))
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello, world!", "həlˈO, wˈɜɹld!"),
        ("the apple, the pear", "ði ˈæpᵊl, ðə pˈɛɹ"),
        ("café", "kæfˈA"),
        ("“Yes” — no…", "jˈɛs” — nˈO…"),
        ("你好，世界。", "ni↗xau↓, ʂɨ↘ʨje↘."),
        ("女儿", "ny↓ɚ↗"),
        ("COVID-19疫情", "kˈOvˌɪd ʂɨ↗ʨjou↓ i↘ʨʰi↗ŋ"),
        ("It's COVID-19.", "ˌɪts kˈOvˌɪd nˌIntˈin."),
        ("电池5Ah。", "tjɛ↘nꭧʰɨ↗ u↓ ˌAˈAʧ."),
        ("😀", ""),
        ("", ""),
    ],
)
def test_text_in_phonemes(pronouncer: Pronouncer, text: str, expected: str) -> None:
    assert phonemes(pronouncer, text) == expected


def test_latin_letters_within_chinese_are_spelt() -> None:
    text = "你qz好"
    said = list(mandarin.pronounce(reading_of([Piece(text, 0, 4)], text, 10)))
    assert [(one.phonemes, one.start, one.end) for one in said if one.is_word] == [
        ("ni↓", 10, 11),
        ("kjˌuzˈi", 11, 13),
        ("xau↓", 13, 14),
    ]


@pytest.mark.parametrize("letter", ascii_letters)
def test_every_latin_letter_has_a_name(letter: str) -> None:
    assert english.spelt(letter)
    assert set(english.spelt(letter)) <= TOKENS.keys()


@settings(deadline=None)
@given(st.text("-'\"_aBx. (;", min_size=1, max_size=12).filter(str.strip))
def test_words_are_found_where_they_stand_whatever_is_dropped(text: str) -> None:
    said = english.pronounce(reading_of([Piece(text, 0, len(text))], text, 0))
    words = [one for one in said if one.is_word]
    assert all(text[one.start : one.end].split() == [text[one.start : one.end]] for one in words)
    assert all(one.end <= two.start for one, two in pairwise(words))


def test_english_needs_no_home_folder() -> None:
    code = (
        "import os, pwd\n"
        "def nobody(uid): raise KeyError(uid)\n"
        "pwd.getpwuid = nobody\n"
        "from services.tts.pronunciation import Pronouncer\n"
        "from services.tts.language import Language\n"
        "assert Pronouncer().pronounce('Hello', 0, Language.EN)\n"
        "assert 'HOME' not in os.environ\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "HOME"}
    command = [sys.executable, "-c", code]
    subprocess.run(command, env=environment, check=True)  # noqa: S603 - our own program


def test_every_phoneme_is_in_the_alphabet_of_the_model(pronouncer: Pronouncer) -> None:
    text = (
        "The quick brown fox jumps over 12 lazy dogs — “why?” (Kubernetes): vision; pleasure.\n"
        "知识、吃、日子；女、略、云、圆、嗯、哦、欸？《书》（二）儿子，花儿，雄、翁、推、论、求。"
    )
    assert set(phonemes(pronouncer, text)) <= TOKENS.keys()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("不是", "24"),
        ("不好", "43"),
        ("一个", "25"),
        ("一起", "43"),
        ("一定", "24"),
        ("第一", "41"),
        ("统一的", "31 5"),
        ("一九九一年", "12312"),
        ("看一看", "454"),
        ("你好", "23"),
        ("妈妈", "15"),
        ("东西", "15"),
        ("喜欢", "35"),
        ("一点儿", "435"),
    ],
)
def test_tones_as_they_are_spoken(text: str, expected: str) -> None:
    assert tones(text).replace(" ", "") == expected.replace(" ", "")


@pytest.mark.parametrize(
    ("text", "character", "final"),
    [
        ("银行行长", "行", "ang"),
        ("自行车", "行", "ing"),
        ("他跑得很快", "得", "e5"),
        ("你得去", "得", "ei3"),
        ("他高兴地说", "地", "e5"),
        ("这块地很大", "地", "i4"),
        ("我还书", "还", "uan2"),
        ("还没有", "还", "ai2"),
        ("重新开始", "重", "ong2"),
        ("很重要", "重", "ong4"),
        ("音乐", "乐", "ve4"),
        ("快乐", "乐", "e4"),
    ],
)
def test_characters_are_read_as_their_neighbours_ask(text: str, character: str, final: str) -> None:
    syllables = [syllable for word in words_of(text) for syllable in word.syllables]
    assert [s.character for s in syllables] == list(text)
    found = next(s for s in syllables if s.character == character)
    assert f"{found.final}{found.tone}".startswith(final)


def test_words_keep_their_place_through_normalisation(pronouncer: Pronouncer) -> None:
    text = "It’s 5kg, naı̈ve, 我有3个。"
    said = pronouncer.pronounce(text, 100, Language.EN)
    words = [text[one.start - 100 : one.end - 100] for one in said if one.is_word]
    assert words[0] == "It’s"
    assert "5kg" in words
    assert "我" in words
    assert all(one.end >= one.start for one in said)


def test_parts_end_after_marks_or_between_words() -> None:
    said = [
        Said("aaaa", 0, 4),
        Said(",", 4, 4),
        Said(" ", 4, 4),
        Said("bbbb", 5, 9),
        Said("cc", 9, 11),
    ]
    parts = list(parts_of(said, 7))
    assert ["".join(one.phonemes for one in part) for part in parts] == ["aaaa,", " bbbbcc"]
    assert [
        "".join(one.phonemes for one in part) for part in parts_of([Said("x" * 10, 0, 10)], 4)
    ] == ["xxxx", "xxxx", "xx"]
