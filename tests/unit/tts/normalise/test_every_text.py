"""What holds for every text: pieces cover it in order, and only words are left to be said."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.tts.language import Language
from services.tts.normalise import Piece, normalise

WRITTEN = "0123456789 .,:;/-–—~+=<>#@&%‰°¥$€£()'\"!?apmAPMkKxXvVTZ²½①Ⅳ年月日点个第百元号室"
TEXTS = st.text() | st.text(alphabet=WRITTEN, max_size=80)
LANGUAGES = st.sampled_from(Language)
MARKS = set("'\"“”‘’()-—,.;:!?…，。、！？；：（）《》〈〉「」『』【】")
LETTERS = {"Ll", "Lu", "Lt", "Lm", "Lo", "Mn", "Mc"}
LONG = 20_000
REPEATED = (
    "1", "1,", "1.", "1-", "1/", "1:", "1 ", "+1", "a.", "a@", "a-", "a1", "A.", "www.", "1,000,",
    "https://a", "$1", "½", "²", "😀", "e\u0301", "Main St. ", "24 Nov ", "2个", "第2", "！", "\n",
)  # fmt: skip


def assert_tiles(pieces: tuple[Piece, ...], text: str) -> None:
    edges = [0] + [piece.end for piece in pieces]
    assert [piece.start for piece in pieces] == edges[:-1]
    assert edges[-1] == len(text)
    assert all(piece.start < piece.end for piece in pieces)


@given(TEXTS, LANGUAGES)
@example("1,000,000.50%", Language.EN)
@example("𝟙𝟚٣", Language.ZH)
def test_pieces_tile_the_text(text: str, language: Language) -> None:
    assert_tiles(normalise(text, language), text)


@given(TEXTS, LANGUAGES)
@example("x² ① Ⅳ ½ ㈠ ⒈ 〡 ௰", Language.EN)
@example("x² ① Ⅳ ½ ㈠ ⒈ 〡 ௰", Language.ZH)
def test_only_letters_and_punctuation_are_left_to_be_said(text: str, language: Language) -> None:
    spoken = "".join(piece.spoken for piece in normalise(text, language))
    left = {char for char in spoken if not (char.isspace() or char in MARKS)}
    assert {unicodedata.category(char) for char in left} <= LETTERS
    assert not any(map(str.isdigit, left))


@pytest.mark.parametrize("written", REPEATED)
@pytest.mark.parametrize("language", Language)
def test_long_repetitive_texts_are_read_to_their_end(written: str, language: Language) -> None:
    text = (written * LONG)[:LONG]
    assert_tiles(normalise(text, language), text)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Good morning, everyone: it's a well-known fact!", Language.EN),
        ("“Really?” she said (quietly)…", Language.EN),
        ("大家好，今天天气真不错！", Language.ZH),
        ("他说：“《红楼梦》很好看。”", Language.ZH),
    ],
)
def test_plain_sentences_are_one_piece_as_it_stands(text: str, language: Language) -> None:
    assert normalise(text, language) == (Piece(text, 0, len(text)),)


def test_a_piece_names_the_run_that_it_is_said_for() -> None:
    text = "It costs $5.20."
    pieces = normalise(text, Language.EN)
    assert [(text[piece.start : piece.end], piece.spoken) for piece in pieces] == [
        ("It costs ", "It costs "),
        ("$5.20", "five dollars and twenty cents"),
        (".", "."),
    ]


def test_words_around_what_was_read_stay_apart() -> None:
    assert "".join(piece.spoken for piece in normalise("a5b", Language.EN)) == "a five b"
