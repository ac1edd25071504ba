"""Who did what, as the gateway sees the audit."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.gateway.records import Page


@dataclass(frozen=True, slots=True)
class NewEntry:
    """What is to be noted: ids, never content."""

    account_id: str
    actor: str
    """An API key's id, a person's, or that of a stream whose token was shown."""
    action: str
    """The operation's id."""
    target: str
    """What it was done to: ids, the outer one first, with `/` between them."""
    outcome: str
    """The HTTP status; `begun`, before a privileged act is tried."""
    request_id: str
    address: str
    """The caller's network: a /24 or a /48."""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of an account's chain."""

    account_id: str
    seq: int
    at: datetime
    actor: str
    actor_kind: str
    action: str
    target: str
    outcome: str
    reason: str
    request_id: str
    address: str
    previous_hash: str
    hash: str


@dataclass(frozen=True, slots=True)
class Filter:
    """Which entries are wanted; what is None or empty does not matter."""

    since: datetime | None = None
    until: datetime | None = None
    """Before it."""
    actor: str = ""
    actor_kind: str = ""
    action: str = ""
    target: str = ""
    """An id: what was done to it, or to what is below it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a chain was found to be."""

    first_seq: int
    """Of the entries that there are; 0: there are none."""
    last_seq: int
    checkpoint_seq: int
    """Up to here the operator's key vouches for it."""
    broken_seq: int
    problem: str
    """What is wrong; empty: the chain is whole."""


@dataclass(frozen=True, slots=True)
class MediaRequest:
    """What an operator wants to open, and why."""

    target: str
    """A video's, an avatar's or an asset's id."""
    operator: str
    reason: str
    case: str = ""
    legal_paper: str = ""
    notice_not_before: datetime | None = None
    """When the owner is told at the earliest; needs a legal paper."""


@dataclass(frozen=True, slots=True)
class OperatorAccess:
    """An operator opened media."""

    id: str
    account_id: str
    target: str
    operator: str
    reason: str
    case: str
    legal_paper: str
    at: datetime
    notice_at: datetime


class AuditRecord(Protocol):
    """The audit in storage."""

    async def record(self, entries: Sequence[NewEntry]) -> None:
        """Appends entries, all or none; they last when it returns. Raises Unavailable."""

    async def list(
        self, account_id: str, wanted: Filter, *, limit: int, cursor: str
    ) -> Page[Entry]:
        """A page of the account's entries, newest first. Raises InvalidInput."""

    def export(self, account_id: str) -> AsyncGenerator[bytes, None]:
        """The whole chain as lines of JSON, the signed head last."""

    async def verify(self, account_id: str) -> Verdict:
        """Walks the chain."""

    async def operator_accesses(self, account_id: str) -> Sequence[OperatorAccess]:
        """The newest hundred accesses of operators of which the owner may know."""
