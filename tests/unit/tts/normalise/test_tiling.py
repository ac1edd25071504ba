"""What holds for every text: pieces cover it in order, and no digit is left to be said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tts.language import Language
from services.tts.normalise import normalise

TEXTS = st.text() | st.text(alphabet="0123456789 .,:-/$¥%@°年月日apm", max_size=60)
LANGUAGES = st.sampled_from(Language)


@given(TEXTS, LANGUAGES)
def test_pieces_tile_the_text(text: str, language: Language) -> None:
    pieces = normalise(text, language)
    edges = [0] + [piece.end for piece in pieces]
    assert [piece.start for piece in pieces] == edges[:-1]
    assert edges[-1] == len(text)
    assert all(piece.start < piece.end for piece in pieces)


@given(TEXTS, LANGUAGES)
def test_no_ascii_digit_is_left_to_be_said(text: str, language: Language) -> None:
    assert not any(
        char in "0123456789" for piece in normalise(text, language) for char in piece.spoken
    )


@pytest.mark.parametrize(
    ("text", "language", "spoken"),
    [
        ("It takes 42 steps.", Language.EN, "It takes forty-two steps."),
        ("1,000,000", Language.EN, "one million"),
        ("3.14", Language.EN, "three point one four"),
        ("一共10086步", Language.ZH, "一共一万零八十六步"),
        ("12.5", Language.ZH, "十二点五"),
    ],
)
def test_numbers_are_read_in_words(text: str, language: Language, spoken: str) -> None:
    assert "".join(piece.spoken for piece in normalise(text, language)) == spoken
