"""What the operator tells accounts, as the gateway and the worker see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from services.gateway.records import Page

LANGUAGES = ("zh", "en")


class NoticeKind(StrEnum):
    """What a notice is about."""

    INCIDENT = "incident"
    POLICY_CHANGE = "policy_change"
    SHUTDOWN = "shutdown"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class NoticeText:
    """A notice in one language; all but the title may be empty."""

    title: str
    situation: str = ""
    impact: str = ""
    measures: str = ""
    remedies: str = ""
    contact: str = ""


@dataclass(frozen=True, slots=True)
class Audience:
    """Whom a notice is for: of all that are given, those that fit; none: everybody."""

    account_ids: tuple[str, ...] = ()
    active_from: datetime | None = None
    """Of those that made something since then, ..."""
    active_until: datetime | None = None
    """... and before this time."""


@dataclass(frozen=True, slots=True)
class NewNotice:
    """A notice to be sent."""

    kind: NoticeKind
    texts: Mapping[str, NoticeText]
    """By language."""
    sent_by: str
    audience: Audience = Audience()


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice that was sent."""

    id: str
    kind: NoticeKind
    texts: Mapping[str, NoticeText]
    sent_by: str
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class ReceivedNotice:
    """A notice as an account has it."""

    notice: Notice
    read_at: datetime | None
    read_by: str


class Channel(StrEnum):
    """How accounts are reached, beside the API."""

    WEBHOOK = "webhook"
    EMAIL = "email"


@dataclass(frozen=True, slots=True)
class Delivery:
    """How a notice went to one account."""

    account_id: str
    channel: Channel
    status: str
    """`pending`, `sent` or `failed`."""
    attempts: int
    outcome: str
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class SentNotice:
    """A notice as the operator has it."""

    notice: Notice
    read_at: Mapping[str, datetime | None]
    """By account, everybody that it was for; None: not yet."""
    deliveries: tuple[Delivery, ...]


@dataclass(frozen=True, slots=True)
class LeasedDelivery:
    """One delivery that is due."""

    id: str
    account_id: str
    channel: Channel
    addresses: tuple[str, ...]
    """A URL, or the e-mail addresses of the account's owners."""
    notice: Notice
    attempts: int
    webhook_secret: str


class Notices(Protocol):
    """The record of notices."""

    async def list(
        self, account_id: str, *, limit: int, cursor: str, unread_only: bool
    ) -> Page[ReceivedNotice]:
        """A page of what an account was told, newest first."""

    async def mark_read(self, account_id: str, notice_id: str, *, read_by: str) -> ReceivedNotice:
        """Notes the first reading of a notice. Raises NoticeNotFound."""

    async def set_webhook(self, account_id: str, url: str) -> None:
        """Where the account is told from now on; empty: nowhere."""

    async def webhook(self, account_id: str) -> str:
        """Where the account is told; empty: nowhere."""


class OperatorsNotices(Protocol):
    """The record of notices, as the operator uses it."""

    async def send(self, new: NewNotice) -> tuple[Notice, int]:
        """A notice, and to how many accounts it went. Raises InvalidInput, AccountNotFound."""

    async def get(self, notice_id: str) -> SentNotice:
        """A notice, and how it reached people. Raises NoticeNotFound."""


class Outbox(Protocol):
    """Notices that are to go out."""

    async def lease(self, *, limit: int, lease: timedelta) -> Sequence[LeasedDelivery]:
        """Deliveries that are due, nobody else's until the lease ends."""

    async def finish(
        self, delivery_id: str, *, sent: bool, outcome: str, retry_after: timedelta | None = None
    ) -> None:
        """Notes how an attempt went."""
