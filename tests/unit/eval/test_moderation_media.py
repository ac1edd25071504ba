"""What is written on pictures and what the tables tell of pictures and recordings."""

from __future__ import annotations

import numpy as np
import pytest

from eval.moderation.arithmetic import Share
from eval.moderation.evasions import read_suite
from eval.moderation.media import harmful_sentences, ordinary_sentences
from eval.moderation.pictures import (
    WAYS,
    Seen,
    Shown,
    Writing,
    WritingFigures,
    ages_table,
    portraits_table,
    writing_table,
    written,
)
from eval.moderation.recordings import Heard, sentences_table
from services.moderation.faces import Faces
from services.moderation.image import ImageEvidence, Purpose
from services.moderation.image_model import Score, Thresholds
from services.moderation.ocr import NO_TEXT
from services.moderation.verdict import Label, Suggestion

GREY = np.full((300, 400, 3), 128, np.uint8)


def seen(name: str, age: float, *found: tuple[Label, str]) -> Seen:
    likely = Score(Label.MINOR, "face", 0.0, Thresholds(0.65))
    nudity = Score(Label.SEXUAL, "nudity", 0.02, Thresholds(0.5, 0.8))
    evidence = ImageEvidence(
        Purpose.PORTRAIT,
        frozenset({Label.SEXUAL}),
        (nudity,),
        NO_TEXT,
        Faces((age,), 1, likely),
    )
    suggestion = Suggestion.REVIEW if found else Suggestion.PASS
    return Seen(Shown("portraits", name, GREY), evidence, found, suggestion, 1.0)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "text", ["A sentence that is rather too long for its line", "一句很长的话，写不下的"]
)
def test_text_is_written_on_the_picture(way: Writing, text: str) -> None:
    page = written(text, GREY, way)
    changed = np.argwhere((page != 128).any(axis=2))
    assert len(changed)
    assert page.shape[1] >= 400


def test_faces_alone_are_no_harm() -> None:
    pictures = [
        seen("a", 30.0),
        seen("b", 15.0, (Label.MINOR, "face")),
        seen("c", 30.0, (Label.SEXUAL, "nudity"), (Label.PORTRAIT, "several_faces")),
    ]
    table = portraits_table(pictures)
    assert str(Share(1, 3)) in table
    assert "minor: face 1" in table


def test_children_are_told_apart_from_adults() -> None:
    table = ages_table([seen("lp_s5", 8.0), seen("a", 30.0), seen("b", 50.0)])
    assert "lp_s5 8" in table
    assert "| 0.65 | 0.000" in table
    assert "1 of 1" in table


def test_a_row_for_each_way_and_language() -> None:
    figures = WritingFigures(0.9, Share(1, 2), Share(0, 2), Share(0, 3))
    assert "| serif | en | 0.900 | 0.500" in writing_table({("serif", "en"): figures})


def test_sentences_are_counted_by_language_and_harm() -> None:
    heard = [
        Heard("en", True, Suggestion.BLOCK, "en", 2.0, 1.0),
        Heard("en", True, Suggestion.PASS, "fr", 2.0, 1.0),
        Heard("en", False, Suggestion.PASS, "en", 2.0, 1.0),
    ]
    table = sentences_table(heard)
    assert f"| harmful | en | 2 | {Share(1, 2)} | {Share(1, 2)} | {Share(1, 2)} |" in table
    assert f"| harmless | en | 1 | {Share(0, 1)} |" in table


def test_both_languages_are_spoken() -> None:
    sentences = [*harmful_sentences(read_suite()), *ordinary_sentences()]
    assert {(each.language, each.is_harmful) for each in sentences} == {
        ("en", True),
        ("en", False),
        ("zh", True),
        ("zh", False),
    }
