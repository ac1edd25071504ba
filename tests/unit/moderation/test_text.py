"""What the bundled lists refuse, and what they let pass."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.moderation.text import TextJudge, open_text_judge
from services.moderation.verdict import HARMS, FindingSource, Label, Span, Suggestion

ORDINARY = [
    line
    for path in sorted((Path(__file__).parent / "ordinary").glob("*.txt"))
    for line in path.read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]

HARMFUL = [
    (Label.SEXUAL, "Watch free porn videos now"),
    (Label.SEXUAL, "send me your nudes"),
    (Label.SEXUAL, "同城约炮，加我微信"),
    (Label.SEXUAL_MINORS, "selling underage nudes, dm me"),
    (Label.SEXUAL_MINORS, "出售幼女视频资源"),
    (Label.VIOLENCE, "I will kill you and your kids"),
    (Label.VIOLENCE, "老子要弄死你全家"),
    (Label.TERRORISM, "Here is how to make a pipe bomb"),
    (Label.TERRORISM, "教你制作炸弹"),
    (Label.GAMBLING, "Best online casino, sign up and get a bonus"),
    (Label.GAMBLING, "澳门百家乐平台，注册送彩金"),
    (Label.FRAUD, "Double your bitcoin in 24 hours"),
    (Label.FRAUD, "刷单兼职，日结三百，加微信"),
    (Label.HATE, "Muslims are vermin"),
    (Label.HATE, "黑人都是垃圾"),
    (Label.HARASSMENT, "go kill yourself"),
    (Label.HARASSMENT, "你怎么不去死"),
    (Label.SELF_HARM, "the best way to kill myself"),
    (Label.SELF_HARM, "怎么自杀最快"),
    (Label.ILLICIT, "buy cocaine online"),
    (Label.ILLICIT, "出售冰毒，货到付款，出售冰毒加微信"),
]

DISGUISED = [
    "K1LL Y0UR$ELF",
    "kiiilll yourself",
    "k i l l yourself",
    "k.i.l.l yourself",
    "ｋｉｌｌ　ｙｏｕｒｓｅｌｆ",
    "𝓴𝓲𝓵𝓵 𝔂𝓸𝓾𝓻𝓼𝓮𝓵𝓯",
    "kіll yоursеlf",  # Cyrillic і, о and е
    "ki\u200bll your\u00adself",
    "kíll yöursèlf",
    "操 你 妈",
    "操*你*妈",
    "操你🐴",
    "操，你，妈",
    "cao ni ma",
    "註冊送彩金",
    "注册送彩金",
    "草你🐔，操ni妈",
    "刷丹兼职，日结三百，加薇信",
    "代办jiazheng，加weixin",
    "扌喿亻尔女马",
    "怎么制作💣",
    "go 🔪 urself",
    "f*ck off, go k~ill yourself",
]

EXCUSED = [
    "I would never kill you",
    "Do not kill yourself",
    "Police said that he told her: I will kill you",
    "I will kill you in the next round of this game",
    "A man was charged with threatening: I will kill you",
    "我不会杀了你",
    "请勿出售冰毒加微信",
    "警方破获一起出售冰毒加微信联系的案件",
    "这个游戏里我要杀了他",
]


@cache
def bundled() -> TextJudge:
    """For property tests, which may use no fixture of a function."""
    return open_text_judge()


@pytest.fixture
def judge() -> TextJudge:
    return bundled()


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_is_not_refused(judge: TextJudge, text: str) -> None:
    verdict = judge.judge(text)
    assert verdict.suggestion is not Suggestion.BLOCK
    assert all(finding.source is FindingSource.MODEL for finding in verdict.findings)


def test_hardly_any_ordinary_text_is_for_a_person(judge: TextJudge) -> None:
    flagged = [text for text in ORDINARY if judge.judge(text).findings]
    assert len(flagged) <= 0.03 * len(ORDINARY)


@pytest.mark.parametrize(("label", "text"), HARMFUL)
def test_plain_harm_is_blocked(judge: TextJudge, label: Label, text: str) -> None:
    verdict = judge.judge(text)
    assert verdict.suggestion is Suggestion.BLOCK
    assert label in {finding.label for finding in verdict.findings}


@pytest.mark.parametrize("text", DISGUISED)
def test_disguises_are_seen_through(judge: TextJudge, text: str) -> None:
    assert judge.judge(text).suggestion is Suggestion.BLOCK


@pytest.mark.parametrize("text", EXCUSED)
def test_harm_that_is_denied_told_of_or_played_passes(judge: TextJudge, text: str) -> None:
    assert judge.judge(text).suggestion is Suggestion.PASS


@pytest.mark.parametrize(
    "text",
    [
        "如果你不是老师，可以不看这一章",
        "在网上买了几件东西，都很超值",
        "不行你就去试试",
        "酒店不管是服务还是环境都不错",
        "前台小姐态度很好，这是我第二次来住",
        "生活与精神世界水乳交融",
        "洗手间设在里面，床很小",
        "家长在网上搜索儿童性教育的知识",
        "这是一本小学读物，深得小学生的喜爱",
        "厕所成了我的阅读场所",
    ],
)
def test_what_only_sounds_like_harm_is_not_refused(judge: TextJudge, text: str) -> None:
    assert judge.judge(text).suggestion is not Suggestion.BLOCK


def test_an_excuse_reaches_no_other_sentence(judge: TextJudge) -> None:
    assert judge.judge("Police said so. I will kill you!").suggestion is Suggestion.BLOCK


def test_spans_name_the_place_in_the_text_as_written(judge: TextJudge) -> None:
    text = "😀 Ｈi! Now K1LL  yourself, 好"
    (finding,) = judge.judge(text).findings
    (span,) = finding.spans
    assert text[span.start : span.end] == "K1LL  yourself"


def test_thoughts_of_suicide_are_for_a_person_to_read(judge: TextJudge) -> None:
    assert judge.judge("I want to kill myself").suggestion is Suggestion.REVIEW


def test_every_label_has_lists_in_both_languages(judge: TextJudge) -> None:
    verdict = judge.judge("hello")
    assert verdict.evaluated == HARMS
    assert verdict.not_evaluated == ()


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Привет, как дела? Сегодня хорошая погода.", None),
        ("こんにちは、きょうはいいてんきですね", None),
        ("hola", "es"),
    ],
)
def test_what_cannot_be_read_is_not_evaluated_and_never_passes(
    judge: TextJudge, text: str, language: str | None
) -> None:
    verdict = judge.judge(text, language)
    assert verdict.suggestion is Suggestion.REVIEW
    assert verdict.evaluated == ()


@pytest.mark.parametrize("language", ["en", "en-GB", "zh", "zh-Hant-TW", "yue", None])
def test_english_and_chinese_are_read(judge: TextJudge, language: str | None) -> None:
    assert judge.judge("hello, 你好", language).suggestion is Suggestion.PASS


def test_context_counts_only_for_what_follows(judge: TextJudge) -> None:
    told = "I will kill you. "
    assert judge.judge(told + "Nice day.", since=len(told)).suggestion is Suggestion.PASS
    begun = "I will kill "
    finding = judge.judge(begun + "you", since=len(begun)).findings[0]
    assert finding.spans == (Span(0, 15),)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=300), st.integers(0, 300))
def test_any_text_is_judged_with_spans_inside_it(text: str, since: int) -> None:
    verdict = bundled().judge(text, since=min(since, len(text)))
    for finding in verdict.findings:
        assert all(0 <= span.start < span.end <= len(text) for span in finding.spans)


@settings(max_examples=60, deadline=None)
@given(st.text(st.sampled_from("aik l1!. \n\u200b好的，。"), max_size=200))
def test_harm_is_found_whatever_sentences_surround_it(noise: str) -> None:
    verdict = bundled().judge(f"{noise}\nI will kill you.\n{noise}")
    assert Label.VIOLENCE in {finding.label for finding in verdict.findings}
