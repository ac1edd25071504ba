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
    purposes: tuple[str, ...]
    statement: str
    """Word for word."""
    attested_by: str
    """An API key's id."""
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Erased:
    """What went with a consent."""

    avatar_ids: tuple[str, ...]
    video_ids: tuple[str, ...]
    stream_ids: tuple[str, ...]
    objects: tuple[ObjectRef, ...]


@dataclass(frozen=True, slots=True)
class Consent:
    """Who allowed which use of which face."""

    id: str
    account_id: str
    subject: str
    purposes: tuple[str, ...]
    statement: str
    attested_by: str
    valid_from: datetime
    valid_until: datetime | None
    ended_at: datetime | None
    end_reason: str
    """`withdrawn` or `expired`; empty: it has not ended."""
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
        """Records a consent."""

    async def get(self, account_id: str, consent_id: str) -> Consent:
        """One consent. Raises ConsentNotFound."""

    async def list(self, account_id: str, *, limit: int, cursor: str) -> Page[Consent]:
        """A page of the account's consents, newest first."""

    async def withdraw(
        self, account_id: str, consent_id: str, *, note: str, erase_videos: bool
    ) -> Consent:
        """Ends a consent and all use of it. Raises ConsentNotFound."""

    async def certify(self, account_id: str, consent_id: str) -> Certificate:
        """Proves what was erased.

        Raises ConsentNotFound, StateConflict while it holds, Unavailable until all is gone.
        """
