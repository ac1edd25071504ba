"""What is kept of policies and reviews, as the gateway and the worker see it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from services.gateway.moderation.policy import Patience, Policy
from services.gateway.records import Finding, Verdict


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """A policy, who made it and when; nobody made version 0."""

    policy: Policy
    author: str
    created_at: datetime | None


class ReviewKind(StrEnum):
    """What kind of content is reviewed."""

    TEXT = "text"
    IMAGE = "image"
    AUDIO = "audio"


class ReviewStatus(StrEnum):
    """Where a review stands."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class NewReview:
    """A content that is to be reviewed."""

    kind: ReviewKind
    content_sha256: str
    """Lower-case hex: the same content of an account is one review."""
    purpose: str
    verdict: Verdict
    patience: Patience
    text: str = ""
    asset_id: str = ""
    owns_asset: bool = False
    """Whether the file was stored for the review alone."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decided."""

    status: ReviewStatus
    author: str
    """An API key's id."""
    note: str
    decided_at: datetime


@dataclass(frozen=True, slots=True)
class Review:
    """A content that moderation left to a person."""

    id: str
    account_id: str
    kind: ReviewKind
    purpose: str
    text: str
    """Empty of pictures and recordings, and once it was erased."""
    asset_id: str
    findings: tuple[Finding, ...]
    policy_version: str
    status: ReviewStatus
    decided: bool
    """Whether a person decided; otherwise a time limit did, or nothing yet."""
    otherwise: ReviewStatus
    """What holds when nobody decides in time."""
    due_at: datetime
    decided_at: datetime | None
    for_training: bool
    created_at: datetime
    decisions: tuple[Decision, ...] = ()
    """Oldest first; in lists left out."""

    @property
    def pending(self) -> bool:
        """Whether a person is awaited."""
        return self.status is ReviewStatus.PENDING


@dataclass(frozen=True, slots=True)
class Decided:
    """A review that was decided, and the jobs that waited for it."""

    review: Review
    video_ids: tuple[str, ...]
    avatar_ids: tuple[str, ...]


def verdict_json(verdict: Verdict) -> dict[str, Any]:
    """What of a verdict is kept with a review."""
    return {
        "policy_version": verdict.policy_version,
        "findings": [
            {
                "label": finding.label,
                "sub_label": finding.sub_label,
                "score": finding.score,
                "source": finding.source,
                "spans": [list(span) for span in finding.spans],
            }
            for finding in verdict.findings
        ],
    }


def findings_of(verdict: dict[str, Any]) -> tuple[Finding, ...]:
    """What `verdict_json` kept."""
    return tuple(
        Finding(
            found["label"],
            found["sub_label"],
            found["score"],
            found["source"],
            # Numbers come back from the catalog as floats.
            tuple((int(start), int(end)) for start, end in found["spans"]),
        )
        for found in verdict.get("findings", ())
    )
