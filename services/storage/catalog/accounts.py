"""Tenants and the keys that open the door for them."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Row, func, insert, select, update

from services.common.errors import (
    AccountNotFound,
    ApiKeyNotFound,
    InvalidInput,
    StorageFull,
    Unauthenticated,
    Unavailable,
)
from services.common.ids import new_id
from services.storage.catalog.database import Database, Transaction
from services.storage.catalog.records import Account, ApiKey
from services.storage.catalog.tables import accounts, api_keys

log = structlog.get_logger()

_SECRET_BYTES = 32
_PREFIX_LENGTH = 10
_MAX_NAME_LENGTH = 200
_USE_IS_TOLD_EVERY = timedelta(minutes=1)


class Accounts:
    """The record of accounts and API keys. Every method may raise Unavailable or StorageFull.

    A key's secret is random enough that its SHA-256 alone can be kept and looked up.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, name: str) -> Account:
        """A new account. Raises InvalidInput."""
        values = {
            "id": new_id("ac"),
            "name": _checked(name),
            "webhook_secret": _webhook_secret(),
        }
        async with self._database.write() as tx:
            new = insert(accounts).values(**values, created_at=await tx.now())
            return _account(await tx.one(new.returning(*accounts.c)))

    async def get(self, account_id: str) -> Account:
        """One account. Raises AccountNotFound."""
        async with self._database.read() as tx:
            row = await tx.one_or_none(select(accounts).where(accounts.c.id == account_id))
        if row is None:
            raise AccountNotFound("no such account")
        return _account(row)

    async def list(self) -> Sequence[Account]:
        """All accounts, oldest first."""
        async with self._database.read() as tx:
            return [_account(row) for row in await tx.all(select(accounts).order_by(accounts.c.id))]

    async def create_key(self, account_id: str, name: str) -> tuple[ApiKey, str]:
        """A new key and its secret, which nobody can tell again.

        Raises AccountNotFound, InvalidInput.
        """
        secret = f"vk_{secrets.token_urlsafe(_SECRET_BYTES)}"
        values = {
            "id": new_id("key"),
            "account_id": account_id,
            "name": _checked(name),
            "prefix": secret[:_PREFIX_LENGTH],
            "secret_sha256": _digest(secret),
        }
        async with self._database.write() as tx:
            new = insert(api_keys).values(**values, created_at=await tx.now())
            row = await tx.one(new.returning(*api_keys.c))
        return _key(row), secret

    async def list_keys(self, account_id: str) -> Sequence[ApiKey]:
        """The account's keys, newest first."""
        mine = api_keys.c.account_id == account_id
        query = select(api_keys).where(mine).order_by(api_keys.c.id.desc())
        async with self._database.read() as tx:
            return [_key(row) for row in await tx.all(query)]

    async def revoke_key(self, account_id: str, key_id: str) -> ApiKey:
        """Ends a key; one that has ended stays as it is. Raises ApiKeyNotFound."""
        async with self._database.write() as tx:
            ended = (
                update(api_keys)
                .where(api_keys.c.id == key_id, api_keys.c.account_id == account_id)
                .values(revoked_at=func.coalesce(api_keys.c.revoked_at, await tx.now()))
                .returning(*api_keys.c)
            )
            row = await tx.one_or_none(ended)
        if row is None:
            raise ApiKeyNotFound("no such API key")
        return _key(row)

    async def authenticate(self, secret: str) -> ApiKey:
        """The key that the secret belongs to. Raises Unauthenticated."""
        async with self._database.read() as tx:
            query = select(api_keys).where(api_keys.c.secret_sha256 == _digest(secret))
            row = await tx.one_or_none(query)
            if row is None or row.revoked_at is not None:
                raise Unauthenticated("the API key is not valid")
            key, now = _key(row), await tx.now()
        if key.last_used_at and now - key.last_used_at < _USE_IS_TOLD_EVERY:
            return key
        return await self._note_use(key, now.replace(second=0, microsecond=0))

    async def _note_use(self, key: ApiKey, used_at: datetime) -> ApiKey:
        try:
            async with self._database.write() as tx:
                this = update(api_keys).where(api_keys.c.id == key.id)
                await tx.execute(this.values(last_used_at=used_at))
        except (StorageFull, Unavailable) as error:
            # A full disk must not lock people out of what they have.
            log.warning("key.use_not_noted", reason=error.reason)
            return key
        return replace(key, last_used_at=used_at)


async def require_account(tx: Transaction, account_id: str) -> None:
    """Returns when there is such an account. Raises AccountNotFound."""
    if await tx.one_or_none(select(accounts.c.id).where(accounts.c.id == account_id)) is None:
        raise AccountNotFound("no such account")


def _checked(name: str) -> str:
    if not name.strip() or len(name) > _MAX_NAME_LENGTH:
        raise InvalidInput(f"a name has 1 to {_MAX_NAME_LENGTH} characters")
    return name


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _webhook_secret() -> str:
    """As Standard Webhooks wants it."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def _account(row: Row[Any]) -> Account:
    return Account(**row._asdict())


def _key(row: Row[Any]) -> ApiKey:
    values = row._asdict()
    del values["secret_sha256"]
    return ApiKey(**values)
