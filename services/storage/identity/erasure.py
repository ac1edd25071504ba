"""The erasure of an account: everything of it, in whichever tables, and every object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Table, delete, select, update

from services.storage.catalog.database import Transaction
from services.storage.catalog.erasures import LATE_WRITES_END_AFTER, Erasures
from services.storage.catalog.tables import Ref
from services.storage.identity.people import erase_if_alone
from services.storage.identity.tables import accounts, members
from services.storage.protection.vault import Vault
from services.storage.refs import ObjectRef
from services.storage.tables import metadata

KEPT = frozenset(
    {"accounts", "audit_entries", "audit_heads", "data_keys", "deregistrations", "erasures"}
)
"""Tables that outlive an account: its tombstone and its end, who did what, by ids alone, until its
own time is over, keys that were shredded, and objects that are to go."""
_ACCOUNT = "account_id"


@dataclass(frozen=True, slots=True)
class ErasedAccount:
    """What went with an account."""

    rows: dict[str, int]
    """By table, those that there were."""
    objects: tuple[ObjectRef, ...]
    people: int
    """Who acted for no other account."""


async def erase_account(
    tx: Transaction, vault: Vault, erasures: Erasures, account_id: str
) -> ErasedAccount:
    """Erases all but the tombstone: id, kind and dates.

    Its key is shredded, so that nothing sealed under it can be read again, wherever it lies. Its
    objects go once the transaction is committed; call `erasures.hurry()` then.
    """
    acted = select(members.c.person_id).where(members.c.account_id == account_id)
    people = [row.person_id for row in await tx.all(acted)]
    rows: dict[str, int] = {}
    objects: list[ObjectRef] = []
    for table in reversed(metadata.sorted_tables):
        mine = None if table.name in KEPT else _of_account(table, account_id)
        if mine is not None:
            objects += await _objects(tx, table, mine)
            if count := await tx.execute(delete(table).where(mine)):
                rows[table.name] = count
    objects = sorted(set(objects), key=lambda ref: (ref.bucket, ref.key))
    await erasures.schedule(tx, objects)
    await erasures.schedule(tx, objects, after=LATE_WRITES_END_AFTER)
    await vault.shred(tx, account_id)
    alone = [await erase_if_alone(tx, vault, person_id) for person_id in people]
    tombstone = {"name": "", "webhook_secret": "", "erased_at": await tx.now()}
    await tx.execute(update(accounts).where(accounts.c.id == account_id).values(tombstone))
    return ErasedAccount(rows, tuple(objects), sum(alone))


def _of_account(table: Table, account_id: str) -> ColumnElement[bool] | None:
    """The rows of an account, or that hang on such; None of a table that has none."""
    if _ACCOUNT in table.c:
        return table.c[_ACCOUNT] == account_id
    for key in table.foreign_keys:
        whole = key.column.table
        if _ACCOUNT in whole.c:
            those = select(key.column).where(whole.c[_ACCOUNT] == account_id)
            return key.parent.in_(those)
    return None


async def _objects(tx: Transaction, table: Table, mine: ColumnElement[bool]) -> list[ObjectRef]:
    refs: list[Any] = [column for column in table.c if isinstance(column.type, Ref)]
    if not refs:
        return []
    rows = await tx.all(select(*refs).where(mine))
    return [ref for row in rows for ref in row if ref is not None]
