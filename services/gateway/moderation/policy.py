"""How an account wants its content judged, as the catalog keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from services.gateway.records import Suggestion


@dataclass(frozen=True, slots=True)
class LabelRule:
    """What is done about one kind of harm; None: as moderation does by itself."""

    label: str
    suggestion: Suggestion | None = None
    """REVIEW or BLOCK: whatever is found is that."""
    review_from: float | None = None
    """From which score of a model on a person decides, 0 to 1."""
    block_from: float | None = None
    """From which score of a model on it is refused."""


@dataclass(frozen=True, slots=True)
class DeniedPhrase:
    """A phrase that an account does not want said."""

    phrase: str
    label: str
    suggestion: Suggestion


class Uncovered(StrEnum):
    """What is done about a portrait for the labels that no model covers."""

    SINGLE_FACE = "single_face"
    PASS = "pass"  # noqa: S105 - no password
    REVIEW = "review"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a person is waited for, and what holds then."""

    time_limit_s: int
    approve: bool


@dataclass(frozen=True, slots=True)
class Reviewing:
    """Whether people decide where moderation is in doubt; where nobody does, doubt is a no."""

    enabled: bool = True
    jobs: Patience = Patience(86_400, approve=False)
    """Of videos, avatars, and whatever can be asked for again."""
    live: Patience = Patience(60, approve=False)
    """Of what is said in a stream, which stands still meanwhile."""


@dataclass(frozen=True, slots=True)
class Policy:
    """All of it; without anything content is judged as moderation judges by itself."""

    labels: tuple[LabelRule, ...] = ()
    deny: tuple[DeniedPhrase, ...] = ()
    allow: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    """BCP 47 primary languages that may be spoken; none: all that can be judged."""
    uncovered: Uncovered = Uncovered.SINGLE_FACE
    reviewing: Reviewing = field(default_factory=Reviewing)
    version: int = 0
    """Counts from 1; 0: the account has none of its own."""


def to_json(policy: Policy) -> dict[str, Any]:
    """As the catalog keeps it, without its version."""
    return {
        "labels": {rule.label: _rule_json(rule) for rule in policy.labels},
        "deny": [
            {"phrase": one.phrase, "label": one.label, "suggestion": one.suggestion.name}
            for one in policy.deny
        ],
        "allow": list(policy.allow),
        "languages": list(policy.languages),
        "uncovered": policy.uncovered.value,
        "reviewing": {
            "enabled": policy.reviewing.enabled,
            "jobs": _patience_json(policy.reviewing.jobs),
            "live": _patience_json(policy.reviewing.live),
        },
    }


def from_json(document: Mapping[str, Any], version: int) -> Policy:
    """What `to_json` gave; an empty document is the default."""
    if not document:
        return Policy(version=version)
    reviewing = document["reviewing"]
    return Policy(
        tuple(_rule(label, rule) for label, rule in sorted(document["labels"].items())),
        tuple(
            DeniedPhrase(one["phrase"], one["label"], Suggestion[one["suggestion"]])
            for one in document["deny"]
        ),
        tuple(document["allow"]),
        tuple(document["languages"]),
        Uncovered(document["uncovered"]),
        Reviewing(
            bool(reviewing["enabled"]), _patience(reviewing["jobs"]), _patience(reviewing["live"])
        ),
        version,
    )


def _rule_json(rule: LabelRule) -> dict[str, Any]:
    return {
        "suggestion": rule.suggestion.name if rule.suggestion else None,
        "review_from": rule.review_from,
        "block_from": rule.block_from,
    }


def _rule(label: str, rule: Mapping[str, Any]) -> LabelRule:
    suggestion = rule["suggestion"]
    return LabelRule(
        label,
        Suggestion[suggestion] if suggestion else None,
        rule["review_from"],
        rule["block_from"],
    )


def _patience_json(patience: Patience) -> dict[str, Any]:
    return {"time_limit_s": patience.time_limit_s, "approve": patience.approve}


def _patience(value: Mapping[str, Any]) -> Patience:
    # Numbers come back from the catalog as floats.
    return Patience(int(value["time_limit_s"]), bool(value["approve"]))
