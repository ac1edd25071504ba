"""Who allowed which use of which face, as the gateway sees the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.gateway.media import ObjectRef
from services.gateway.records import Page


@dataclass(frozen=True, slots=True)
class Attested:
    """A consent that is recorded together with the avatar that it is for."""

    by: str
    """Who attests it: an API key's id."""


@dataclass(frozen=True, slots=True)
class NewConsent:
    """What an account attests of a person."""

    subject: str
    """As the account calls the person; empty: `subject_id` says."""
    purposes: tuple[str, ...]
    statement: str
    """Word for word."""
    attested_by: str
    """An API key's id, or a person's."""
    valid_until: datetime | None = None
    subject_id: str = ""
    given_by: str = "subject"


@dataclass(frozen=True, slots=True)
class Erased:
    """What went with a consent."""

    avatar_ids: tuple[str, ...]
    video_ids: tuple[str, ...]
    stream_ids: tuple[str, ...]
    objects: tuple[ObjectRef, ...]


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at in a statement on camera."""

    name: str
    passed: bool
    score: float
    """0 to 1."""


@dataclass(frozen=True, slots=True)
class Consent:
    """Who allowed which use of which face or voice."""

    id: str
    account_id: str
    subject_id: str
    subject: str
    purposes: tuple[str, ...]
    given_by: str
    evidence: str
    """`attestation` or `verified`."""
    checks: tuple[Check, ...]
    """Of a verified one."""
    policy_version: str
    statement: str
    attested_by: str
    valid_from: datetime
    valid_until: datetime | None
    ended_at: datetime | None
    end_reason: str
    """`withdrawn`, `expired` or `minor_found`; empty: it has not ended."""
    note: str
    erased: Erased | None


@dataclass(frozen=True, slots=True)
class Certificate:
    """What was erased, and the proof: Ed25519, RFC 8032."""

    statement: bytes
    """JSON in UTF-8."""
    signature: bytes
    public_key: bytes


class Consents(Protocol):
    """The ledger of consents."""

    async def create(self, account_id: str, new: NewConsent) -> Consent:
        """Records a consent.

        Raises SubjectNotFound, GuardianConsentRequired.
        """

    async def get(self, account_id: str, consent_id: str) -> Consent:
        """One consent. Raises ConsentNotFound."""

    async def list(
        self, account_id: str, *, subject_id: str = "", limit: int, cursor: str
    ) -> Page[Consent]:
        """A page of the account's consents, newest first; of one subject, if that is named."""

    async def withdraw(
        self, account_id: str, consent_id: str, *, note: str, erase_videos: bool
    ) -> Consent:
        """Ends a consent and all use of it. Raises ConsentNotFound."""

    async def certify(self, account_id: str, consent_id: str) -> Certificate:
        """Proves what was erased.

        Raises ConsentNotFound, StateConflict while it holds, Unavailable until all is gone.
        """
