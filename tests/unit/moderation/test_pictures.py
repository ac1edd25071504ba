"""Pictures: what the network is shown, and what follows from its score."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from services.common.errors import ImageUndecodable
from services.moderation.image import ImageJudge, Thresholds, network_input
from services.moderation.verdict import FindingSource, Label, Suggestion


class Scoring:
    """A network that always gives the same score."""

    def __init__(self, score: float) -> None:
        self._score = score

    def __call__(self, image: NDArray[np.float32]) -> Mapping[str, NDArray[np.float32]]:
        return {"probabilities": np.array([[1 - self._score, self._score]], np.float32)}


def picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (40, 30), (200, 100, 50)).save(file, "PNG")
    return file.getvalue()


def judge_scoring(score: float) -> ImageJudge:
    return ImageJudge(Scoring(score), Thresholds(0.5, 0.8), "model-1")


@pytest.mark.parametrize(
    ("score", "suggestion"),
    [
        (0.0, Suggestion.PASS),
        (0.49, Suggestion.PASS),
        (0.51, Suggestion.REVIEW),
        (0.81, Suggestion.BLOCK),
        (1.0, Suggestion.BLOCK),
        (math.nan, Suggestion.REVIEW),
    ],
)
def test_the_score_decides(score: float, suggestion: Suggestion) -> None:
    assert judge_scoring(score).judge(picture()).suggestion is suggestion


def test_a_finding_names_the_model_and_no_place() -> None:
    (finding,) = judge_scoring(0.9).judge(picture()).findings
    assert (finding.label, finding.source) == (Label.SEXUAL, FindingSource.MODEL)
    assert finding.spans == ()
    assert finding.score == pytest.approx(0.9)


def test_only_nudity_is_evaluated() -> None:
    verdict = judge_scoring(0.0).judge(picture())
    assert verdict.evaluated == (Label.SEXUAL,)
    assert {Label.VIOLENCE, Label.TERRORISM} < set(verdict.not_evaluated)
    assert verdict.policy_version == "model-1@0.5/0.8"


def test_what_is_no_picture_is_an_error() -> None:
    with pytest.raises(ImageUndecodable):
        judge_scoring(0.0).judge(b"no picture")


def test_the_network_sees_blue_green_red_without_the_mean() -> None:
    shown = network_input(np.full((300, 500, 3), (200, 100, 50), np.uint8))
    assert shown.shape == (1, 224, 224, 3)
    assert shown.flags.c_contiguous
    np.testing.assert_allclose(shown[0, 0, 0], (50 - 104, 100 - 117, 200 - 123))


def test_the_network_sees_the_middle() -> None:
    framed = np.zeros((256, 256, 3), np.uint8)
    framed[16:240, 16:240] = 255
    assert network_input(framed).min() >= 255 - 123
