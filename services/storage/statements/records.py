"""Challenges, as storage's other parts know them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.storage.catalog.records import Check
from services.storage.refs import ObjectRef
from services.storage.statements.phrases import Phrase


@dataclass(frozen=True, slots=True)
class NewChallenge:
    """What is to be consented to on camera."""

    subject: str
    """As the account calls the person; empty: `subject_id` says."""
    subject_id: str
    purposes: tuple[str, ...]
    given_by: str
    attested_by: str
    asset_id: str
    """The portrait; may be empty unless a purpose is `avatar`."""
    valid_until: datetime | None
    language: str


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a person reads on camera."""

    id: str
    account_id: str
    subject_id: str
    purposes: tuple[str, ...]
    given_by: str
    asset_id: str
    valid_until: datetime | None
    language: str
    phrase: Phrase
    tries_left: int
    recording: ObjectRef | None
    checks: tuple[Check, ...]
    """What was found last, unless it was enough."""
    consent_id: str
    """Empty: it is not met yet."""
    expires_at: datetime
