"""Accounts and their keys in memory, with the rules of the real ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from services.common.errors import (
    AccountNotFound,
    ApiKeyNotFound,
    InvalidInput,
    NotFound,
    StateConflict,
    Unauthenticated,
)
from services.common.ids import new_id
from services.gateway.consents import Certificate
from services.gateway.identity import (
    Account,
    AccountKind,
    ApiKey,
    Deregistration,
    MinorHolder,
    NewApiKey,
)
from services.gateway.permissions import EVERYTHING, Caller, scopes_named
from services.gateway.subjects import Guardian
from tests.fakes.catalog import START

SECRET = "whsec_c2VjcmV0IHNlY3JldCBzZWNyZXQ="  # noqa: S105 - of no account
_EVERYTHING = NewApiKey("first", (EVERYTHING,), "operator")


@dataclass
class FakeAccounts:
    """Accounts and keys."""

    now: Callable[[], datetime]
    accounts: dict[str, Account] = field(default_factory=dict)
    keys: dict[str, ApiKey] = field(default_factory=dict)
    """By their present secrets."""
    rotated: dict[str, str] = field(default_factory=dict)
    """By the secret before: the key's id."""
    bearers: list[Callable[[str], Caller | None]] = field(default_factory=list)
    """Who else opens the door, by the secret."""
    confirm: Callable[[str, str, str], object] = field(default=lambda *_: None)
    """Sees whether a person told the right code for a purpose."""
    ends: dict[str, Deregistration] = field(default_factory=dict)
    """By account."""
    receipts: dict[str, str] = field(default_factory=dict)
    minors: dict[str, MinorHolder] = field(default_factory=dict)
    """By account."""
    asked: int = 0

    def add(self, name: str = "first") -> tuple[Account, str]:
        account = Account(new_id("ac"), name, SECRET, START, AccountKind.ENTERPRISE)
        self.accounts[account.id] = account
        _, secret = self._new_key(account.id, _EVERYTHING)
        return account, secret

    def key_with(self, account_id: str, *scopes: str) -> str:
        """The secret of a key that may do no more than that."""
        return self._new_key(account_id, NewApiKey("some", scopes, "operator"))[1]

    async def account(self, account_id: str) -> Account:
        if account_id not in self.accounts:
            raise AccountNotFound("no such account")
        return self.accounts[account_id]

    async def set_minor_holder(
        self, account_id: str, *, birth_year: int | None, guardian: Guardian | None, told_by: str
    ) -> MinorHolder:
        if (await self.account(account_id)).kind is not AccountKind.PERSONAL:
            raise StateConflict("an organisation has no age")
        if birth_year is not None and not self._may_be_minor(birth_year):
            raise InvalidInput("whoever was born then is of age")
        self.minors[account_id] = MinorHolder(birth_year, guardian, told_by, self.now(), True)
        return self.minors[account_id]

    async def minor_holder(self, account_id: str) -> MinorHolder:
        if account_id not in self.minors:
            raise NotFound("nobody said that the account's holder is a minor")
        holder = self.minors[account_id]
        minor = holder.birth_year is None or self._may_be_minor(holder.birth_year)
        return replace(holder, minor=minor)

    def record_age(self, account_id: str, birth_year: int, *, told_by: str) -> None:
        """What is told at sign-up."""
        if self.accounts[account_id].kind is not AccountKind.PERSONAL:
            raise InvalidInput("an organisation has no birth year")
        if self._may_be_minor(birth_year):
            self.minors[account_id] = MinorHolder(birth_year, None, told_by, self.now(), True)

    async def lacks_guardian(self, account_id: str) -> bool:
        if account_id not in self.minors:
            return False
        holder = await self.minor_holder(account_id)
        return holder.minor and holder.guardian is None

    def _may_be_minor(self, born: int) -> bool:
        return self.now().year - born <= 18

    async def authenticate(self, secret: str) -> Caller:
        self.asked += 1
        for bearer in self.bearers:
            if caller := bearer(secret):
                return caller
        key = self.keys.get(secret) or self._rotated(secret)
        if key is None or self._ended(key):
            raise Unauthenticated("the API key is not valid")
        return Caller(
            key.account_id,
            key.id,
            scopes_named(key.scopes),
            until=key.expires_at,
            closing=self.is_closing(key.account_id),
        )

    async def create_key(self, account_id: str, new: NewApiKey) -> tuple[ApiKey, str]:
        await self.account(account_id)
        if new.expires_at is not None and new.expires_at <= self.now():
            raise InvalidInput("expires_at must lie ahead")
        return self._new_key(account_id, new)

    async def key(self, account_id: str, key_id: str) -> ApiKey:
        return self._find(account_id, key_id)[1]

    async def list_keys(self, account_id: str) -> Sequence[ApiKey]:
        mine = [key for key in self.keys.values() if key.account_id == account_id]
        return sorted(mine, key=lambda key: key.id)[::-1]

    async def rotate_key(
        self, account_id: str, key_id: str, *, overlap_s: int
    ) -> tuple[ApiKey, str]:
        secret, key = self._find(account_id, key_id)
        if self._ended(key):
            raise StateConflict("the key has ended")
        del self.keys[secret]
        self.rotated = {old: of for old, of in self.rotated.items() if of != key_id}
        self.rotated[secret] = key_id
        fresh = f"vk_{new_id('zz')}"
        until = self.now() + timedelta(seconds=overlap_s)
        self.keys[fresh] = replace(key, prefix=fresh[:8], rotated_until=until)
        return self.keys[fresh], fresh

    async def revoke_key(self, account_id: str, key_id: str) -> ApiKey:
        secret, key = self._find(account_id, key_id)
        self.keys[secret] = replace(key, revoked_at=key.revoked_at or self.now())
        return self.keys[secret]

    async def deregister(
        self, account_id: str, person_id: str, code: str, *, reason: str
    ) -> tuple[Deregistration, str]:
        account = await self.account(account_id)
        if account.erases_at is not None:
            raise StateConflict("the account is being deregistered already")
        self.confirm(person_id, "deregistration", code)
        now = self.now()
        end = Deregistration(new_id("dg"), person_id, now, now + timedelta(days=15))
        self.ends[account_id] = end
        self.accounts[account_id] = replace(account, erases_at=end.erases_at)
        receipt = f"vr_{new_id('zz')}"
        self.receipts[receipt] = account_id
        return end, receipt

    async def deregistration(self, account_id: str) -> Deregistration:
        if account_id not in self.ends:
            raise NotFound("the account is not being deregistered")
        return self.ends[account_id]

    async def cancel_deregistration(self, account_id: str) -> None:
        if (await self.deregistration(account_id)).erases_at <= self.now():
            raise StateConflict("the time to take it back is over")
        del self.ends[account_id]
        self.accounts[account_id] = replace(self.accounts[account_id], erases_at=None)

    async def certify_erasure(self, receipt: str) -> Certificate:
        if receipt not in self.receipts:
            raise NotFound("no such receipt")
        account_id = self.receipts[receipt]
        if account_id not in self.ends or self.ends[account_id].erases_at > self.now():
            raise StateConflict("the account was not erased")
        statement = json.dumps({"type": "account_erasure", "account_id": account_id}).encode()
        return Certificate(statement, b"signature", b"key")

    def is_closing(self, account_id: str) -> bool:
        return self.accounts[account_id].erases_at is not None

    def _find(self, account_id: str, key_id: str) -> tuple[str, ApiKey]:
        for secret, key in self.keys.items():
            if key.id == key_id and key.account_id == account_id:
                return secret, key
        raise ApiKeyNotFound("no such API key")

    def _rotated(self, secret: str) -> ApiKey | None:
        for key in self.keys.values():
            if key.id == self.rotated.get(secret) and key.rotated_until:
                return key if key.rotated_until > self.now() else None
        return None

    def _ended(self, key: ApiKey) -> bool:
        over = key.expires_at is not None and key.expires_at <= self.now()
        return key.revoked_at is not None or over

    def _new_key(self, account_id: str, new: NewApiKey) -> tuple[ApiKey, str]:
        secret = f"vk_{new_id('zz')}"
        key = ApiKey(
            id=new_id("key"),
            account_id=account_id,
            name=new.name,
            prefix=secret[:8],
            created_at=START,
            last_used_at=None,
            revoked_at=None,
            scopes=new.scopes,
            expires_at=new.expires_at,
            rotated_until=None,
            created_by=new.created_by,
        )
        self.keys[secret] = key
        return key, secret
