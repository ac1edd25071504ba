"""What moderation says: labels, findings, verdicts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Label(StrEnum):
    """Kinds of harm, and what else a person should look at."""

    SEXUAL = "sexual"
    SEXUAL_MINORS = "sexual_minors"
    VIOLENCE = "violence"
    TERRORISM = "terrorism"
    GAMBLING = "gambling"
    FRAUD = "fraud"
    HATE = "hate"
    HARASSMENT = "harassment"
    SELF_HARM = "self_harm"
    ILLICIT = "illicit"
    MINOR = "minor"
    """A face that may be a child's: an estimate, never proof. Of pictures alone."""
    PORTRAIT = "portrait"
    """A picture meant for an avatar that shows no single clear face. Of pictures alone."""


HARMS = tuple(label for label in Label if label not in {Label.MINOR, Label.PORTRAIT})
"""What any kind of content can do."""


class Suggestion(IntEnum):
    """What the caller should do; the worse, the greater."""

    PASS = 1
    REVIEW = 2
    BLOCK = 3


class FindingSource(StrEnum):
    """What found a category."""

    LEXICON = "lexicon"
    MODEL = "model"


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A range of a text, in Unicode code points, `end` exclusive."""

    start: int
    end: int

    def covers(self, other: Span) -> bool:
        """Whether the other range lies inside this one."""
        return self.start <= other.start and other.end <= self.end

    def shifted(self, by: int) -> Span:
        """The same range, counted from `by` code points earlier."""
        return Span(self.start + by, self.end + by)


@dataclass(frozen=True, slots=True)
class Finding:
    """One kind of harm that was found."""

    label: Label
    suggestion: Suggestion
    score: float
    """0 to 1."""
    source: FindingSource
    spans: tuple[Span, ...] = ()
    sub_label: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A judgement."""

    suggestion: Suggestion
    findings: tuple[Finding, ...]
    """Worst first."""
    evaluated: tuple[Label, ...]
    policy_version: str

    @property
    def not_evaluated(self) -> tuple[Label, ...]:
        """Harms that nothing looked for."""
        return tuple(label for label in HARMS if label not in self.evaluated)


def verdict_on(
    findings: Iterable[Finding],
    *,
    evaluated: Iterable[Label],
    policy_version: str,
    otherwise: Suggestion = Suggestion.PASS,
) -> Verdict:
    """The verdict on what was found; `otherwise` when that is nothing."""
    worst_first = sorted(findings, key=lambda found: (-found.suggestion, -found.score, found.label))
    looked_for = frozenset(evaluated)
    return Verdict(
        worst_first[0].suggestion if worst_first else otherwise,
        tuple(worst_first),
        tuple(label for label in Label if label in looked_for),
        policy_version,
    )
