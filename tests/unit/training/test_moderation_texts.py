"""What the text classifiers learn from, and that it is nothing that they are judged by."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from eval.moderation.sets import evaluation_texts
from services.moderation.classifier import MAX_PASSAGE, read_weights
from services.moderation.verdict import HARMS, Label
from training.moderation.__main__ import PER_SECTION, SEED
from training.moderation.corpora import (
    Example,
    composed,
    corpus,
    davidson,
    digest_of,
    fingerprint,
    is_held_out,
    kept_out,
    ordinary,
    rows,
    written,
)
from training.moderation.grammar import read_grammars

DATA = Path(__file__).parents[4] / "shared" / "data" / "moderation"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"no data sets in {DATA}")


@pytest.fixture(scope="module")
def learnt() -> list[Example]:
    return corpus(DATA, per_section=PER_SECTION, seed=SEED)


@needs_data
def test_nothing_that_is_for_evaluation_is_learnt(learnt: list[Example]) -> None:
    for_evaluation = {fingerprint(text) for text in evaluation_texts(DATA)}
    assert len(for_evaluation) > 9000
    assert for_evaluation <= kept_out()
    assert for_evaluation.isdisjoint(fingerprint(example.text) for example in learnt)


@needs_data
def test_thresholds_are_set_by_texts_that_are_neither_learnt_nor_for_evaluation(
    learnt: list[Example],
) -> None:
    by_language = ordinary()
    marks = {fingerprint(text) for texts in by_language.values() for text in texts}
    assert all(len(texts) >= 150 for texts in by_language.values())
    assert marks.isdisjoint(fingerprint(example.text) for example in learnt)
    assert marks.isdisjoint(kept_out())


@needs_data
def test_the_bundled_classifier_learnt_these_texts_and_no_others(learnt: list[Example]) -> None:
    weights, _ = read_weights()
    assert weights.learnt == digest_of(learnt)


@needs_data
def test_a_fifth_of_the_tweets_is_held_out() -> None:
    assert not any(is_held_out(example.text) for example in davidson(DATA))


@pytest.mark.parametrize(
    "name", ["chineseharm_dev.json", "openai_dev.jsonl", "cold_dev.csv", "other.csv"]
)
def test_sets_that_are_only_for_evaluation_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not for training"):
        next(rows(DATA / name))


def test_a_fingerprint_sees_through_spaces_and_case() -> None:
    assert fingerprint(" Hello\n  World") == fingerprint("hello world")
    assert fingerprint("hello") != fingerprint("world")


def test_every_template_is_filled_to_its_end() -> None:
    chance = random.Random(1)  # noqa: S311 - not for secrets
    for grammar in read_grammars():
        for lines in grammar.lines.values():
            for line in lines:
                text = grammar.draw(line, chance)
                assert text
                assert not set(text) & set("{}[]|")


def test_harm_of_every_learnt_kind_is_written_in_both_languages() -> None:
    kinds = {(each.language, label) for each in written(60, 1) for label in each.labels}
    for language in ("en", "zh"):
        found = {label for spoken, label in kinds if spoken == language}
        assert found == set(HARMS) - {Label.SEXUAL_MINORS}


def test_passages_of_harmless_sentences_are_written_in_both_languages() -> None:
    passages = list(composed(200, 1))
    assert {passage.language for passage in passages} == {"en", "zh"}
    assert not any(passage.labels for passage in passages)
    assert max(len(passage.text) for passage in passages) == MAX_PASSAGE
    assert passages == list(composed(200, 1))


def test_the_same_seed_writes_the_same_sentences() -> None:
    assert list(written(20, 3)) == list(written(20, 3))
