"""Judges text by the lists; harm that is denied or reported is told apart from harm."""

from __future__ import annotations

import unicodedata
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cache
from types import MappingProxyType

from services.moderation.lexicon import Kind, Language, Lexicon
from services.moderation.matching import Hit, Matcher, disjoint, harmful
from services.moderation.normalisation import sentence_numbers
from services.moderation.verdict import (
    Finding,
    FindingSource,
    Label,
    Suggestion,
    Verdict,
    verdict_on,
)

_SUGGESTIONS = MappingProxyType({Kind.BLOCK: Suggestion.BLOCK, Kind.REVIEW: Suggestion.REVIEW})
_SCORES = MappingProxyType({Suggestion.BLOCK: 0.95, Suggestion.REVIEW: 0.6})
_NEGATION_REACH = MappingProxyType({Language.ENGLISH: 32, Language.CHINESE: 10})
_FARTHEST_NEGATION = max(_NEGATION_REACH.values())
_CLAUSE_MARKS = frozenset(",，;；:：.。!！?？\n")
_READABLE_LANGUAGES = frozenset({"en", "zh", "cmn", "yue"})
_MIN_FOREIGN_LETTERS = 8
_MAX_FOREIGN_SHARE = 0.3


def reads_language(language: str) -> bool:
    """Whether there are lists for a BCP 47 language."""
    return language.split("-")[0].lower() in _READABLE_LANGUAGES


def reads_script(text: str) -> bool:
    """Whether a text is written as English and Chinese are, but for a little."""
    letters = sum(map(str.isalpha, text))
    foreign = sum(map(_is_foreign, text))
    return foreign < _MIN_FOREIGN_LETTERS or foreign <= _MAX_FOREIGN_SHARE * letters


@cache
def _is_foreign(character: str) -> bool:
    if not character.isalpha():
        return False
    name = unicodedata.name(unicodedata.normalize("NFKC", character)[0], "")
    return not name.startswith(("LATIN", "CJK"))


class TextJudge:
    """Judges texts; stateless, so threads may share it."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._matcher = Matcher(lexicon.lines)
        self._labels = lexicon.labels()
        self.policy_version = f"lists-{lexicon.version}"

    def judge(self, text: str, language: str | None = None, *, since: int = 0) -> Verdict:
        """The verdict on a text; spans count from its start.

        What stands before position `since` is context: a finding may begin there, but one that
        ends there is not reported. A text that nothing here can read is for a person to decide.
        """
        readable = reads_script(text[since:]) and (language is None or reads_language(language))
        return verdict_on(
            self._findings(text, since),
            evaluated=self._labels if readable else (),
            policy_version=self.policy_version,
            otherwise=Suggestion.PASS if readable else Suggestion.REVIEW,
        )

    def _findings(self, text: str, since: int) -> Iterator[Finding]:
        by_label: dict[Label, list[Hit]] = defaultdict(list)
        for hit in _meant(self._matcher.find(self._matcher.read(text)), text):
            if hit.entry.label is not None and hit.span.end > since:
                by_label[hit.entry.label].append(hit)
        for label, hits in by_label.items():
            worst = max(hits, key=lambda hit: _SUGGESTIONS[hit.entry.kind])
            suggestion = _SUGGESTIONS[worst.entry.kind]
            yield Finding(
                label,
                suggestion,
                _SCORES[suggestion],
                FindingSource.LEXICON,
                disjoint(hit.span for hit in hits),
                worst.entry.sub_label,
            )


def _meant(hits: Sequence[Hit], text: str) -> Iterator[Hit]:
    """The harmful hits that are neither denied nor told of."""
    sentences = sentence_numbers(text)
    negations = sorted(
        (hit for hit in hits if hit.entry.kind is Kind.NEGATION), key=lambda hit: hit.span.end
    )
    ends = [hit.span.end for hit in negations]
    told = {
        (sentences[hit.span.start], hit.entry.label)
        for hit in hits
        if hit.entry.kind is Kind.REPORTING
    }
    for hit in harmful(hits):
        start = hit.span.start
        nearby = slice(bisect_left(ends, start - _FARTHEST_NEGATION), bisect_right(ends, start))
        denied = any(_governs(negation, hit, text) for negation in negations[nearby])
        if not denied and told.isdisjoint(
            ((sentences[start], None), (sentences[start], hit.entry.label))
        ):
            yield hit


def _governs(negation: Hit, hit: Hit, text: str) -> bool:
    """Whether a negation stands shortly before a hit, in the same clause."""
    between = text[negation.span.end : hit.span.start]
    return len(between) <= _NEGATION_REACH[negation.entry.language] and not any(
        mark in _CLAUSE_MARKS for mark in between
    )
