"""Cues that people can read."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.media import Word
from services.gateway.subtitles import (
    LINE_WIDTH,
    MAX_CUE_US,
    MAX_LINES,
    Cue,
    cues_of,
    srt,
    webvtt,
    width,
)

WORD_US = 300_000
WORDS = ["a", "Hello,", "extraordinary", "dog.", "你好，", "so"]


def spoken(text: str, *, word_us: int = WORD_US, gaps: dict[str, int] | None = None) -> list[Word]:
    """The words of a text one after the other; Chinese ones character by character."""
    words: list[Word] = []
    at_us, place = 0, 0
    for part in text.split():
        place = text.index(part, place)
        plain = part.strip('.,!?;:。，！？“”"')
        begin = text.index(plain, place)
        pieces = list(plain) if width(plain) > len(plain) else [plain]
        for piece in pieces:
            at_us += (gaps or {}).get(piece, 0)
            end = begin + len(piece)
            words.append(Word(piece, at_us, at_us + word_us, begin, end))
            at_us, begin = at_us + word_us, end
        place = begin
    return words


def lines(text: str, *, word_us: int = WORD_US) -> list[tuple[str, ...]]:
    return [cue.lines for cue in cues_of(spoken(text, word_us=word_us), text)]


def test_a_short_sentence_is_one_cue_with_its_punctuation() -> None:
    assert cues_of(spoken("Hello, world!"), "Hello, world!") == [
        Cue(0, 1_000_000, ("Hello, world!",))
    ]


def test_each_sentence_has_a_cue_of_its_own() -> None:
    assert lines("This is one. Is this two? Yes!") == [
        ("This is one.",),
        ("Is this two?",),
        ("Yes!",),
    ]


def test_a_long_sentence_breaks_into_even_lines() -> None:
    text = "The quick brown fox jumps over the lazy dog and runs away."
    assert lines(text, word_us=200_000) == [
        ("The quick brown fox jumps over", "the lazy dog and runs away."),
    ]


def test_a_cue_that_is_full_enough_ends_at_a_clause() -> None:
    text = (
        "When the quick brown fox jumps over the lazy old dog, "
        "everybody in the whole village stops and looks."
    )
    first, second = lines(text, word_us=150_000)
    assert first[-1].endswith("dog,")
    assert second[0].startswith("everybody")


def test_chinese_lines_hold_eighteen_characters() -> None:
    text = "今天我们来介绍一个可以让照片开口说话的数字人服务系统请大家仔细观看这个演示视频。"
    for shown in lines(text, word_us=120_000):
        assert all(len(line) <= 18 for line in shown)
        assert len(shown) <= MAX_LINES
    assert "".join(line for cue in lines(text) for line in cue) == text


def test_a_pause_ends_a_cue() -> None:
    text = "one two three four"
    cues = cues_of(spoken(text, gaps={"three": 1_500_000}), text)
    assert [cue.lines for cue in cues] == [("one two",), ("three four",)]


def test_a_short_cue_stays_long_enough_to_be_read_but_never_over_the_next() -> None:
    cues = cues_of(spoken("No. Never ever again."), "No. Never ever again.")
    assert cues[0].end_us == cues[1].start_us == WORD_US
    assert cues[1].end_us - cues[1].start_us >= 900_000


def test_quotes_stay_with_their_sentence() -> None:
    text = "“Go home.” He went."
    assert lines(text) == [("“Go home.”",), ("He went.",)]


def test_words_that_share_their_place_in_the_text_are_shown_once() -> None:
    text = "It costs $5 today."
    words = [
        Word("It", 0, 1, 0, 2),
        Word("costs", 1, 2, 3, 8),
        Word("$5", 2, 3, 9, 11),
        Word("$5", 3, 4, 9, 11),
        Word("today", 4, 5, 12, 17),
    ]
    assert [cue.lines for cue in cues_of(words, text)] == [("It costs $5 today.",)]


def test_no_words_make_an_empty_file() -> None:
    assert webvtt(cues_of([], "")) == "WEBVTT\n"
    assert srt([]) == ""


def test_webvtt_escapes_what_would_be_markup() -> None:
    text = "a <b> & c"
    assert "a &lt;b&gt; &amp; c" in webvtt(cues_of(spoken(text), text))


def test_times_are_written_as_each_format_wants() -> None:
    cue = Cue(3_723_045_000, 3_724_000_000, ("x",))
    assert "01:02:03.045 --> 01:02:04.000" in webvtt([cue])
    assert srt([cue]) == "1\n01:02:03,045 --> 01:02:04,000\nx\n"


@pytest.mark.parametrize("word_us", [100_000, 400_000, 2_000_000])
@given(text=st.lists(st.sampled_from(WORDS), max_size=60))
def test_cues_are_in_order_fit_their_lines_and_lose_no_word(word_us: int, text: list[str]) -> None:
    whole = " ".join(text)
    words = spoken(whole, word_us=word_us)
    cues = cues_of(words, whole)
    for cue in cues:
        assert cue.start_us < cue.end_us
        assert len(cue.lines) <= MAX_LINES
        assert all(width(line) <= LINE_WIDTH for line in cue.lines)
        assert cue.end_us - cue.start_us <= max(MAX_CUE_US, word_us)
    for before, after in itertools.pairwise(cues):
        assert before.end_us <= after.start_us
    shown = "".join(line for cue in cues for line in cue.lines)
    assert shown.replace(" ", "") == whole.replace(" ", "")
