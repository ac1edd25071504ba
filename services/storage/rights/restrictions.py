"""What is restricted may be stored, told and erased, and not be used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, delete, insert, select

from services.common.errors import AccountNotFound, Restricted
from services.storage.catalog.database import Database, Transaction
from services.storage.identity.tables import accounts
from services.storage.rights.records import Restriction
from services.storage.rights.tables import restrictions

WHOLE_ACCOUNT = ""


class Restrictions:
    """What is restricted. Every method may raise Unavailable or StorageFull."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list(self, account_id: str) -> Sequence[Restriction]:
        """The account's restrictions, oldest first."""
        query = select(restrictions).where(restrictions.c.account_id == account_id)
        async with self._database.read() as tx:
            return [_restriction(row) for row in await tx.all(query.order_by(restrictions.c.since))]

    async def check(self, account_id: str) -> None:
        """Returns when the account may use the service. Raises Restricted."""
        async with self._database.read() as tx:
            await require_unrestricted(tx, account_id, WHOLE_ACCOUNT)


async def require_unrestricted(tx: Transaction, account_id: str, consent_id: str) -> None:
    """Nobody restricts the account, or the consent, before the transaction ends.

    Raises Restricted when it is.
    """
    # Without a lock, what begins at the moment of a restriction would go on.
    locked = select(accounts.c.id).where(accounts.c.id == account_id).with_for_update(read=True)
    await tx.one_or_none(locked)
    which = restrictions.c.consent_id.in_({WHOLE_ACCOUNT, consent_id})
    query = select(restrictions.c.consent_id).where(restrictions.c.account_id == account_id, which)
    if found := await tx.all(query):
        whole = any(row.consent_id == WHOLE_ACCOUNT for row in found)
        whose = "the account" if whole else "the use of this person's likeness"
        raise Restricted(f"{whose} is restricted: it is stored, and not used")


async def restrict(
    tx: Transaction, account_id: str, consent_ids: Sequence[str], request_id: str
) -> None:
    """Restricts consents, or with WHOLE_ACCOUNT all; what uses them now is the caller's to end."""
    # Waits for what begins, which the caller then finds.
    this = select(accounts.c.id).where(accounts.c.id == account_id)
    if await tx.one_or_none(this.with_for_update(key_share=True)) is None:
        raise AccountNotFound("no such account")
    mine = restrictions.c.account_id == account_id
    known = {row.consent_id for row in await tx.all(select(restrictions).where(mine))}
    new = {"account_id": account_id, "request_id": request_id, "since": await tx.now()}
    for consent_id in consent_ids:
        if consent_id not in known:
            await tx.execute(insert(restrictions).values(new | {"consent_id": consent_id}))


async def lift(tx: Transaction, account_id: str, consent_ids: Sequence[str]) -> None:
    """Ends restrictions; those that are none are ignored."""
    which = restrictions.c.consent_id.in_(consent_ids)
    await tx.execute(delete(restrictions).where(restrictions.c.account_id == account_id, which))


def _restriction(row: Row[Any]) -> Restriction:
    return Restriction(row.consent_id, row.request_id, row.since)
