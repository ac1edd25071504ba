"""The classifier: what it counts, how it reads its file, and which passages it judges."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.moderation.classifier import (
    ANY,
    MAX_PASSAGE,
    Classifier,
    ClassifierError,
    Weights,
    is_chinese,
    passages,
    read_weights,
)
from services.moderation.features import BUCKETS, count
from services.moderation.normalisation import Reading, Vocabulary, sentence_numbers
from services.moderation.verdict import Label, Span

WORDS = Vocabulary(["kill"])
OUTPUTS = (Label.FRAUD, Label.VIOLENCE, ANY)


def weights(**changes: Any) -> Weights:
    """Suspects whatever holds the word "lottery" or 彩票 of fraud."""
    matrix = np.zeros((BUCKETS, len(OUTPUTS)), np.int8)
    for text in (" lottery ", " "):
        matrix[count(text, "彩票").buckets] = (100, 0, 100)
    both = np.ones((2, len(OUTPUTS)), np.float32)
    built = Weights(
        OUTPUTS,
        matrix,
        np.full(len(OUTPUTS), 0.1, np.float32),
        np.full(len(OUTPUTS), -3, np.float32),
        np.full(BUCKETS, 28, np.uint8),
        slope=both,
        offset=both * 0,
        review=both * 0.5,
        block=both * 0.9,
        learnt="",
    )
    return replace(built, **changes)


def suspected(classifier: Classifier, text: str) -> list[tuple[Label, bool]]:
    found = classifier.suspicions(Reading(text, WORDS), [Span(0, len(text))])
    return [(each.label, each.is_blocked) for each in found]


def test_counts_are_of_length_one_and_the_same_for_the_same_text() -> None:
    one, other = count(" kill you ", "杀你"), count(" kill you ", "杀你")
    assert np.array_equal(one.buckets, other.buckets)
    assert float(np.linalg.norm(one.weights)) == pytest.approx(1)
    assert len(count("", "").buckets) == 0


def test_ideographs_and_words_are_counted_apart() -> None:
    chinese, english = count(" ", "彩票"), count(" lottery ", "lottery")
    assert not set(chinese.buckets) & set(english.buckets)


@given(st.text(max_size=80), st.text(max_size=80))
def test_any_text_can_be_counted(words: str, ideographs: str) -> None:
    counts = count(words.replace("\ud800", ""), ideographs)
    assert np.all((counts.buckets >= 0) & (counts.buckets < BUCKETS))


@pytest.mark.parametrize("text", ["lottery " * 5, "\u5f69\u7968" * 2])
def test_what_was_learnt_is_suspected(text: str) -> None:
    assert suspected(Classifier(weights(), "abc"), text) == [(Label.FRAUD, True)]


@pytest.mark.parametrize("text", ["", "a nice day", "你好", "😀", "123"])
def test_what_was_not_learnt_is_not(text: str) -> None:
    assert suspected(Classifier(weights(), "abc"), text) == []


def test_harm_of_no_certain_kind_is_for_a_person() -> None:
    unsure = weights(review=np.array([[2, 2, 0.5], [2, 2, 0.5]], np.float32))
    assert suspected(Classifier(unsure, "abc"), "lottery " * 5) == [(Label.FRAUD, False)]


def test_the_bundled_file_is_whole_and_small() -> None:
    read, digest = read_weights()
    assert set(read.outputs) >= {ANY, "fraud", "hate"}
    assert len(digest) == 64
    assert np.all(read.review <= read.block)


def test_a_written_file_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "text.npz"
    weights(learnt="texts").write(path)
    read, _ = read_weights(path)
    assert read.outputs == OUTPUTS
    assert read.learnt == "texts"
    assert np.array_equal(read.weights, weights().weights)


def test_a_missing_altered_or_foreign_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "text.npz"
    with pytest.raises(ClassifierError, match="missing"):
        read_weights(path)
    weights().write(path)
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(ClassifierError, match="altered"):
        read_weights(path)
    weights(weights=np.zeros((4, len(OUTPUTS)), np.int8)).write(path)
    with pytest.raises(ClassifierError, match="version"):
        read_weights(path)


def test_passages_are_whole_sentences_where_they_fit() -> None:
    text = "One. " * 60
    cut = passages(sentence_numbers(text))
    assert all(text[place.start : place.end].strip().endswith(".") for place in cut)
    assert passages(sentence_numbers("a. b"), since=3) == [Span(3, 4)]


@given(st.text(st.sampled_from("ab. 好。\n"), max_size=900), st.integers(0, 900))
def test_passages_cover_what_follows_once(text: str, since: int) -> None:
    start = min(since, len(text))
    place = start
    for passage in passages(sentence_numbers(text), start):
        assert passage.start == place
        assert 0 < passage.end - passage.start <= MAX_PASSAGE
        place = passage.end
    assert place == len(text)


@pytest.mark.parametrize(
    ("ideographs", "chinese"), [("你好", True), ("hello", False), ("加vx", True), ("", False)]
)
def test_a_passage_is_of_one_language(ideographs: str, chinese: bool) -> None:
    assert is_chinese(ideographs) is chinese
