"""What people ask about their data, as the gateway sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from services.gateway.media import ObjectRef
from services.gateway.records import Page


class RequestKind(StrEnum):
    """What is asked for."""

    ACCESS = "access"
    EXPORT = "export"
    CORRECTION = "correction"
    DELETION = "deletion"
    RESTRICTION = "restriction"
    LIFTING = "lifting"


class RequestState(StrEnum):
    """Where a request stands."""

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


class Decision(StrEnum):
    """What an operator decides."""

    CONFIRM = "confirm"
    """Who asks was checked."""
    ACCEPT = "accept"
    """The service may carry out what was held."""
    FULFIL = "fulfil"
    """It was carried out by hand."""
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Target:
    """Whose data are meant: those of a consent, of a subject, or, with neither, the account."""

    consent_id: str = ""
    subject: str = ""


@dataclass(frozen=True, slots=True)
class NewRequest:
    """What somebody asks for."""

    kind: RequestKind
    target: Target
    requested_by: str
    """An API key's or a person's id."""
    details: str = ""
    corrections: Mapping[str, str] = field(default_factory=dict)
    """New names by the ids of what they are of."""
    attested_identity: str = ""
    """How the account checked the identity of the person that it asks for."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened to a request."""

    state: RequestState
    actor: str
    note: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Archive:
    """What an export made."""

    object: ObjectRef
    size_bytes: int
    sha256: str
    until: datetime


@dataclass(frozen=True, slots=True)
class PrivacyRequest:
    """A request, and what came of it."""

    id: str
    account_id: str
    kind: RequestKind
    consent_id: str
    """Of a subject: of the first consent that names the person so; of the account: empty."""
    whole_subject: bool
    requested_by: str
    identity: str
    """How it was checked: `code`, `operator` or `attested`; empty: not yet."""
    state: RequestState
    held: bool
    repeats: int
    reason: str
    report: dict[str, Any] | None
    archive: Archive | None
    created_at: datetime
    opened_at: datetime | None
    due_at: datetime | None
    ended_at: datetime | None
    details: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Restriction:
    """What may be stored, told and erased, and not be used."""

    consent_id: str
    """Empty: all of the account."""
    request_id: str
    since: datetime


class Rights(Protocol):
    """The record of requests."""

    async def create(self, account_id: str, new: NewRequest) -> PrivacyRequest:
        """Records a request. Raises ConsentNotFound, InvalidInput."""

    async def get(self, account_id: str, request_id: str) -> PrivacyRequest:
        """One request. Raises PrivacyRequestNotFound."""

    async def prove(
        self, account_id: str, request_id: str, *, person_id: str, code: str
    ) -> PrivacyRequest:
        """A code shows that a person of the account asks.

        Raises PrivacyRequestNotFound, CodeInvalid, StateConflict.
        """

    async def list(self, account_id: str, *, limit: int, cursor: str) -> Page[PrivacyRequest]:
        """A page of the account's requests, newest first, without steps."""

    async def cancel(self, account_id: str, request_id: str, *, actor: str) -> PrivacyRequest:
        """Takes a request back. Raises PrivacyRequestNotFound, StateConflict."""

    async def restrictions(self, account_id: str) -> Sequence[Restriction]:
        """What is restricted, oldest first."""

    async def check_use(self, account_id: str) -> None:
        """Returns when the account may use the service. Raises Restricted."""


class OperatorsRequests(Protocol):
    """The requests of all accounts, as operators see them."""

    async def pending(self, *, limit: int) -> Sequence[PrivacyRequest]:
        """What has not ended, what is due first."""

    async def decide(self, request_id: str, decision: Decision, *, note: str) -> PrivacyRequest:
        """Raises PrivacyRequestNotFound, StateConflict, InvalidInput."""
