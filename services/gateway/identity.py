"""Accounts and what opens the door for them, as the gateway sees them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from services.gateway.consents import Certificate
from services.gateway.permissions import Caller, Role
from services.gateway.subjects import Guardian


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
    erases_at: datetime | None = None
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
class Deregistration:
    """The end of an account, after a time in which it can be taken back."""

    id: str
    requested_by: str
    """A person."""
    requested_at: datetime
    erases_at: datetime


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

    async def set_minor_holder(
        self, account_id: str, *, birth_year: int | None, guardian: Guardian | None, told_by: str
    ) -> MinorHolder:
        """Records that the holder is a minor, and who consents, in place of what was.

        Raises InvalidInput, StateConflict for an organisation.
        """

    async def minor_holder(self, account_id: str) -> MinorHolder:
        """What is recorded of that. Raises NotFound."""

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

    async def deregister(
        self, account_id: str, person_id: str, code: str, *, reason: str
    ) -> tuple[Deregistration, str]:
        """Begins the end of an account; the receipt is told only here.

        Raises CodeInvalid, Forbidden, StateConflict when it has begun.
        """

    async def deregistration(self, account_id: str) -> Deregistration:
        """An end that has begun. Raises NotFound."""

    async def cancel_deregistration(self, account_id: str) -> None:
        """Takes it back. Raises NotFound, StateConflict when its time is over."""

    async def certify_erasure(self, receipt: str) -> Certificate:
        """Proves that an account was erased.

        Raises NotFound, StateConflict before that, Unavailable until all is gone.
        """


@dataclass(frozen=True, slots=True)
class NewPerson:
    """What a person tells of themselves at sign-up; empty: nothing."""

    phone: str
    """E.164."""
    user_name: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class Membership:
    """An account that a person acts for."""

    account_id: str
    account_name: str
    role: Role


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
class Member:
    """Somebody who acts for an account, or is invited to."""

    id: str
    """A person's id, or an invitation's."""
    role: Role
    phone: str
    user_name: str
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
    expires_at: datetime


class People(Protocol):
    """People who act for accounts."""

    async def make_code(self, phone: str, purpose: str) -> str:
        """A one-time code for a phone, whoever's it is. Raises InvalidInput, Overloaded."""

    async def sign_up(
        self,
        new: NewPerson,
        code: str,
        *,
        kind: AccountKind,
        name: str,
        birth_year: int | None = None,
    ) -> tuple[Session, str]:
        """A new account's owner has come in; the token is told only here.

        Raises CodeInvalid, InvalidInput.
        """

    async def sign_in(self, phone: str, code: str, *, account_id: str = "") -> tuple[Session, str]:
        """A person has come in; the token is told only here.

        Raises CodeInvalid, AccountNotFound, InvalidInput when they have to name an account.
        """

    async def sessions(self, person_id: str) -> Sequence[Session]:
        """A person's sessions that have not ended, newest first."""

    async def end_session(self, person_id: str, session_id: str) -> None:
        """Ends a session. Raises SessionNotFound."""

    async def end_sessions(self, person_id: str, *, but: str = "") -> None:
        """Ends all sessions of a person, but one."""

    async def person(self, person_id: str) -> Person:
        """One person. Raises PersonNotFound."""

    async def update_person(
        self, person_id: str, *, user_name: str | None = None, email: str | None = None
    ) -> Person:
        """Changes what is given; empty takes it away. Raises PersonNotFound, InvalidInput."""

    async def change_phone(self, person_id: str, phone: str, code: str, *, old_code: str) -> Person:
        """Another phone. Raises CodeInvalid, StateConflict when it is somebody's."""

    async def members(self, account_id: str) -> Sequence[Member]:
        """An account's members, then those who are invited."""

    async def invite(self, account_id: str, phone: str, role: Role, *, invited_by: str) -> Member:
        """Lets whoever has the phone join. Raises StateConflict, InvalidInput."""

    async def change_member(self, account_id: str, member_id: str, role: Role) -> Member:
        """Another role. Raises MemberNotFound, StateConflict when no owner would be left."""

    async def remove_member(self, account_id: str, member_id: str) -> None:
        """Ends a membership. Raises MemberNotFound, StateConflict when no owner would be left."""
