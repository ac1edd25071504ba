"""An account's policy: how it wants its content judged. It is checked when it is made.

It may judge stricter or milder than the service by itself, but for GUARDED labels, of which no
rule, threshold or allowed phrase takes anything away.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property

from services.common.errors import InvalidInput
from services.moderation.lexicon import Kind, Phrase, fault_of_phrase, phrase_lines
from services.moderation.matching import Matcher
from services.moderation.verdict import HARMS, Finding, Label, Suggestion

GUARDED = frozenset({Label.SEXUAL_MINORS, Label.TERRORISM})
"""What an account can't make milder."""
MAX_PHRASE = 100
"""Code points."""
MAX_PHRASES = 1000
"""Of each list."""
DENIED = "denied_phrase"
"""Sub-label of what an account denies by itself."""
_SAME_LANGUAGE = {"en": "en", "zh": "zh", "cmn": "zh", "yue": "zh"}
"""BCP 47 primary languages that are judged, and whose lists they have."""
_KINDS = {Suggestion.REVIEW: Kind.REVIEW, Suggestion.BLOCK: Kind.BLOCK}


def lists_for(language: str) -> str | None:
    """The language of the lists that a BCP 47 language is judged by; None when there are none."""
    return _SAME_LANGUAGE.get(language.split("-")[0].lower())


class UncoveredRule(StrEnum):
    """What is done about a portrait that nothing is found in, for labels that no model covers."""

    SINGLE_FACE = "single_face"
    """PASS with a single clear face, else REVIEW."""
    PASS = "pass"  # noqa: S105 - no password
    REVIEW = "review"


@dataclass(frozen=True, slots=True)
class LabelRule:
    """What is done about one label."""

    label: Label
    suggestion: Suggestion | None = None
    """REVIEW or BLOCK: whatever is found is that; None: as it is found."""
    review_from: float | None = None
    """From which score of a model on a person decides, 0 to 1; None: as the model's own."""
    block_from: float | None = None
    """From which score of a model on it is refused."""


@dataclass(frozen=True, slots=True)
class DeniedPhrase:
    """A phrase that an account does not want said."""

    phrase: str
    label: Label
    suggestion: Suggestion
    """REVIEW or BLOCK."""


@dataclass(frozen=True)
class Policy:
    """A sound policy; making it raises InvalidInput that names the field and what to change."""

    version: int = 0
    """The account's number for it; 0: none."""
    labels: tuple[LabelRule, ...] = ()
    deny: tuple[DeniedPhrase, ...] = ()
    allow: tuple[str, ...] = ()
    """Phrases that count for nothing, but where GUARDED labels are found."""
    languages: tuple[str, ...] = ()
    """BCP 47 primary languages that are judged; empty: all. Others are for a person."""
    uncovered: UncoveredRule = UncoveredRule.SINGLE_FACE

    def __post_init__(self) -> None:
        if self.version < 0:
            raise _fault("version", "must not be negative")
        _check_rules(self.labels)
        _check_denied(self.deny)
        _check_phrases("allow", self.allow)
        _check_languages(self.languages)
        _check_matched(self)

    def named(self, policy_version: str) -> str:
        """The version of whatever judged, and of this policy."""
        return f"{policy_version}+account-{self.version}" if self.version else policy_version

    def takes(self, language: str) -> bool:
        """Whether content may be in a BCP 47 language."""
        lists = lists_for(language)
        allowed = self.languages or tuple(_SAME_LANGUAGE)
        return lists is not None and lists in {_SAME_LANGUAGE[each] for each in allowed}

    def rule(self, label: Label) -> LabelRule:
        """What is done about a label."""
        return self._rules.get(label, LabelRule(label))

    def thresholds(self, label: Label, review: float, block: float) -> tuple[float, float]:
        """From which scores on a label is for a person and is refused, by a model's own ones."""
        rule = self.rule(label)
        asked_review, asked_block = review, block
        if rule.block_from is not None:
            asked_review, asked_block = min(review, rule.block_from), rule.block_from
        if rule.review_from is not None:
            asked_review, asked_block = rule.review_from, max(asked_block, rule.review_from)
        if label in GUARDED:
            return min(asked_review, review), min(asked_block, block)
        return asked_review, asked_block

    def ruled(self, findings: Iterable[Finding]) -> Iterator[Finding]:
        """What was found, each as its label's rule suggests."""
        for finding in findings:
            asked = self.rule(finding.label).suggestion
            yield finding if asked is None else replace(finding, suggestion=asked)

    @cached_property
    def matcher(self) -> Matcher | None:
        """Finds the account's phrases; None without any."""
        phrases = dict(self.phrases())
        if not phrases:
            return None
        return Matcher(phrase_lines(phrases.values()))

    def phrases(self) -> Iterator[tuple[str, Phrase]]:
        """Both lists as entries, each with its place in the policy."""
        for number, each in enumerate(self.deny):
            kind = _KINDS[each.suggestion]
            yield f"deny[{number}]", Phrase(each.phrase, kind, each.label, DENIED)
        for number, allowed in enumerate(self.allow):
            yield f"allow[{number}]", Phrase(allowed, Kind.ALLOW)

    @cached_property
    def _rules(self) -> dict[Label, LabelRule]:
        return {rule.label: rule for rule in self.labels}


