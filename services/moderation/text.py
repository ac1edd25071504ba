"""Judges text by lists and classifiers; harm that is denied or reported is told apart from harm."""

from __future__ import annotations

import unicodedata
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cache
from types import MappingProxyType

from services.moderation.classifier import (
    MAX_PASSAGE,
    Classifier,
    Suspicion,
    passages,
    read_weights,
)
from services.moderation.lexicon import Kind, Language, Lexicon, read_lexicon
from services.moderation.matching import Hit, Matcher, disjoint, harmful
from services.moderation.normalisation import Reading
from services.moderation.verdict import (
    Finding,
    FindingSource,
    Label,
    Span,
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

    def __init__(self, lexicon: Lexicon, classifier: Classifier) -> None:
        self._matcher = Matcher(lexicon.lines)
        self._classifier = classifier
        self._labels = lexicon.labels()
        self.policy_version = f"lists-{lexicon.version}+model-{classifier.version}"

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

    def harm_score(self, text: str) -> float:
        """How likely a text does harm, whatever the thresholds: to draw curves by."""
        reading = self._matcher.read(text)
        hits = self._matcher.find(reading)
        listed = (finding.score for finding in self._listed(reading, hits, 0))
        likely = self._classifier.harm(reading, passages(reading.sentences))
        return max([likely, *listed])

    def _findings(self, text: str, since: int) -> list[Finding]:
        """Of each label the worse of what the lists and the classifier find."""
        reading = self._matcher.read(text)
        hits = self._matcher.find(reading)
        found = {finding.label: finding for finding in self._listed(reading, hits, since)}
        for finding in self._suspected(reading, hits, since):
            listed = found.get(finding.label)
            if listed is None or listed.suggestion < finding.suggestion:
                found[finding.label] = finding
        return list(found.values())

    def _suspected(self, reading: Reading, hits: Sequence[Hit], since: int) -> Iterator[Finding]:
        """What the classifier finds in passages that neither report nor deny harm."""
        told = {
            reading.sentences[hit.span.start]
            for hit in hits
            if hit.entry.kind is Kind.REPORTING and hit.entry.label is None
        }
        meant = list(_meant(hits, reading))
        excused = [hit for hit in harmful(hits) if hit not in meant]
        excuses = [hit for hit in hits if hit.entry.kind in {Kind.REPORTING, Kind.NEGATION}]
        by_label: dict[Label, list[Suspicion]] = defaultdict(list)
        suspicions_found = list(self._new_suspicions(reading, meant, since))
        in_need = {each.place for each in suspicions_found if each.label is Label.SELF_HARM}
        for suspicion in suspicions_found:
            place = suspicion.place
            is_told = not told.isdisjoint(reading.sentences[end] for end in _ends(place))
            if not is_told and (_holds(place, meant) or not _holds(place, excused)):
                by_label[suspicion.label].append(suspicion)
        for label, suspicions in by_label.items():
            worst = max(suspicions, key=lambda each: (each.is_blocked, each.score))
            yield Finding(
                label,
                Suggestion.REVIEW if worst.place in in_need else _weighed(worst, excuses),
                worst.score,
                FindingSource.MODEL,
                disjoint(each.place for each in suspicions),
            )

    def _new_suspicions(
        self, reading: Reading, meant: Sequence[Hit], since: int
    ) -> Iterator[Suspicion]:
        """Suspicions of what follows `since`, and of what only its context makes suspicious."""
        size = len(reading.text)
        yield from self._classifier.suspicions(reading, passages(reading.sentences, since))
        if 0 < since < size and all(hit.span.end > since for hit in meant):
            context = Span(max(0, since - MAX_PASSAGE), since)
            known = {each.label for each in self._classifier.suspicions(reading, [context])}
            together = Span(max(0, since - MAX_PASSAGE // 2), size)
            for suspicion in self._classifier.suspicions(reading, [together]):
                if not known:
                    yield suspicion

    def _listed(self, reading: Reading, hits: Sequence[Hit], since: int) -> Iterator[Finding]:
        by_label: dict[Label, list[Hit]] = defaultdict(list)
        for hit in _meant(hits, reading):
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


def _holds(place: Span, hits: Sequence[Hit]) -> bool:
    return any(place.covers(hit.span) for hit in hits)


def _ends(place: Span) -> tuple[int, int]:
    return place.start, place.end - 1


def _weighed(suspicion: Suspicion, excuses: Sequence[Hit]) -> Suggestion:
    """What to do: who denies or tells of something is never refused unseen."""
    if suspicion.is_blocked and not _holds(suspicion.place, excuses):
        return Suggestion.BLOCK
    return Suggestion.REVIEW


def open_text_judge() -> TextJudge:
    """With the bundled lists and classifier. Raises StartupError when either is at fault."""
    return TextJudge(read_lexicon(), Classifier(*read_weights()))


def _meant(hits: Sequence[Hit], reading: Reading) -> Iterator[Hit]:
    """The harmful hits that are neither denied nor told of."""
    sentences = reading.sentences
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
        denied = any(_governs(negation, hit, reading.text) for negation in negations[nearby])
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
