"""Which language a part of a text is read in."""

from __future__ import annotations

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
