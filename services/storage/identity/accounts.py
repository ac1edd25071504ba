"""Tenants."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, insert, select

from services.common.errors import AccountClosing, AccountNotFound, InvalidInput, KeyErased
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
            return await _read(tx, await _find(tx, account_id))

    async def list(self) -> Sequence[Account]:
        """All accounts, oldest first."""
        async with self._database.read() as tx:
            left = select(accounts).where(accounts.c.erased_at.is_(None))
            rows = await tx.all(left.order_by(accounts.c.id))
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
    await _find(tx, account_id)


async def require_open(tx: Transaction, account_id: str) -> None:
    """Returns when something new may be made in an account. Raises AccountNotFound, AccountClosing.

    The account does not begin to close before the transaction ends.
    """
    if (await _find(tx, account_id, shared=True)).erases_at is not None:
        raise AccountClosing("the account is being deregistered: nothing new is made in it")


async def _find(tx: Transaction, account_id: str, *, shared: bool = False) -> Row[Any]:
    query = select(accounts).where(accounts.c.id == account_id, accounts.c.erased_at.is_(None))
    # Waits for whoever closes the account, and for nobody else.
    locked = query.with_for_update(read=True, key_share=True)
    row = await tx.one_or_none(locked if shared else query)
    if row is None:
        raise AccountNotFound("no such account")
    return row


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
    del values["erased_at"]
    try:
        values["webhook_secret"] = await tx.unseal(
            accounts.c.webhook_secret, row.id, row.webhook_secret
        )
    except KeyErased:
        # What is left of an account whose data was erased signs nothing any more.
        values["webhook_secret"] = ""
    return Account(**values)
