"""Judges text by lists and classifiers; harm that is denied or reported is told apart from harm."""

from __future__ import annotations

import unicodedata
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from services.common.errors import InvalidInput
from services.moderation.classifier import (
    MAX_PASSAGE,
    Classifier,
    Suspicion,
    is_chinese,
    passages,
    read_weights,
)
from services.moderation.lexicon import Kind, Language, Lexicon, read_lexicon
from services.moderation.matching import (
    Hit,
    Matcher,
    allowed_places,
    by_place,
    disjoint,
    harmful,
)
from services.moderation.normalisation import Reading
from services.moderation.policy import GUARDED, NO_POLICY, Policy
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
_CUES = frozenset({Kind.NEGATION, Kind.REPORTING})
_MIN_LETTERS = _MIN_FOREIGN_LETTERS = 8
_MAX_FOREIGN_SHARE = 0.3


def written_language(text: str) -> str:
    """The language of the lists that a text is in; empty when it has too few letters to tell."""
    if is_chinese(text):
        return Language.CHINESE
    return Language.ENGLISH if sum(map(str.isalpha, text)) >= _MIN_LETTERS else ""


def reads_script(text: str) -> bool:
    """Whether a text is written as English and Chinese are, but for a little."""
    signs = Counter(text)
    letters = sum(count for sign, count in signs.items() if sign.isalpha())
    foreign = sum(count for sign, count in signs.items() if _is_foreign(sign))
    return foreign < _MIN_FOREIGN_LETTERS or foreign <= _MAX_FOREIGN_SHARE * letters


@cache
def _is_foreign(character: str) -> bool:
    if not character.isalpha():
        return False
    name = unicodedata.name(unicodedata.normalize("NFKC", character)[0], "")
    return not name.startswith(("LATIN", "CJK"))


@dataclass(frozen=True, slots=True)
class _Seen:
    """What stands in a text, and how it is to be judged."""

    reading: Reading
    policy: Policy
    since: int
    allowed: tuple[Span, ...]
    """What the policy allows."""
    cues: list[Hit]
    """Negations and reports."""
    meant: list[Hit]
    """Harm that is neither denied nor told of."""
    excused: list[Hit]
    """Harm that is."""


