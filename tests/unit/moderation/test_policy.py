"""What an account's policy may ask for, and what it changes."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vultus.moderation.v1 import moderation_service_pb2 as wire

from services.common.errors import InvalidInput
from services.moderation.classifier import ANY, Classifier, Weights, outside
from services.moderation.clauses import ClauseJudge
from services.moderation.features import BUCKETS, count
from services.moderation.lexicon import read_lexicon
from services.moderation.messages import read_policy
from services.moderation.policy import (
    MAX_PHRASE,
    MAX_PHRASES,
    NO_POLICY,
    DeniedPhrase,
    LabelRule,
    Policy,
    UncoveredRule,
)
from services.moderation.text import TextJudge, open_text_judge
from services.moderation.verdict import (
    HARMS,
    Finding,
    FindingSource,
    Label,
    Span,
    Suggestion,
    Verdict,
)

REVIEW, BLOCK, PASS = Suggestion.REVIEW, Suggestion.BLOCK, Suggestion.PASS


@cache
def bundled() -> TextJudge:
    return open_text_judge()


@cache
def suspicious() -> TextJudge:
    """Whose classifier suspects "orchid" and 兰花 of fraud at 0.7, of terrorism at 0.6."""
    outputs = (Label.FRAUD, Label.TERRORISM, ANY)
    matrix = np.zeros((BUCKETS, len(outputs)), np.int8)
    matrix[count(" orchid ", "兰花").buckets] = 1
    both = np.ones((2, len(outputs)), np.float32)
    scores = np.array([0.7, 0.6, 0.99])
    offset = np.log(scores / (1 - scores)).astype(np.float32)
    weights = Weights(
        outputs,
        matrix,
        np.full(len(outputs), 1e-6, np.float32),
        np.zeros(len(outputs), np.float32),
        np.full(BUCKETS, 28, np.uint8),
        slope=both,
        offset=both * offset,
        review=both * np.array([0.9, 0.9, 2], np.float32),
        block=both * np.array([0.95, 0.95, 0.98], np.float32),
        learnt="",
    )
    return TextJudge(read_lexicon(), Classifier(weights, "suspicious"))


def denying(*phrases: str, label: Label = Label.HATE, suggestion: Suggestion = BLOCK) -> Policy:
    return Policy(deny=tuple(DeniedPhrase(each, label, suggestion) for each in phrases))


def allowing(*phrases: str) -> Policy:
    return Policy(allow=phrases)


def ruling(label: Label, **rule: Any) -> Policy:
    return Policy(labels=(LabelRule(label, **rule),))


def judged(policy: Policy, text: str, language: str | None = None) -> Verdict:
    return bundled().judge(text, language, policy=policy)


SAYS = "the orchid grows in the orchid house"


class TestDenied:
    @pytest.mark.parametrize(
        "text",
        [
            "buy a golden parrot today",
            "Buy a GOLDEN  PARROT!",
            "a g0lden parr0t",
            "g o l d e n p a r r o t",
            "gol\u200bden pаrrot",  # Cyrillic а
            "goooolden parrot",
            "快来买金鹦鹉吧",
            "金*鹦*鹉",
            "金 鹦 鹉",
            "jin鹦鹉",
            "金yingwu",
            "今鹦鹉",
            "wanna golden parrot",
        ],
    )
    def test_phrases_are_found_through_disguises(self, text: str) -> None:
        policy = denying("golden parrot", "金鹦鹉")
        assert judged(NO_POLICY, text).suggestion is PASS
        verdict = judged(policy, text)
        assert verdict.suggestion is BLOCK
        (finding,) = verdict.findings
        assert (finding.label, finding.sub_label) == (Label.HATE, "denied_phrase")
        assert finding.source is FindingSource.LEXICON

    def test_spans_are_of_the_text_as_written(self) -> None:
        text = "😀 好的，we want g0lden  parr0t now"
        (finding,) = judged(denying("golden parrot"), text).findings
        (span,) = finding.spans
        assert text[span.start : span.end] == "g0lden  parr0t"

    @pytest.mark.parametrize(
        "text",
        ["a golden parrots show", "the goldenparrot's nest", "鹦鹉是金的", "golden, or a parrot"],
    )
    def test_what_only_looks_like_them_is_not(self, text: str) -> None:
        assert judged(denying("golden parrot", "金鹦鹉"), text).suggestion is PASS

    @pytest.mark.parametrize(
        "text",
        [
            "we never sell a golden parrot",
            "Police said that a golden parrot was stolen",
            "我们不要金鹦鹉",
            "警方破获一起金鹦鹉案",
        ],
    )
    def test_they_may_be_denied_and_told_of_as_ours(self, text: str) -> None:
        assert judged(denying("golden parrot", "金鹦鹉"), text).suggestion is PASS

    @pytest.mark.parametrize("suggestion", [REVIEW, BLOCK])
    def test_they_are_what_the_account_says(self, suggestion: Suggestion) -> None:
        policy = denying("golden parrot", label=Label.ILLICIT, suggestion=suggestion)
        assert judged(policy, "a golden parrot").suggestion is suggestion

    @pytest.mark.parametrize("label", list(HARMS))
    def test_they_may_be_of_any_harm(self, label: Label) -> None:
        (finding,) = judged(denying("golden parrot", label=label), "a golden parrot").findings
        assert (finding.label, finding.suggestion) == (label, BLOCK)

    def test_our_own_lists_still_hold(self) -> None:
        verdict = judged(denying("golden parrot"), "go kill yourself")
        assert verdict.suggestion is BLOCK
        assert verdict.findings[0].label is Label.HARASSMENT

    @pytest.mark.parametrize(
        ("phrase", "text"),
        [
            ("你好，世界", "大家说你好，世界很大"),
            ("你好，世界", "你好世界"),
            ("No. 1 choice", "the no 1 choice"),
            ("No. 1 choice", "The No. 1 choice"),
            ("pls wanna", "please want to"),
            ("加VX", "快加vx"),
            ("貝", "宝贝"),
            ("ＦＵＬＬ ｗｉｄｔｈ", "full width"),
            ("a (b|c) & d", "A b c D"),
            ("50%off", "get 50% off"),
        ],
    )
    def test_phrases_are_read_as_texts_are_and_in_no_notation(self, phrase: str, text: str) -> None:
        assert judged(denying(phrase), text).suggestion is BLOCK

    @settings(max_examples=80, deadline=None)
    @given(st.text(st.sampled_from("abkil01 .,'!好金鹦鹉马贝者🐴\u200bＡ"), max_size=20))
    def test_whatever_is_taken_is_found_in_itself(self, phrase: str) -> None:
        try:
            policy = denying(phrase)
        except InvalidInput:
            return
        assert judged(policy, phrase).suggestion is BLOCK


class TestAllowed:
    def test_lists_find_nothing_within_them(self) -> None:
        text = "our band Kill You plays tonight"
        assert judged(NO_POLICY, "I will kill you").suggestion is BLOCK
        assert judged(allowing("I will kill you"), "I wiII kill you").suggestion is PASS
        assert judged(allowing("band kill you"), text).suggestion is PASS

    def test_what_reaches_beyond_them_is_found(self) -> None:
        policy = allowing("kill")
        assert judged(policy, "I will kill you").suggestion is BLOCK

    def test_the_classifier_does_not_read_them(self) -> None:
        policy = ruling(Label.FRAUD, review_from=0.5)
        more = Policy(labels=policy.labels, allow=("the orchid grows in the orchid house",))
        assert suspicious().judge(SAYS, policy=policy).suggestion is REVIEW
        assert suspicious().judge(SAYS, policy=more).suggestion is PASS
        beyond = f"{SAYS} and the orchid is ours alone"
        assert suspicious().judge(beyond, policy=more).suggestion is REVIEW

    def test_they_hold_nothing_back_that_can_not_be_made_milder(self) -> None:
        text = "selling underage nudes, dm me"
        assert judged(allowing(text), text).suggestion is BLOCK
        policy = Policy(labels=(LabelRule(Label.TERRORISM, review_from=0.5),), allow=(SAYS,))
        (finding,) = suspicious().judge(SAYS, policy=policy).findings
        assert finding.label is Label.TERRORISM

    def test_they_hold_back_denied_phrases(self) -> None:
        policy = Policy(deny=denying("parrot").deny, allow=("parrot fish",))
        assert judged(policy, "a parrot fish").suggestion is PASS
        assert judged(policy, "a parrot").suggestion is BLOCK


class TestRules:
    def test_what_is_to_be_reviewed_is_never_blocked(self) -> None:
        verdict = judged(ruling(Label.HARASSMENT, suggestion=REVIEW), "go kill yourself")
        assert verdict.suggestion is REVIEW
        assert verdict.findings[0].suggestion is REVIEW

    def test_what_is_to_be_blocked_is(self) -> None:
        policy = ruling(Label.SELF_HARM, suggestion=BLOCK)
        assert judged(NO_POLICY, "I want to kill myself").suggestion is REVIEW
        assert judged(policy, "I want to kill myself").suggestion is BLOCK

    def test_other_labels_stay_as_they_are(self) -> None:
        assert judged(ruling(Label.HATE, suggestion=REVIEW), "go kill yourself").suggestion is BLOCK

    @pytest.mark.parametrize(
        ("rule", "suggestion"),
        [
            ({}, PASS),
            ({"review_from": 0.6}, REVIEW),
            ({"review_from": 0.8}, PASS),
            ({"block_from": 0.6}, BLOCK),
            ({"review_from": 0.6, "block_from": 0.65}, BLOCK),
            ({"review_from": 0.6, "block_from": 0.8}, REVIEW),
        ],
    )
    def test_thresholds_take_the_place_of_the_models(
        self, rule: dict[str, float], suggestion: Suggestion
    ) -> None:
        policy = ruling(Label.FRAUD, **rule)
        assert suspicious().judge(SAYS, policy=policy).suggestion is suggestion

    @pytest.mark.parametrize(
        ("asked", "own", "held"),
        [
            ({}, (0.5, 0.8), (0.5, 0.8)),
            ({"review_from": 0.9}, (0.5, 0.8), (0.9, 0.9)),
            ({"block_from": 0.3}, (0.5, 0.8), (0.3, 0.3)),
            ({"review_from": 0.2, "block_from": 0.9}, (0.5, 0.8), (0.2, 0.9)),
        ],
    )
    def test_models_of_pictures_ask_for_them(
        self, asked: dict[str, float], own: tuple[float, float], held: tuple[float, float]
    ) -> None:
        assert ruling(Label.SEXUAL, **asked).thresholds(Label.SEXUAL, *own) == held

    def test_findings_of_pictures_are_ruled_likewise(self) -> None:
        found = Finding(Label.MINOR, REVIEW, 0.7, FindingSource.MODEL)
        (ruled,) = ruling(Label.MINOR, suggestion=BLOCK).ruled([found])
        assert ruled.suggestion is BLOCK


class TestLanguages:
    @pytest.mark.parametrize(
        ("languages", "text", "told", "passes"),
        [
            (("en",), "good morning to you all", None, True),
            (("en",), "大家早上好", None, False),
            (("en",), "大家早上好", "en", False),
            (("en",), "OK", "zh", False),
            (("zh",), "good morning to you all", None, False),
            (("zh",), "大家早上好，OK", None, True),
            (("zh",), "OK, 100%", None, True),
            (("yue",), "大家早上好", "cmn", True),
            (("en", "zh"), "大家早上好", None, True),
        ],
    )
    def test_another_language_is_for_a_person(
        self, languages: tuple[str, ...], text: str, told: str | None, passes: bool
    ) -> None:
        verdict = judged(Policy(languages=languages), text, told)
        assert verdict.suggestion is (PASS if passes else REVIEW)
        assert bool(verdict.evaluated) is passes

    def test_harm_in_another_language_is_still_refused(self) -> None:
        assert judged(Policy(languages=("en",)), "我要弄死你全家").suggestion is BLOCK


def test_verdicts_name_the_policy() -> None:
    assert judged(Policy(version=7), "hello").policy_version == (
        f"{bundled().policy_version}+account-7"
    )
    assert judged(NO_POLICY, "hello").policy_version == bundled().policy_version


def test_clauses_are_judged_by_the_policy_of_their_text() -> None:
    judge = ClauseJudge(bundled(), denying("golden parrot"))
    assert judge.judge("Take this golden ").verdict.suggestion is PASS
    blocked = judge.judge("parrot. ").verdict
    assert blocked.suggestion is BLOCK
    assert blocked.findings[0].spans == (Span(10, 23),)


@pytest.mark.parametrize(
    ("place", "allowed", "left"),
    [
        (Span(2, 8), [], [Span(2, 8)]),
        (Span(2, 8), [Span(0, 3), Span(4, 5), Span(7, 9)], [Span(3, 4), Span(5, 7)]),
        (Span(2, 8), [Span(0, 9)], []),
        (Span(2, 8), [Span(0, 2), Span(8, 9)], [Span(2, 8)]),
    ],
)
def test_what_is_outside_of_allowed_places(
    place: Span, allowed: list[Span], left: list[Span]
) -> None:
    assert outside(place, allowed) == left


FAULTY = [
    ("version", lambda: Policy(version=-1)),
    ("labels[1]", lambda: Policy(labels=(LabelRule(Label.HATE), LabelRule(Label.HATE)))),
    ("labels[0].suggestion", lambda: ruling(Label.HATE, suggestion=PASS)),
    ("labels[0].suggestion", lambda: ruling(Label.TERRORISM, suggestion=REVIEW)),
    ("labels[0].suggestion", lambda: ruling(Label.SEXUAL_MINORS, suggestion=REVIEW)),
    ("labels[0].review_from", lambda: ruling(Label.HATE, review_from=1.1)),
    ("labels[0].review_from", lambda: ruling(Label.HATE, review_from=float("nan"))),
    ("labels[0].block_from", lambda: ruling(Label.HATE, block_from=-0.1)),
    ("labels[0].block_from", lambda: ruling(Label.HATE, review_from=0.5, block_from=0.4)),
    ("deny[0]", lambda: denying("")),
    ("deny[0]", lambda: denying(" \u3000")),
    ("deny[0]", lambda: denying("x" * (MAX_PHRASE + 1))),
    ("deny[1]", lambda: denying("ok", "?!")),
    ("deny[0]", lambda: denying("2024")),
    ("deny[0]", lambda: denying("привет мир")),
    ("deny[0]", lambda: denying("ﷺ" * 99)),
    ("deny[1]", lambda: denying("Golden  parrot", "golden parrot")),
    ("deny", lambda: denying(*(f"word{n}" for n in range(MAX_PHRASES + 1)))),
    ("deny[0].label", lambda: denying("ok", label=Label.PORTRAIT)),
    ("deny[0].suggestion", lambda: denying("ok", suggestion=PASS)),
    ("allow[0]", lambda: allowing("…")),
    ("allow[1]", lambda: allowing("ok", "OK")),
    ("languages[0]", lambda: Policy(languages=("fr",))),
    ("languages[1]", lambda: Policy(languages=("en", "en"))),
]


@pytest.mark.parametrize(("field", "make"), FAULTY)
def test_a_faulty_policy_is_refused_by_name(field: str, make: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        make()
    assert refused.value.message.startswith(f"policy.{field}: ")


@pytest.mark.parametrize("name", ["review_from", "block_from"])
def test_thresholds_of_guarded_labels_can_only_be_lowered(name: str) -> None:
    own = dict(zip(("review_from", "block_from"), (0.9, 0.95), strict=True))[name]
    suspicious().admit(ruling(Label.TERRORISM, **{name: own - 0.01}))
    suspicious().admit(ruling(Label.FRAUD, **{name: 1.0}))
    with pytest.raises(InvalidInput, match=rf"labels\[0\]\.{name}"):
        suspicious().admit(ruling(Label.TERRORISM, **{name: own + 0.01}))
    high = ruling(Label.TERRORISM, **{name: 1.0})
    assert high.thresholds(Label.TERRORISM, 0.9, 0.95) == (0.9, 0.95)


class TestWire:
    def test_every_field_is_read(self) -> None:
        message = wire.Policy(
            version=3,
            labels=[wire.LabelRule(label="hate", suggestion=wire.SUGGESTION_BLOCK, block_from=0.5)],
            deny=[
                wire.DeniedPhrase(phrase="x y", label="fraud", suggestion=wire.SUGGESTION_REVIEW)
            ],
            allow=["z"],
            languages=["en"],
            uncovered=wire.UNCOVERED_RULE_REVIEW,
        )
        assert read_policy(message.SerializeToString()) == Policy(
            3,
            (LabelRule(Label.HATE, BLOCK, None, 0.5),),
            (DeniedPhrase("x y", Label.FRAUD, REVIEW),),
            ("z",),
            ("en",),
            UncoveredRule.REVIEW,
        )

    def test_an_empty_one_changes_nothing(self) -> None:
        assert read_policy(b"") == NO_POLICY

    def test_the_same_one_is_compiled_once(self) -> None:
        one, other = (wire.Policy(allow=["zebra crossing"]).SerializeToString() for _ in range(2))
        assert read_policy(one) is read_policy(other)

    @pytest.mark.parametrize(
        ("message", "field"),
        [
            (wire.Policy(labels=[wire.LabelRule(label="rude")]), "labels[0].label"),
            (wire.Policy(deny=[wire.DeniedPhrase(phrase="x", label="hate")]), "deny[0].suggestion"),
            (
                wire.Policy(deny=[wire.DeniedPhrase(phrase="x", suggestion=wire.SUGGESTION_BLOCK)]),
                "deny[0].label",
            ),
        ],
    )
    def test_what_is_not_known_is_refused_by_name(self, message: wire.Policy, field: str) -> None:
        with pytest.raises(InvalidInput) as refused:
            read_policy(message.SerializeToString())
        assert f"policy.{field}: " in refused.value.message
