"""Where a text is cut."""

from __future__ import annotations

import sys
from collections import Counter
from types import FrameType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tts.segmenter import MAX_WEIGHT, Segment, Segmenter, weight_of


def cut(*pieces: str) -> list[Segment]:
    segmenter = Segmenter()
    segments = [segment for piece in pieces for segment in segmenter.feed(piece)]
    return [*segments, *segmenter.finish()]


def calls(*pieces: str) -> int:
    """How many functions are called to cut a text, those written in C included."""
    counted: Counter[str] = Counter()

    def count(frame: FrameType, event: str, arg: object) -> None:
        counted[event] += 1

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        cut(*pieces)
    finally:
        sys.setprofile(before)
    return counted["call"] + counted["c_call"]


def texts(*pieces: str) -> list[str]:
    return [segment.text for segment in cut(*pieces)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello. How are you? Fine!", ["Hello.", "How are you?", "Fine!"]),
        ("你好。世界！真的？是", ["你好。", "世界！", "真的？", "是"]),
        ("He said “Stop!” Then he left.", ["He said “Stop!”", "Then he left."]),
        ("他说：“好。”然后走了。", ["他说：“好。”", "然后走了。"]),
        (
            "Dr. J. R. Smith paid 3.50 at 5 p.m. today.",
            ["Dr. J. R. Smith paid 3.50 at 5 p.m. today."],
        ),
        ("See example.com for more.", ["See example.com for more."]),
        ("Wait... what? No.", ["Wait... what?", "No."]),
        ("Title\n\nThe text", ["Title", "The text"]),
        ("wrapped at some\nwidth", ["wrapped at some\nwidth"]),
        ("- one\n- two", ["- one", "- two"]),
        ("", []),
        (" \n ", []),
    ],
)
def test_sentences_end_where_a_reader_would_end_them(text: str, expected: list[str]) -> None:
    assert texts(text) == expected


def test_the_first_clause_of_a_long_sentence_comes_first() -> None:
    text = (
        "After a long winter in the north, the birds came back to the lake, "
        "and everybody who lived there went out to see them."
    )
    first, second = texts(text)
    assert first == "After a long winter in the north,"
    assert second.startswith("the birds")


def test_no_scrap_is_left_of_a_sentence() -> None:
    assert texts("After a long winter in the north, yes.") == [
        "After a long winter in the north, yes."
    ]


def test_a_text_without_marks_is_cut_between_words() -> None:
    segments = texts("word " * 300)
    assert len(segments) > 1
    assert all(weight_of(text) <= MAX_WEIGHT for text in segments)
    assert " ".join(segments).split() == ["word"] * 300


@pytest.mark.parametrize("rest", ["yes it is", "yes it is. And now for something else."])
def test_a_text_that_gets_too_long_is_cut_after_its_clause(rest: str) -> None:
    text = "word " * 73 + f"word, {rest}"
    assert MAX_WEIGHT - 10 < weight_of("word " * 73 + "word,") < MAX_WEIGHT
    assert texts(text)[0].endswith("word,")
    assert cut(*text) == cut(text)


def test_a_paragraph_is_told() -> None:
    assert [segment.paragraph for segment in cut("One. Two.\n\nThree.")] == [False, False, True]


@given(st.text('ab. ,!?\n。，我Mr3“”"', max_size=120), st.data())
def test_pieces_make_no_difference_and_nothing_is_lost(text: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(text)))
    segments = cut(text)
    assert cut(text[:at], text[at:]) == segments
    assert cut(*text) == segments
    assert (
        "".join(segment.text for segment in segments).split()
        == "".join(
            text[segment.start : segment.start + len(segment.text)] for segment in segments
        ).split()
    )
    assert "".join("".join(segment.text for segment in segments).split()) == "".join(text.split())


@pytest.mark.parametrize(
    "written",
    [" ", "\n", "a, ", "a. ", "a.", ".", "-", "word ", "word", "3.5", "“a” ", "好", "，", "。"],
)
def test_the_work_is_linear_in_the_text_however_it_comes(written: str) -> None:
    text = (written * 4_000)[:4_000]
    assert calls(text) < 25 * len(text)
    assert calls(*text) < 35 * len(text)


@pytest.mark.parametrize("written", [" ", "a, ", ". ", "-", "a.", "好，"])
def test_the_longest_text_is_cut_the_same_in_one_piece_and_in_single_characters(
    written: str,
) -> None:
    text = (written * 20_000)[:20_000]
    assert cut(*text) == cut(text)
