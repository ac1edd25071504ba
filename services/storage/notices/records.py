"""What the operator tells accounts, what accounts accept, and the service's end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

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
    """What the account can do."""
    contact: str = ""


@dataclass(frozen=True, slots=True)
class Audience:
    """Whom a notice is for: of all that are given, those that fit; none: everybody."""

    account_ids: tuple[str, ...] = ()
    active_from: datetime | None = None
    """Of those that made assets, avatars, videos or streams since then, ..."""
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


@dataclass(frozen=True, slots=True)
class Recipient:
    """An account that a notice was for."""

    account_id: str
    read_at: datetime | None


class Channel(StrEnum):
    """How accounts are reached, beside the API."""

    WEBHOOK = "webhook"
    EMAIL = "email"


class DeliveryStatus(StrEnum):
    """Where a delivery stands."""

    PENDING = "pending"
    SENT = "sent"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Delivery:
    """How a notice went to one account."""

    account_id: str
    channel: Channel
    status: DeliveryStatus
    attempts: int
    outcome: str
    """What the last attempt came to."""
    finished_at: datetime | None


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


class ChangeKind(StrEnum):
    """What a change of a privacy policy is about."""

    PURPOSE = "purpose"
    MEANS = "means"
    KIND_OF_DATA = "kind_of_data"
    OTHER = "other"

    @property
    def is_material(self) -> bool:
        """Whether it needs consent anew."""
        return self is not ChangeKind.OTHER


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """What one version changes against the one before."""

    kind: ChangeKind
    summaries: Mapping[str, str]
    """By language."""


@dataclass(frozen=True, slots=True)
class NewPrivacyPolicy:
    """A version to be published."""

    version: str
    texts: Mapping[str, str]
    """By language; Markdown."""
    changes: tuple[PolicyChange, ...]
    material: bool
    """Has it accepted even though no change asks for that."""
    effective_at: datetime
    published_by: str


@dataclass(frozen=True, slots=True)
class PrivacyPolicy(NewPrivacyPolicy):
    """One version, which never changes."""

    sha256: str
    """Hex, over the texts as JSON with sorted keys, in UTF-8."""
    published_at: datetime


@dataclass(frozen=True, slots=True)
class Acceptance:
    """That an account accepted a version."""

    version: str
    accepted_by: str
    accepted_at: datetime


class ShutdownPhase(StrEnum):
    """How far the service's end has come."""

    ANNOUNCED = "announced"
    """It was said; all goes on."""
    STOPPED = "stopped"
    """Nothing new is taken; what there is can be fetched and erased."""
    ERASING = "erasing"
    """All is being erased, or was."""


@dataclass(frozen=True, slots=True)
class Shutdown:
    """The end of the service."""

    phase: ShutdownPhase
    stop_at: datetime
    erase_at: datetime
    planned_by: str