class TextJudge:
    """Judges texts; stateless, so threads may share it."""

    def __init__(self, lexicon: Lexicon, classifier: Classifier) -> None:
        self._matcher = Matcher(lexicon.lines)
        self._classifier = classifier
        self._labels = lexicon.labels()
        self.policy_version = f"lists-{lexicon.version}+model-{classifier.version}"

    def admit(self, policy: Policy) -> None:
        """Raises InvalidInput for thresholds that are milder than the service's where none may."""
        for number, rule in enumerate(policy.labels):
            if rule.label in GUARDED:
                own = self._classifier.own_thresholds(rule.label)
                for name, least in zip(("review_from", "block_from"), own, strict=True):
                    asked = getattr(rule, name)
                    if asked is not None and asked > least:
                        what = f"must not be over {least:g}: {rule.label} can't be made milder"
                        raise InvalidInput(f"policy.labels[{number}].{name}: {what}")

    def judge(
        self,
        text: str,
        language: str | None = None,
        *,
        since: int = 0,
        policy: Policy = NO_POLICY,
    ) -> Verdict:
        """The verdict on a text; spans count from its start.

        What stands before position `since` is context: a finding may begin there, but one that
        ends there is not reported. A text that nothing here can read, or in another language than
        the policy's, is for a person to decide.
        """
        fresh = text[since:]
        written = written_language(fresh) if policy.languages else ""
        spoken = filter(None, (language, written))
        readable = reads_script(fresh) and all(map(policy.takes, spoken))
        return verdict_on(
            policy.ruled(self._findings(self._seen(text, since, policy))),
            evaluated=self._labels if readable else (),
            policy_version=policy.named(self.policy_version),
            otherwise=Suggestion.PASS if readable else Suggestion.REVIEW,
        )

    def harm_score(self, text: str) -> float:
        """How likely a text does harm, whatever the thresholds: to draw curves by."""
        seen = self._seen(text, 0, NO_POLICY)
        listed = (finding.score for finding in _listed(seen))
        likely = self._classifier.harm(seen.reading, passages(seen.reading.sentences))
        return max([likely, *listed])

    def _seen(self, text: str, since: int, policy: Policy) -> _Seen:
        """Reads a text and finds the entries of both our lists and the policy's."""
        reading = self._matcher.read(text)
        own = self._matcher.find(reading)
        found = list(harmful(own, allowed_places(own)))
        allowed: tuple[Span, ...] = ()
        if policy.matcher is not None:
            theirs = policy.matcher.find(reading.with_words_of(policy.matcher.vocabulary))
            allowed = allowed_places(theirs)
            every = [*found, *theirs]
            guarded = [hit for hit in every if hit.entry.label in GUARDED]
            others = [hit for hit in every if hit.entry.label not in GUARDED]
            found = sorted([*guarded, *harmful(others, allowed)], key=by_place)
        cues = [hit for hit in own if hit.entry.kind in _CUES]
        meant, excused = _told_apart(found, cues, reading)
        return _Seen(reading, policy, since, allowed, cues, meant, excused)

    def _findings(self, seen: _Seen) -> list[Finding]:
        """Of each label the worse of what the lists and the classifier find."""
        found = {finding.label: finding for finding in _listed(seen)}
        for finding in self._suspected(seen):
            listed = found.get(finding.label)
            if listed is None or listed.suggestion < finding.suggestion:
                found[finding.label] = finding
        return list(found.values())

    def _suspected(self, seen: _Seen) -> Iterator[Finding]:
        """What the classifier finds in passages that neither report nor deny harm."""
        sentences = seen.reading.sentences
        told = {
            sentences[hit.span.start]
            for hit in seen.cues
            if hit.entry.kind is Kind.REPORTING and hit.entry.label is None
        }
        by_label: dict[Label, list[Suspicion]] = defaultdict(list)
        suspicions_found = list(self._new_suspicions(seen))
        in_need = {each.place for each in suspicions_found if each.label is Label.SELF_HARM}
        for suspicion in suspicions_found:
            place = suspicion.place
            is_told = not told.isdisjoint(sentences[end] for end in _ends(place))
            if not is_told and (_holds(place, seen.meant) or not _holds(place, seen.excused)):
                by_label[suspicion.label].append(suspicion)
        for label, suspicions in by_label.items():
            worst = max(suspicions, key=lambda each: (each.is_blocked, each.score))
            yield Finding(
                label,
                Suggestion.REVIEW if worst.place in in_need else _weighed(worst, seen.cues),
                worst.score,
                FindingSource.MODEL,
                disjoint(each.place for each in suspicions),
            )

    def _new_suspicions(self, seen: _Seen) -> Iterator[Suspicion]:
        """Suspicions of what follows `since`, and of what only its context makes suspicious."""
        since, size = seen.since, len(seen.reading.text)

        def suspicions(places: Sequence[Span]) -> Iterator[Suspicion]:
            return self._classifier.suspicions(seen.reading, places, seen.policy, seen.allowed)

        yield from suspicions(passages(seen.reading.sentences, since))
        if 0 < since < size and all(hit.span.end > since for hit in seen.meant):
            is_known = any(suspicions([Span(max(0, since - MAX_PASSAGE), since)]))
            if not is_known:
                yield from suspicions([Span(max(0, since - MAX_PASSAGE // 2), size)])


def _listed(seen: _Seen) -> Iterator[Finding]:
    """What the lists find that does not end in the context."""
    by_label: dict[Label, list[Hit]] = defaultdict(list)
    for hit in seen.meant:
        if hit.entry.label is not None and hit.span.end > seen.since:
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


def _told_apart(
    found: Sequence[Hit], cues: Sequence[Hit], reading: Reading
) -> tuple[list[Hit], list[Hit]]:
    """Harm that is meant, and harm that is denied or told of."""
    sentences = reading.sentences
    negations = sorted(
        (hit for hit in cues if hit.entry.kind is Kind.NEGATION), key=lambda hit: hit.span.end
    )
    ends = [hit.span.end for hit in negations]
    told = {
        (sentences[hit.span.start], hit.entry.label)
        for hit in cues
        if hit.entry.kind is Kind.REPORTING
    }
    meant: list[Hit] = []
    excused: list[Hit] = []
    for hit in found:
        start = hit.span.start
        nearby = slice(bisect_left(ends, start - _FARTHEST_NEGATION), bisect_right(ends, start))
        denied = any(_governs(negation, hit, reading.text) for negation in negations[nearby])
        where = ((sentences[start], None), (sentences[start], hit.entry.label))
        (excused if denied or not told.isdisjoint(where) else meant).append(hit)
    return meant, excused


def _governs(negation: Hit, hit: Hit, text: str) -> bool:
    """Whether a negation stands shortly before a hit, in the same clause."""
    between = text[negation.span.end : hit.span.start]
    return len(between) <= _NEGATION_REACH[negation.entry.language] and not any(
        mark in _CLAUSE_MARKS for mark in between
    )
