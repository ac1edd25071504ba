"""Tenants."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, insert, select

from services.common.errors import AccountNotFound, InvalidInput, KeyErased
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
            return await _read(tx, row)

    async def list(self) -> Sequence[Account]:
        """All accounts, oldest first."""
        async with self._database.read() as tx:
            rows = await tx.all(select(accounts).order_by(accounts.c.id))
            return [await _read(tx, row) for row in rows]


async def record_account(tx: Transaction, name: str, kind: AccountKind) -> Account:
    """A new account, together with what else the transaction does. Raises InvalidInput."""
    account_id = new_id("ac")
    secret = await tx.seal(accounts.c.webhook_secret, account_id, _webhook_secret())
    values = {
        "id": account_id,
        "name": checked_name(name),
        "kind": kind,
        "webhook_secret": secret,
        "created_at": await tx.now(),
    }
    return await _read(tx, await tx.one(insert(accounts).values(values).returning(*accounts.c)))


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


async def _read(tx: Transaction, row: Row[Any]) -> Account:
    values = row._asdict()
    try:
        values["webhook_secret"] = await tx.unseal(
            accounts.c.webhook_secret, row.id, row.webhook_secret
        )
    except KeyErased:
        # What is left of an account whose data was erased signs nothing any more.
        values["webhook_secret"] = ""
    return Account(**values)
