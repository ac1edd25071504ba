"""Which language a part of a text is read in."""

from __future__ import annotations

from itertools import pairwise

import pytest

from services.common.errors import UnsupportedLanguage
from services.tts.language import Language
from services.tts.scripts import check_scripts, main_language, runs_of

EN, ZH = Language.EN, Language.ZH


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello, world 3!", [("Hello, world 3!", EN)]),
        ("你好，3个！", [("你好，3个！", ZH)]),
        ("Say 你好, now", [("Say ", EN), ("你好, ", ZH), ("now", EN)]),
        ("用Python 3.12写代码", [("用", ZH), ("Python", EN), (" 3.12写代码", ZH)]),
        ("体重60kg左右", [("体重60kg左右", ZH)]),
        ("10:30 AM开会", [("10:30 AM开会", ZH)]),
        ("会议9a.m.开始", [("会议9a.m.开始", ZH)]),
        ("Please come at 10:30 AM, 好吗", [("Please come at 10:30 AM, ", EN), ("好吗", ZH)]),
        ("I am 5, AM I?", [("I am 5, AM I?", EN)]),
        ("售价100USD", [("售价100USD", ZH)]),
        ("约3万 RMB。", [("约3万 RMB。", ZH)]),
        ("仅US$100或EUR 90", [("仅US$100或EUR 90", ZH)]),
        ("100USDT是多少", [("100USDT", EN), ("是多少", ZH)]),
        ("第IV章", [("第IV章", ZH)]),
        ("第Ⅳ章", [("第Ⅳ章", ZH)]),
        ("第VIP室", [("第", ZH), ("VIP", EN), ("室", ZH)]),
        ("气温-5℃", [("气温-5℃", ZH)]),
        ("COVID-19疫情", [("COVID-", EN), ("19疫情", ZH)]),
        ("F-16战斗机", [("F-", EN), ("16战斗机", ZH)]),
        (
            "The COVID-19 疫情 is not over",
            [("The COVID-19 ", EN), ("疫情 ", ZH), ("is not over", EN)],
        ),
        ("<b>粗体</b>10个字", [("<b>", EN), ("粗体", ZH), ("</b>", EN), ("10个字", ZH)]),
        ("若3 < x则", [("若3 < ", ZH), ("x", EN), ("则", ZH)]),
        ("B2B模式", [("B2B", EN), ("模式", ZH)]),
        ("5 μm wide", [("5 μm wide", EN)]),
        ("42", [("42", ZH)]),
        ("二〇二六", [("二〇二六", ZH)]),
        ("", []),
    ],
)
def test_runs_follow_the_script(text: str, expected: list[tuple[str, Language]]) -> None:
    runs = runs_of(text, default=ZH)
    assert [(text[run.start : run.end], run.language) for run in runs] == expected


@pytest.mark.parametrize("written", ["我a", "我1a1", "1,", "a<b c=", "第I", "1 AM", "USD1"])
def test_the_longest_text_is_cut_into_runs_that_cover_it(written: str) -> None:
    text = (written * 20_000)[:20_000]
    runs = runs_of(text, default=ZH)
    assert [run.start for run in runs] == [0, *(run.end for run in runs[:-1])]
    assert runs[-1].end == len(text)
    assert all(one.language is not two.language for one, two in pairwise(runs))


def test_the_main_language_is_that_of_most_words() -> None:
    assert main_language("我用 Python 写代码", EN) is ZH
    assert main_language("I live in 北京 now", ZH) is EN
    assert main_language("123", ZH) is ZH


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("мир", "Cyrillic"),
        ("สวัสดี", "Thai"),
        ("مرحبا", "Arabic"),
        ("שלום", "Hebrew"),
        ("ひらがな", "Hiragana"),
        ("ｶﾀｶﾅ", "Katakana"),
        ("안녕", "Hangul"),
        ("λόγος", "Greek"),
        ("नमस्ते", "Devanagari"),
    ],
)
def test_other_scripts_are_refused_by_name(text: str, script: str) -> None:
    with pytest.raises(UnsupportedLanguage, match=script):
        check_scripts(f"Hello {text}")


@pytest.mark.parametrize("text", ["Zürich, naïve, ﬁne, Ａ１, 𝓗𝓲, Ⅳ, α", "😀 ™ № ½ ² ㎏ 々〇", ""])
def test_latin_and_han_in_all_their_forms_are_read(text: str) -> None:
    check_scripts(text)
