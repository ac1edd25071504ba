"""Tenants."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, insert, select

from services.common.errors import AccountNotFound, InvalidInput
from services.common.ids import new_id
from services.storage.catalog.database import Database, Transaction
from services.storage.identity.records import Account, AccountKind
from services.storage.identity.tables import accounts

_WEBHOOK_SECRET_BYTES = 32
_MAX_NAME_LENGTH = 200


class Accounts:
    """The record of accounts. Every method may raise Unavailable or StorageFull."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, name: str, kind: AccountKind = AccountKind.ENTERPRISE) -> Account:
        """A new account. Raises InvalidInput."""
        async with self._database.write() as tx:
            return await record_account(tx, name, kind)

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


async def record_account(tx: Transaction, name: str, kind: AccountKind) -> Account:
    """A new account, together with what else the transaction does. Raises InvalidInput."""
    values = {
        "id": new_id("ac"),
        "name": checked_name(name),
        "kind": kind,
        "webhook_secret": _webhook_secret(),
        "created_at": await tx.now(),
    }
    return _account(await tx.one(insert(accounts).values(values).returning(*accounts.c)))


async def require_account(tx: Transaction, account_id: str) -> None:
    """Returns when there is such an account. Raises AccountNotFound."""
    if await tx.one_or_none(select(accounts.c.id).where(accounts.c.id == account_id)) is None:
        raise AccountNotFound("no such account")


def checked_name(name: str) -> str:
    """A name for people. Raises InvalidInput."""
    if not name.strip() or len(name) > _MAX_NAME_LENGTH:
        raise InvalidInput(f"a name has 1 to {_MAX_NAME_LENGTH} characters")
    return name


def _webhook_secret() -> str:
    """As Standard Webhooks wants it."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(_WEBHOOK_SECRET_BYTES)).decode()


def _account(row: Row[Any]) -> Account:
    return Account(**row._asdict())
