"""What is recorded of people's requests, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from services.storage.refs import ObjectRef


class RequestKind(StrEnum):
    """What is asked for."""

    ACCESS = "access"
    EXPORT = "export"
    CORRECTION = "correction"
    DELETION = "deletion"
    RESTRICTION = "restriction"
    LIFTING = "lifting"
    """That a restriction ends."""


class About(StrEnum):
    """Whose data it is about."""

    ACCOUNT = "account"
    CONSENT = "consent"
    SUBJECT = "subject"
    """A person, with all consents that name them so."""


class RequestState(StrEnum):
    """Where a request stands; it only moves forward."""

    IDENTITY_PENDING = "identity_pending"
    OPEN = "open"
    IN_PROGRESS = "in_progress"
    FULFILLED = "fulfilled"
    REFUSED = "refused"
    CANCELLED = "cancelled"

    @property
    def is_end(self) -> bool:
        """Whether nothing follows."""
        return self in (self.FULFILLED, self.REFUSED, self.CANCELLED)


@dataclass(frozen=True, slots=True)
class NewRequest:
    """What somebody asks for."""

    kind: RequestKind
    about: About
    target: str = ""
    """The consent, or the subject as the account calls the person."""
    requested_by: str = ""
    details: str = ""
    corrections: Mapping[str, str] = field(default_factory=dict)
    """New names by the id of what they are of."""
    attested_identity: str = ""
    """How the account checked the identity of the person that it asks for."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened to a request."""

    state: RequestState
    """After it."""
    actor: str
    """A key, a person, `operator` or `service`."""
    note: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Archive:
    """What an export made."""

    object: ObjectRef
    size_bytes: int
    sha256: str
    """Of the whole file, lower-case hex."""
    until: datetime
    """It is erased then."""


@dataclass(frozen=True, slots=True)
class PrivacyRequest:
    """A request, and what came of it."""

    id: str
    account_id: str
    kind: RequestKind
    about: About
    consent_id: str
    """Of a subject: of the first consent that names the person so; of an account: empty."""
    requested_by: str
    identity: str
    """How it was checked: `code`, `operator` or `attested`; empty: not yet."""
    state: RequestState
    held: bool
    """Whether an operator has to decide before anything is done."""
    repeats: int
    """How many like it came in the thirty days before."""
    reason: str
    """Why it was refused."""
    report: dict[str, Any] | None
    archive: Archive | None
    created_at: datetime
    opened_at: datetime | None
    due_at: datetime | None
    ended_at: datetime | None
    details: str = ""
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Restriction:
    """What may be stored, told and erased, and not be used."""

    consent_id: str
    """Empty: all of the account."""
    request_id: str
    since: datetime
