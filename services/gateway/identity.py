"""Accounts and what opens the door for them, as the gateway sees them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from services.gateway.permissions import Caller


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
    created_at: datetime
    kind: AccountKind


@dataclass(frozen=True, slots=True)
class NewApiKey:
    """A key to be made."""

    name: str
    scopes: tuple[str, ...]
    """Scopes, or `*`."""
    created_by: str
    """Who makes it: a person's or a key's id, or `operator`."""
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key without its secrets."""

    id: str
    account_id: str
    name: str
    prefix: str
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None
    scopes: tuple[str, ...]
    expires_at: datetime | None
    rotated_until: datetime | None
    """Until when the secret before the present one is good."""
    created_by: str


class Accounts(Protocol):
    """Tenants and their keys."""

    async def account(self, account_id: str) -> Account:
        """One account. Raises AccountNotFound."""

    async def authenticate(self, secret: str) -> Caller:
        """Who bears a secret. Raises Unauthenticated."""

    async def create_key(self, account_id: str, new: NewApiKey) -> tuple[ApiKey, str]:
        """A new key and its secret, which is told only here. Raises InvalidInput."""

    async def key(self, account_id: str, key_id: str) -> ApiKey:
        """One key. Raises ApiKeyNotFound."""

    async def list_keys(self, account_id: str) -> Sequence[ApiKey]:
        """The account's keys, newest first."""

    async def rotate_key(
        self, account_id: str, key_id: str, *, overlap_s: int
    ) -> tuple[ApiKey, str]:
        """Another secret for a key, told only here; the present one is good for the overlap.

        Raises ApiKeyNotFound, InvalidInput, StateConflict when the key has ended.
        """

    async def revoke_key(self, account_id: str, key_id: str) -> ApiKey:
        """Ends a key. Raises ApiKeyNotFound."""
