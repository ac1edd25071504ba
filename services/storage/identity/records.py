"""Who there is, as storage records it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


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
    """A key's id."""
    scopes: tuple[str, ...]
    until: datetime | None
    """When the secret ends by itself."""
