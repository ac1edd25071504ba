"""Plain characters, and the way back."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.moderation.folding import fold
from services.moderation.normalisation import (
    Reading,
    Vocabulary,
    folded,
    ideographs,
    sentence_numbers,
    words,
)
from services.moderation.phonetics import sound_of, syllables
from services.moderation.verdict import Span

WORDS = Vocabulary(["kill", "you", "yourself", "nude", "i"])


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("Ａ", "a"),
        ("é", "e"),
        ("ß", "ss"),
        ("а", "a"),  # Cyrillic
        ("ο", "o"),  # Greek
        ("𝕜", "k"),
        ("Ⓚ", "k"),
        ("🅺", "k"),
        ("🇰", "k"),
        ("\u200b", ""),
        ("\u0301", ""),
        ("賭", "赌"),
        ("妳", "你"),
        ("🈶", "有"),
        ("➕", "加"),
        ("好", "好"),
        ("1", "1"),
    ],
)
def test_a_character_is_folded(written: str, plain: str) -> None:
    assert fold(written) == plain


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("Kill, you", " kill you "),
        ("k1ll y0u", " kill you "),
        ("kiilll you", " kill you "),
        ("k i l l y o u", " kill you "),
        ("nude$ $tay", " nude tay "),
        ("v1.2 is 3.5", " v1 2 is 3 5 "),
        ("One. Two!", " one \n two "),
        ("我kill你you", " kill you "),
        ("a b c", " a b c "),
        ("wow!great", " wow \n great "),
        ("k*ll u", " kill you "),
        ("ki~ll", " kill "),
    ],
)
def test_words_are_read(text: str, read: str) -> None:
    assert words(folded(text), WORDS).text == read


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("加 微 信", "加微信"),
        ("加*微*信", "加微信"),
        ("你好，世界", "你好\n世界"),
        ("杀，了，你", "杀了你"),
        ("打8.8折", "打88折"),
        ("贝者马扁", "赌骗"),
        ("加加微微信信", "加微信"),
        ("你好。再见", "你好\n再见"),
    ],
)
def test_ideographs_are_read(text: str, read: str) -> None:
    assert ideographs(folded(text)).text == read


def test_a_picture_stands_for_a_word_of_either_language() -> None:
    reading = Reading("🔪", WORDS)
    assert (reading.words.text, reading.ideographs.text) == (" kill ", "杀")


def test_sentences_are_counted() -> None:
    assert sentence_numbers("a. b。c") == (0, 0, 1, 1, 1, 2)
    assert sentence_numbers("3.5") == (0, 0, 0)
    assert sentence_numbers("") == ()


@pytest.mark.parametrize(
    ("written", "alike"),
    [("加微信", "加weixin"), ("加微信", "加薇信"), ("杀", "傻"), ("四", "4"), ("女", "nv")],
)
def test_what_sounds_alike_reads_alike(written: str, alike: str) -> None:
    heard, _ = syllables(ideographs(folded(alike)))
    assert heard.text == sound_of(written)


def test_a_syllable_knows_its_letters() -> None:
    heard, written = syllables(ideographs(folded("加 wei xin！")))
    assert written == ["加", "wei", "xin"]
    assert heard.span(1, 3) == Span(2, 9)


@given(st.text(st.sampled_from("ab贝者马扁微信ni haoweixin4 ,。"), max_size=100))
def test_every_sound_knows_its_place(text: str) -> None:
    heard, written = syllables(ideographs(folded(text)))
    assert len(heard.text) == len(heard.origin) == len(heard.ends) == len(written)
    assert all(0 <= a < b <= len(text) for a, b in zip(heard.origin, heard.ends, strict=True))


@given(st.text(max_size=200))
def test_every_character_of_a_view_knows_its_place(text: str) -> None:
    base = folded(text)
    assert len(sentence_numbers(text)) == len(text)
    for view in (base, words(base, WORDS), ideographs(base)):
        assert len(view.text) == len(view.origin) or not base.text
        assert all(0 <= place <= len(text) for place in view.origin)
        assert all(one <= other for one, other in pairwise(view.origin))
        assert all(one < other for one, other in zip(view.origin, view.ends, strict=True))
