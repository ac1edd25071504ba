"""Who there is, as storage records it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.storage.subjects.records import Guardian


class Role(StrEnum):
    """What a person is in an account."""

    OWNER = "owner"
    DEVELOPER = "developer"
    REVIEWER = "reviewer"
    AUDITOR = "auditor"


class AccountKind(StrEnum):
    """What kind of account it is."""

    PERSONAL = "personal"
    """One person's."""
    ENTERPRISE = "enterprise"
    """An organisation's, with members."""


@dataclass(frozen=True, slots=True)
class Account:
    """A tenant."""

    id: str
    name: str
    webhook_secret: str
    """Signs webhooks: `whsec_` and the key in base64."""
    created_at: datetime
    kind: AccountKind
    erases_at: datetime | None
    """When it is erased, because it is being deregistered."""


@dataclass(frozen=True, slots=True)
class MinorHolder:
    """That the holder of a personal account said to be a minor."""

    birth_year: int | None
    guardian: Guardian | None
    """Who consents."""
    told_by: str
    """A person's id, or a key's."""
    told_at: datetime
    minor: bool
    """Whether they may still be under 18."""


@dataclass(frozen=True, slots=True)
class NewApiKey:
    """A key to be made."""

    name: str
    scopes: tuple[str, ...]
    """What it may do, in the gateway's words; `*`: everything."""
    created_by: str
    """A person's or a key's id, or `operator`."""
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key without its secrets."""

    id: str
    account_id: str
    name: str
    prefix: str
    """The secret's first characters, to tell keys apart."""
    created_at: datetime
    last_used_at: datetime | None
    """To the minute."""
    revoked_at: datetime | None
    scopes: tuple[str, ...]
    expires_at: datetime | None
    rotated_until: datetime | None
    """Until when the secret before the present one is good."""
    created_by: str


@dataclass(frozen=True, slots=True)
class Principal:
    """Who bears a secret."""

    account_id: str
    actor_id: str
    """A key's id, or a person's."""
    scopes: tuple[str, ...]
    """Of a key."""
    until: datetime | None
    """When the secret ends by itself."""
    role: Role | None = None
    """Of a person."""
    session_id: str = ""
    """Of a person."""
    closing: bool = False
    """Whether the account is being deregistered."""


@dataclass(frozen=True, slots=True)
class Deregistration:
    """The end of an account, after a time in which it can be taken back."""

    id: str
    account_id: str
    requested_by: str
    """A person."""
    requested_at: datetime
    erases_at: datetime
    cancelled_at: datetime | None
    erased_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewPerson:
    """What a person tells of themselves at sign-up; empty: nothing."""

    phone: str
    """E.164, which they have shown to be theirs."""
    user_name: str = ""
    email: str = ""
    """As they say: nobody has written to it."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who acts for accounts."""

    id: str
    phone: str
    user_name: str
    email: str
    created_at: datetime
    memberships: tuple[Membership, ...]
    """Oldest first."""


@dataclass(frozen=True, slots=True)
class Membership:
    """An account that a person acts for."""

    account_id: str
    account_name: str
    role: Role


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody who acts for an account, or is invited to."""

    id: str
    """A person's id, or an invitation's."""
    role: Role
    phone: str
    user_name: str
    """Empty: not told, or invited only."""
    invited: bool
    """Whether they have not come in yet."""
    since: datetime
    expires_at: datetime | None
    """Of an invitation."""


@dataclass(frozen=True, slots=True)
class Session:
    """One signing in of a person, for one account."""

    id: str
    account_id: str
    person_id: str
    created_at: datetime
    last_used_at: datetime
    """To the minute."""
    expires_at: datetime
