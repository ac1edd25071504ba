"""The notation of the lists, and how their entries are found."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.moderation.classifier import Classifier, Suspicion, read_weights
from services.moderation.lexicon import LexiconError, expand, read_lexicon
from services.moderation.text import TextJudge
from services.moderation.verdict import Label, Suggestion


class Unsuspecting(Classifier):
    """Suspects nothing, so that the lists alone speak."""

    def __init__(self) -> None:
        super().__init__(*read_weights())

    def suspicions(self, *_: object) -> Iterator[Suspicion]:
        return iter(())


def lists(folder: Path, english: str, chinese: str = "[block]\n坏事\n") -> Path:
    for language, text in (("en", english), ("zh", chinese)):
        (folder / language).mkdir(exist_ok=True)
        (folder / language / "violence.txt").write_text(text, encoding="utf-8")
    return folder


def suggestion(folder: Path, text: str) -> Suggestion:
    return TextJudge(read_lexicon(folder), Unsuspecting()).judge(text).suggestion


def test_alternatives_are_written_out() -> None:
    assert expand("(a|b) c(d|)") == ["a cd", "a c", "b cd", "b c"]


@pytest.mark.parametrize(
    "fault",
    [
        "no section",
        "[nonsense]\nbad",
        "[block]\n(open",
        "[block]\na | b",
        "[block]\na ~ b & c",
        "[block]\n(a|b) ~ ",
        "[block]\n" + "(a|b|c|d|e|f|g|h|i|j)" * 6,
        "[block]\n" + "long " * 60,
    ],
)
def test_a_fault_stops_the_start_and_is_placed(tmp_path: Path, fault: str) -> None:
    with pytest.raises(LexiconError, match=r"violence\.txt:\d"):
        read_lexicon(lists(tmp_path, fault))


def test_a_list_of_an_unknown_label_stops_the_start(tmp_path: Path) -> None:
    lists(tmp_path, "[block]\nbad\n")
    (tmp_path / "en" / "mischief.txt").write_text("[block]\nworse\n")
    with pytest.raises(LexiconError, match="mischief"):
        read_lexicon(tmp_path)


def test_missing_or_unreadable_lists_stop_the_start(tmp_path: Path) -> None:
    with pytest.raises(LexiconError, match="no word lists"):
        read_lexicon(tmp_path)
    lists(tmp_path, "[block]\nbad\n")
    (tmp_path / "en" / "violence.txt").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(LexiconError, match="can't be read"):
        read_lexicon(tmp_path)


def test_the_version_follows_the_content(tmp_path: Path) -> None:
    first = read_lexicon(lists(tmp_path, "[block]\nbad\n")).version
    assert read_lexicon(lists(tmp_path, "[block]\nbad\n")).version == first
    assert read_lexicon(lists(tmp_path, "[block]\nworse\n")).version != first


def test_labels_are_those_that_every_language_has(tmp_path: Path) -> None:
    lists(tmp_path, "[block]\nbad\n")
    (tmp_path / "en" / "fraud.txt").write_text("[block]\nscam\n")
    assert read_lexicon(tmp_path).labels() == {Label.VIOLENCE}


def test_english_matches_whole_words_only(tmp_path: Path) -> None:
    lists(tmp_path, "[block]\nass\n")
    assert suggestion(tmp_path, "a class in Sussex") is Suggestion.PASS
    assert suggestion(tmp_path, "an ass!") is Suggestion.BLOCK


def test_latin_letters_of_a_chinese_entry_are_not_cut_out_of_words(tmp_path: Path) -> None:
    lists(tmp_path, "[block]\nbad\n", "[block]\n加v\n")
    assert suggestion(tmp_path, "加vip会员") is Suggestion.PASS
    assert suggestion(tmp_path, "加 V 聊") is Suggestion.BLOCK


def test_parts_in_order_stand_near_each_other_in_one_sentence(tmp_path: Path) -> None:
    lists(tmp_path, "[block]\nbuy ~ poison\n")
    assert suggestion(tmp_path, "buy some good poison") is Suggestion.BLOCK
    assert suggestion(tmp_path, "poison to buy") is Suggestion.PASS
    assert suggestion(tmp_path, "Buy it. Poison is bad.") is Suggestion.PASS
    assert suggestion(tmp_path, "buy " + "very " * 20 + "poison") is Suggestion.PASS


def test_parts_in_any_order_are_found_both_ways(tmp_path: Path) -> None:
    lists(tmp_path, "[block]\nbuy & poison\n")
    assert suggestion(tmp_path, "buy poison") is Suggestion.BLOCK
    assert suggestion(tmp_path, "poison to buy") is Suggestion.BLOCK


def test_what_is_allowed_covers_what_stands_inside_it_only(tmp_path: Path) -> None:
    lists(tmp_path, "[block]\nkill him\n[allow]\nkill him with kindness\n")
    assert suggestion(tmp_path, "kill him with kindness") is Suggestion.PASS
    assert suggestion(tmp_path, "kill him with kindness or kill him") is Suggestion.BLOCK


def test_cues_of_a_list_excuse_its_own_label_only(tmp_path: Path) -> None:
    lists(tmp_path, "[block]\nkill him\n[reporting]\ngame\n")
    (tmp_path / "en" / "fraud.txt").write_text("[block]\nscam him\n")
    assert suggestion(tmp_path, "kill him in the game") is Suggestion.PASS
    assert suggestion(tmp_path, "scam him in the game") is Suggestion.BLOCK


def test_the_worst_of_a_label_is_told(tmp_path: Path) -> None:
    lists(tmp_path, "[review sad]\nsad words\n[block bad]\nbad words\n")
    (finding,) = (
        TextJudge(read_lexicon(tmp_path), Unsuspecting()).judge("sad words and bad words").findings
    )
    assert (finding.suggestion, finding.sub_label) == (Suggestion.BLOCK, "bad")
    assert len(finding.spans) == 2
