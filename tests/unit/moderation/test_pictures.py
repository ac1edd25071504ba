"""Pictures: what follows from what models, text and faces say of them."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from services.common.errors import ImageUndecodable
from services.moderation.faces import Faces
from services.moderation.image import ImageJudge, Purpose
from services.moderation.image_model import (
    OpenNsfw,
    Picture,
    Score,
    Thresholds,
    open_nsfw_input,
)
from services.moderation.ocr import NO_TEXT, PictureText
from services.moderation.policy import DeniedPhrase, LabelRule, Policy, UncoveredRule
from services.moderation.text import TextJudge, open_text_judge
from services.moderation.verdict import HARMS, FindingSource, Label, Suggestion, Verdict


class Scoring:
    """A network that always gives the same score."""

    def __init__(self, score: float) -> None:
        self._score = score

    def __call__(self, image: NDArray[np.float32]) -> Mapping[str, NDArray[np.float32]]:
        return {"probabilities": np.array([[1 - self._score, self._score]], np.float32)}


class Written:
    """Reads the same in every picture."""

    version = "ocr-1"

    def __init__(self, text: PictureText) -> None:
        self._text = text

    def read(self, picture: Picture) -> PictureText:
        return self._text


class Peopled:
    """Sees the same faces in every picture."""

    version = "age-1@0.65/inf"

    def __init__(self, subjects: int, minor: float) -> None:
        self._faces = Faces(
            (30.0,) * subjects,
            subjects,
            Score(Label.MINOR, "face", minor, Thresholds(0.65)),
        )

    def look(self, picture: Picture) -> Faces:
        return self._faces


@cache
def texts() -> TextJudge:
    return open_text_judge()


def picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (40, 30), (200, 100, 50)).save(file, "PNG")
    return file.getvalue()


def judge_seeing(
    *,
    nudity: float = 0.0,
    text: PictureText = NO_TEXT,
    subjects: int = 1,
    minor: float = 0.0,
) -> ImageJudge:
    model = OpenNsfw(Scoring(nudity), Thresholds(0.5, 0.8), "nudity-1")
    return ImageJudge([model], Written(text), Peopled(subjects, minor), texts())


def portrait(judge: ImageJudge) -> Verdict:
    return judge.check(picture(), Purpose.PORTRAIT)


def lines(*written: str) -> PictureText:
    return PictureText(written, is_whole=True)


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
@pytest.mark.parametrize("purpose", Purpose)
def test_the_score_decides(score: float, suggestion: Suggestion, purpose: Purpose) -> None:
    verdict = judge_seeing(nudity=score).check(picture(), purpose)
    assert verdict.suggestion is suggestion


def test_a_finding_names_the_model_and_no_place() -> None:
    (finding,) = portrait(judge_seeing(nudity=0.9)).findings
    assert (finding.label, finding.source) == (Label.SEXUAL, FindingSource.MODEL)
    assert (finding.sub_label, finding.spans) == ("nudity", ())
    assert finding.score == pytest.approx(0.9)


def test_an_account_may_have_thresholds_of_its_own() -> None:
    rules = (LabelRule(Label.SEXUAL, block_from=0.6), LabelRule(Label.MINOR, review_from=0.9))
    policy = Policy(3, rules)
    judge = judge_seeing(nudity=0.6, minor=0.8)
    verdict = judge.check(picture(), Purpose.PORTRAIT, policy)
    assert [(found.label, found.suggestion) for found in verdict.findings] == [
        (Label.SEXUAL, Suggestion.BLOCK)
    ]
    assert verdict.policy_version.endswith("+account-3")


def test_an_account_may_rule_what_follows_from_a_finding() -> None:
    policy = Policy(1, (LabelRule(Label.PORTRAIT, Suggestion.BLOCK),))
    verdict = judge_seeing(subjects=2).check(picture(), Purpose.PORTRAIT, policy)
    assert verdict.suggestion is Suggestion.BLOCK


@pytest.mark.parametrize(
    ("rule", "subjects", "told"),
    [
        (UncoveredRule.PASS, 0, []),
        (UncoveredRule.PASS, 2, []),
        (UncoveredRule.REVIEW, 1, ["not_covered"]),
        (UncoveredRule.SINGLE_FACE, 1, []),
        (UncoveredRule.SINGLE_FACE, 2, ["several_faces"]),
    ],
)
def test_an_account_decides_about_what_no_model_covers(
    rule: UncoveredRule, subjects: int, told: list[str]
) -> None:
    judge = judge_seeing(subjects=subjects)
    verdict = judge.check(picture(), Purpose.PORTRAIT, Policy(uncovered=rule))
    assert [found.sub_label for found in verdict.findings] == told
    assert verdict.suggestion is (Suggestion.REVIEW if told else Suggestion.PASS)
    background = judge.check(picture(), Purpose.BACKGROUND, Policy(uncovered=rule))
    assert background.suggestion is Suggestion.PASS


def test_an_accounts_own_phrases_are_found_in_pictures() -> None:
    denied = DeniedPhrase("Brand Nine", Label.ILLICIT, Suggestion.REVIEW)
    judge = judge_seeing(text=lines("BRAND", "NINE"))
    verdict = judge.check(picture(), Purpose.BACKGROUND, Policy(1, deny=(denied,)))
    assert [(found.label, found.suggestion) for found in verdict.findings] == [
        (Label.ILLICIT, Suggestion.REVIEW)
    ]


def test_only_what_models_look_for_is_evaluated() -> None:
    verdict = portrait(judge_seeing())
    assert verdict.evaluated == (Label.SEXUAL, Label.MINOR, Label.PORTRAIT)
    assert verdict.not_evaluated == tuple(label for label in HARMS if label is not Label.SEXUAL)
    assert verdict.policy_version.startswith("nudity-1@0.5/0.8+ocr-1+age-1@0.65/inf+lists-")


def test_what_is_no_picture_is_an_error() -> None:
    with pytest.raises(ImageUndecodable):
        judge_seeing().check(b"no picture", Purpose.PORTRAIT)


@pytest.mark.parametrize(
    ("written", "label"),
    [
        (["I will kill you and your kids"], Label.VIOLENCE),
        (["澳门百家乐平台，注册送彩金"], Label.GAMBLING),
        (["I will", "kill you"], Label.VIOLENCE),
        (["老子要", "弄死你全家"], Label.VIOLENCE),
        (["Happy birthday", "I will kill you"], Label.VIOLENCE),
    ],
)
def test_text_in_a_picture_is_judged_as_text(written: Sequence[str], label: Label) -> None:
    verdict = judge_seeing(text=lines(*written)).check(picture(), Purpose.BACKGROUND)
    assert verdict.suggestion is Suggestion.BLOCK
    assert (verdict.findings[0].label, verdict.findings[0].sub_label) == (label, "text")
    assert verdict.findings[0].spans == ()


@pytest.mark.parametrize(
    "written",
    [
        ["Happy birthday, dear Anna!"],
        ["禁止赌博"],
        ["今天天气很好，", "我们去公园吧"],
        ["SALE", "50%"],
    ],
)
def test_harmless_text_passes(written: Sequence[str]) -> None:
    assert portrait(judge_seeing(text=lines(*written))).suggestion is Suggestion.PASS


def test_text_in_a_picture_is_never_shown() -> None:
    judge = judge_seeing(text=lines("I will kill you"))
    evidence = judge.examine(picture(), Purpose.PORTRAIT)
    assert "kill" not in repr(evidence)
    assert "kill" not in repr(judge.judge(evidence))


@pytest.mark.parametrize(
    "text",
    [lines("Это длинный русский текст на картинке"), PictureText(("hello",), is_whole=False)],
)
def test_text_that_is_not_read_is_for_a_person(text: PictureText) -> None:
    assert portrait(judge_seeing(text=text)).suggestion is Suggestion.REVIEW


@pytest.mark.parametrize(
    ("subjects", "sub_label"), [(0, "no_clear_face"), (2, "several_faces"), (5, "several_faces")]
)
def test_a_portrait_needs_a_single_clear_face(subjects: int, sub_label: str) -> None:
    judge = judge_seeing(subjects=subjects)
    verdict = portrait(judge)
    assert verdict.suggestion is Suggestion.REVIEW
    (finding,) = verdict.findings
    assert (finding.label, finding.sub_label) == (Label.PORTRAIT, sub_label)
    assert portrait(judge_seeing()).suggestion is Suggestion.PASS
    for purpose in (Purpose.UNKNOWN, Purpose.BACKGROUND):
        other = judge.check(picture(), purpose)
        assert other.suggestion is Suggestion.PASS
        assert Label.PORTRAIT not in other.evaluated


def test_a_face_that_may_be_a_childs_is_for_a_person() -> None:
    judge = judge_seeing(minor=0.99)
    for purpose in (Purpose.PORTRAIT, Purpose.UNKNOWN):
        verdict = judge.check(picture(), purpose)
        assert verdict.suggestion is Suggestion.REVIEW
        (finding,) = verdict.findings
        assert (finding.label, finding.score) == (Label.MINOR, 0.99)
    assert portrait(judge_seeing(minor=0.64)).suggestion is Suggestion.PASS


def test_nobody_looks_for_faces_in_backgrounds() -> None:
    judge = judge_seeing(minor=0.99, subjects=3)
    verdict = judge.check(picture(), Purpose.BACKGROUND)
    assert verdict.suggestion is Suggestion.PASS
    assert verdict.evaluated == (Label.SEXUAL,)


def test_the_worst_is_told_first() -> None:
    verdict = portrait(judge_seeing(nudity=0.6, subjects=0, text=lines("I will kill you")))
    assert [found.label for found in verdict.findings] == [
        Label.VIOLENCE,
        Label.PORTRAIT,
        Label.SEXUAL,
    ]


def test_the_network_sees_blue_green_red_without_the_mean() -> None:
    shown = open_nsfw_input(np.full((300, 500, 3), (200, 100, 50), np.uint8))
    assert shown.shape == (1, 224, 224, 3)
    assert shown.flags.c_contiguous
    np.testing.assert_allclose(shown[0, 0, 0], (50 - 104, 100 - 117, 200 - 123))


def test_the_network_sees_the_middle() -> None:
    framed = np.zeros((256, 256, 3), np.uint8)
    framed[16:240, 16:240] = 255
    assert open_nsfw_input(framed).min() >= 255 - 123