def _fault(field: str, what: str) -> InvalidInput:
    return InvalidInput(f"policy.{field}: {what}", field=f"policy.{field}")


def _check_rules(rules: Sequence[LabelRule]) -> None:
    for number, rule in enumerate(rules):
        place = f"labels[{number}]"
        if rule.suggestion is Suggestion.PASS:
            raise _fault(f"{place}.suggestion", "must be REVIEW, BLOCK or left out")
        if rule.label in GUARDED and rule.suggestion is Suggestion.REVIEW:
            raise _fault(f"{place}.suggestion", f"{rule.label} can't be made milder; leave it out")
        for name, value in (("review_from", rule.review_from), ("block_from", rule.block_from)):
            if value is not None and not 0 <= value <= 1:
                raise _fault(f"{place}.{name}", "must be from 0 to 1")
        if rule.block_from is not None and rule.block_from < (rule.review_from or 0):
            raise _fault(f"{place}.block_from", "must not be under review_from")
    _check_once("labels", [rule.label for rule in rules])


def _check_denied(denied: Sequence[DeniedPhrase]) -> None:
    for number, each in enumerate(denied):
        if each.label not in HARMS:
            raise _fault(f"deny[{number}].label", f"{each.label} is of pictures; name a harm")
        if each.suggestion not in _KINDS:
            raise _fault(f"deny[{number}].suggestion", "must be REVIEW or BLOCK")
    _check_phrases("deny", [each.phrase for each in denied])


def _check_phrases(field: str, phrases: Sequence[str]) -> None:
    if len(phrases) > MAX_PHRASES:
        raise _fault(field, f"holds {len(phrases)} phrases; {MAX_PHRASES} are the most")
    for number, phrase in enumerate(phrases):
        if len(phrase) > MAX_PHRASE:
            raise _fault(f"{field}[{number}]", f"has more than {MAX_PHRASE} characters")
        if fault := fault_of_phrase(phrase):
            raise _fault(f"{field}[{number}]", fault)
    _check_once(field, [" ".join(phrase.casefold().split()) for phrase in phrases])


def _check_languages(languages: Sequence[str]) -> None:
    for number, language in enumerate(languages):
        if language not in _SAME_LANGUAGE:
            known = ", ".join(_SAME_LANGUAGE)
            raise _fault(f"languages[{number}]", f"can't be judged; {known} can")
    _check_once("languages", languages)


def _check_once(field: str, values: Sequence[str]) -> None:
    """Raises InvalidInput when a value stands in a list twice."""
    first: dict[str, int] = {}
    for number, value in enumerate(values):
        if value in first:
            raise _fault(f"{field}[{number}]", f"stands at [{first[value]}] already; leave it out")
        first[value] = number


def _check_matched(policy: Policy) -> None:
    """Raises InvalidInput for a phrase that is not found even as it is written."""
    if policy.matcher is None:
        return
    for place, phrase in policy.phrases():
        found = policy.matcher.find(policy.matcher.read(phrase.text))
        if all(hit.entry.kind is not phrase.kind for hit in found):
            raise _fault(place, "can't be found in any text; write it as one would say it")


NO_POLICY = Policy()
"""Everything is judged as the service does by itself."""
