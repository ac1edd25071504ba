"""Data keys: one for each owner, wrapped by the master key, read anew for every use."""

from __future__ import annotations

import os
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from services.common.errors import KeyErased
from services.storage.catalog.database import Transaction
from services.storage.protection.master import KEY_BYTES, Damaged, MasterKey
from services.storage.protection.tables import data_keys

_AT_ONCE = 500


class DataKeys:
    """The keys of accounts and people.

    No key is kept in memory beyond the use that it was read for, so one that is shredded is gone
    for every replica with the commit.
    """

    def __init__(self, master: MasterKey) -> None:
        self._master = master

    async def find(self, tx: Transaction, owner_id: str) -> bytes | None:
        """The owner's key, if there ever was one. Raises KeyErased."""
        row = await _row(tx, owner_id)
        if row is None:
            return None
        if row.erased_at is not None:
            raise KeyErased("what is asked for was erased with its owner's key")
        return await self._master.unwrap(row.wrapped, context=owner_id.encode())

    async def get(self, tx: Transaction, owner_id: str) -> bytes:
        """The owner's key. Raises KeyErased, and Damaged when there never was one."""
        key = await self.find(tx, owner_id)
        if key is None:
            raise Damaged("the owner of what was encrypted has no key")
        return key

    async def get_or_make(self, tx: Transaction, owner_id: str) -> bytes:
        """The owner's key, made at its first use. Raises KeyErased."""
        return await self.find(tx, owner_id) or await self._make(tx, owner_id)

    async def shred(self, tx: Transaction, owner_id: str) -> None:
        """Forgets the owner's key for good; none is ever made for that owner again."""
        if await _row(tx, owner_id) is None:
            await self._make(tx, owner_id)
        this = update(data_keys).where(data_keys.c.owner_id == owner_id)
        once = this.where(data_keys.c.erased_at.is_(None))
        await tx.execute(once.values(wrapped=None, erased_at=await tx.now()))

    async def rewrap(self, tx: Transaction, *, after: str) -> tuple[int, str]:
        """Has the keys of the next owners wrapped by the newest master key.

        How many were wrapped by an older one, and the last owner looked at: empty at the end.
        """
        kept = select(data_keys).where(data_keys.c.wrapped.is_not(None))
        following = kept.where(data_keys.c.owner_id > after).order_by(data_keys.c.owner_id)
        rows = await tx.all(following.limit(_AT_ONCE).with_for_update())
        old = [row for row in rows if not self._master.is_current(row.wrapped)]
        for row in old:
            context = row.owner_id.encode()
            key = await self._master.unwrap(row.wrapped, context=context)
            this = update(data_keys).where(data_keys.c.owner_id == row.owner_id)
            await tx.execute(this.values(wrapped=await self._master.wrap(key, context=context)))
        return len(old), rows[-1].owner_id if rows else ""

    async def _make(self, tx: Transaction, owner_id: str) -> bytes:
        key = os.urandom(KEY_BYTES)
        wrapped = await self._master.wrap(key, context=owner_id.encode())
        new = {"owner_id": owner_id, "wrapped": wrapped, "created_at": await tx.now()}
        try:
            async with tx.savepoint():
                await tx.execute(insert(data_keys).values(new))
        except IntegrityError:
            # Another replica was first.
            return await self.get(tx, owner_id)
        return key


async def _row(tx: Transaction, owner_id: str) -> Row[Any] | None:
    return await tx.one_or_none(select(data_keys).where(data_keys.c.owner_id == owner_id))
