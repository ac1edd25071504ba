"""Plain characters, and the way back."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.moderation.folding import fold
from services.moderation.normalisation import (
    Vocabulary,
    folded,
    ideographs,
    sentence_numbers,
    words,
)

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
        ("你好。再见", "你好\n再见"),
    ],
)
def test_ideographs_are_read(text: str, read: str) -> None:
    assert ideographs(folded(text)).text == read


def test_sentences_are_counted() -> None:
    assert sentence_numbers("a. b。c") == (0, 0, 1, 1, 1, 2)
    assert sentence_numbers("3.5") == (0, 0, 0)
    assert sentence_numbers("") == ()


@given(st.text(max_size=200))
def test_every_character_of_a_view_knows_its_place(text: str) -> None:
    base = folded(text)
    assert len(sentence_numbers(text)) == len(text)
    for view in (base, words(base, WORDS), ideographs(base)):
        assert len(view.text) == len(view.origin) or not base.text
        assert all(0 <= place <= len(text) for place in view.origin)
        assert all(one <= other for one, other in pairwise(view.origin))
