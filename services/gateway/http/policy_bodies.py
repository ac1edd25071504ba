"""How an account writes how its content is to be judged, and is told of it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from services.gateway.http.fields import PolicyPhrase, WholeNumber
from services.gateway.http.stream_bodies import Language
from services.gateway.moderation.policy import (
    DeniedPhrase,
    LabelRule,
    Patience,
    Policy,
    Reviewing,
    Uncovered,
)
from services.gateway.moderation.records import PolicyVersion
from services.gateway.records import Suggestion

MAX_PHRASES = 1_000
_MAX_LANGUAGES = 20
_DAY_S = 86_400

LabelName = Literal[
    "sexual",
    "sexual_minors",
    "violence",
    "terrorism",
    "gambling",
    "fraud",
    "hate",
    "harassment",
    "self_harm",
    "illicit",
    "minor",
    "portrait",
]
Doubt = Literal["REVIEW", "BLOCK"]


class _Part(BaseModel):
    model_config = ConfigDict(
        extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


class LabelRuleBody(_Part):
    """What is done about one kind of harm; what is left out is as moderation does by itself.

    Minors in a sexual context and terrorism can be made stricter only.
    """

    suggestion: Doubt | None = None
    """Whatever is found is that: for a person to decide, or refused."""
    review_from: float | None = Field(default=None, ge=0, le=1)
    """From which score of a model on a person decides."""
    block_from: float | None = Field(default=None, ge=0, le=1)
    """From which score of a model on it is refused; not under `review_from`."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if None not in (self.review_from, self.block_from) and (
            (self.block_from or 0) < (self.review_from or 0)
        ):
            raise ValueError("block_from must not be under review_from")
        return self

    def rule(self, label: str) -> LabelRule:
        """The gateway's own word for it."""
        suggestion = Suggestion[self.suggestion] if self.suggestion else None
        return LabelRule(label, suggestion, self.review_from, self.block_from)

    @classmethod
    def of(cls, rule: LabelRule) -> Self:
        """As it was asked for."""
        return cls.model_validate(
            {
                "suggestion": rule.suggestion.name if rule.suggestion else None,
                "review_from": rule.review_from,
                "block_from": rule.block_from,
            }
        )


class DeniedPhraseBody(_Part):
    """A phrase that is not to be said, in whatever disguise."""

    phrase: PolicyPhrase = Field(examples=["miracle cure"])
    label: LabelName
    suggestion: Doubt = "BLOCK"

    @classmethod
    def of(cls, denied: DeniedPhrase) -> Self:
        """As it was asked for."""
        return cls.model_validate(
            {
                "phrase": denied.phrase,
                "label": denied.label,
                "suggestion": denied.suggestion.name,
            }
        )


class PatienceBody(_Part):
    """How long a person is waited for, and what holds then."""

    time_limit_s: Annotated[WholeNumber, Field(ge=60, le=30 * _DAY_S)] = _DAY_S
    otherwise: Literal["approve", "reject"] = "reject"

    @classmethod
    def of(cls, patience: Patience) -> Self:
        """As it was asked for."""
        return cls(
            time_limit_s=patience.time_limit_s,
            otherwise="approve" if patience.approve else "reject",
        )

    def patience(self) -> Patience:
        """The gateway's own word for it."""
        return Patience(self.time_limit_s, self.otherwise == "approve")


class LivePatienceBody(PatienceBody):
    """The same of a stream, which stands still meanwhile."""

    time_limit_s: Annotated[WholeNumber, Field(ge=1, le=600)] = 60


class ReviewingBody(_Part):
    """Whether people decide where moderation is in doubt; otherwise doubt is a no."""

    enabled: bool = True
    jobs: PatienceBody = Field(default_factory=PatienceBody)
    """Of videos, avatars, and whatever can be asked for again."""
    live: LivePatienceBody = Field(default_factory=LivePatienceBody)

    @classmethod
    def of(cls, reviewing: Reviewing) -> Self:
        """As it was asked for."""
        return cls(
            enabled=reviewing.enabled,
            jobs=PatienceBody.of(reviewing.jobs),
            live=LivePatienceBody.of(reviewing.live),
        )


class PolicyBody(_Part):
    """How the account's content is judged; what is left out is as moderation does by itself."""

    labels: dict[LabelName, LabelRuleBody] = Field(default_factory=dict)
    deny: list[DeniedPhraseBody] = Field(default_factory=list, max_length=MAX_PHRASES)
    """The account's own list, matched as moderation's are."""
    allow: list[PolicyPhrase] = Field(default_factory=list, max_length=MAX_PHRASES)
    """Phrases that count for nothing, whatever is found within them."""
    languages: list[Language] = Field(default_factory=list, max_length=_MAX_LANGUAGES)
    """What may be spoken, BCP 47; empty: all that can be judged. Others are for a person."""
    uncovered: Literal["single_face", "pass", "review"] = "single_face"
    """A portrait that nothing is found in, for the labels that no model covers: it passes with a
    single clear face, always, or never without a person."""
    reviewing: ReviewingBody = Field(default_factory=ReviewingBody)

    @classmethod
    def of(cls, policy: Policy) -> Self:
        """As it was asked for."""
        return cls.model_validate(
            {
                "labels": {rule.label: LabelRuleBody.of(rule) for rule in policy.labels},
                "deny": [DeniedPhraseBody.of(denied) for denied in policy.deny],
                "allow": list(policy.allow),
                "languages": list(policy.languages),
                "uncovered": policy.uncovered.value,
                "reviewing": ReviewingBody.of(policy.reviewing),
            }
        )

    def policy(self) -> Policy:
        """The gateway's own word for it."""
        return Policy(
            tuple(rule.rule(label) for label, rule in sorted(self.labels.items())),
            tuple(
                DeniedPhrase(one.phrase, one.label, Suggestion[one.suggestion]) for one in self.deny
            ),
            tuple(self.allow),
            tuple(self.languages),
            Uncovered(self.uncovered),
            Reviewing(
                self.reviewing.enabled,
                self.reviewing.jobs.patience(),
                self.reviewing.live.patience(),
            ),
        )


class PolicyView(PolicyBody):
    """A policy, as it holds or held."""

    version: int
    """Counts from 1; 0: the account has none of its own."""
    author: str | None
    """Who made it: an API key, or a person."""
    created_at: datetime | None

    @classmethod
    def told(cls, version: PolicyVersion) -> Self:
        """As the catalog keeps it."""
        body = PolicyBody.of(version.policy)
        return cls.model_validate(
            {
                **{name: getattr(body, name) for name in PolicyBody.model_fields},
                "version": version.policy.version,
                "author": version.author or None,
                "created_at": version.created_at,
            }
        )


class PolicyList(_Part):
    """The account's policies, newest first."""

    items: list[PolicyView]


ExpectedVersion = Annotated[str | None, StringConstraints(pattern=r"^\"[0-9]{1,9}\"$")]
"""An `If-Match` header."""
