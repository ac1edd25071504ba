"""Holders of personal accounts who are minors, and the guardians who consent for them."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from sqlalchemy import Row, delete, insert, select

from services.common.errors import AccountNotFound, InvalidInput, NotFound, StateConflict
from services.storage.catalog.database import Database, Transaction
from services.storage.identity.records import AccountKind, MinorHolder
from services.storage.identity.tables import accounts, minor_holders
from services.storage.subjects.ages import check_birth_year, check_guardian, may_be_minor
from services.storage.subjects.records import Guardian


class MinorHolders:
    """The record of them. Every method may raise Unavailable or StorageFull."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def set(
        self, account_id: str, *, birth_year: int | None, guardian: Guardian | None, told_by: str
    ) -> MinorHolder:
        """Records that an account's holder is a minor, and who consents, in place of what was.

        Raises AccountNotFound, InvalidInput, and StateConflict for an organisation.
        """
        async with self._database.write() as tx:
            mine = (accounts.c.id == account_id, accounts.c.erased_at.is_(None))
            query = select(accounts.c.kind).where(*mine)
            row = await tx.one_or_none(query.with_for_update())
            if row is None:
                raise AccountNotFound("no such account")
            if row.kind is not AccountKind.PERSONAL:
                raise StateConflict("an organisation has no age")
            if birth_year is not None:
                year = (await tx.now()).year
                check_birth_year(birth_year, year)
                if not may_be_minor(birth_year, year):
                    raise InvalidInput("whoever was born then is of age")
            if guardian:
                check_guardian(guardian)
            return await _record(tx, account_id, birth_year, guardian, told_by)

    async def get(self, account_id: str) -> MinorHolder:
        """What is recorded of an account's holder. Raises NotFound."""
        async with self._database.read() as tx:
            holder = await _find(tx, account_id)
        if holder is None:
            raise NotFound("nobody said that the account's holder is a minor")
        return holder


async def record_age(
    tx: Transaction, account_id: str, kind: AccountKind, birth_year: int, *, told_by: str
) -> None:
    """Records a new account's holder who may be a minor; of others nothing. Raises InvalidInput."""
    if kind is not AccountKind.PERSONAL:
        raise InvalidInput("an organisation has no birth year")
    year = (await tx.now()).year
    check_birth_year(birth_year, year)
    if may_be_minor(birth_year, year):
        await _record(tx, account_id, birth_year, None, told_by)


async def lacks_guardian(tx: Transaction, account_id: str) -> bool:
    """Whether the account's holder is a minor for whom no guardian has consented."""
    holder = await _find(tx, account_id)
    return holder is not None and holder.minor and holder.guardian is None


async def _record(
    tx: Transaction,
    account_id: str,
    birth_year: int | None,
    guardian: Guardian | None,
    told_by: str,
) -> MinorHolder:
    told = {"birth_year": birth_year, "guardian": asdict(guardian) if guardian else None}
    text = json.dumps(told, ensure_ascii=False)
    values = {
        "account_id": account_id,
        "details": await tx.seal(minor_holders.c.details, account_id, text),
        "told_by": told_by,
        "told_at": await tx.now(),
    }
    await tx.execute(delete(minor_holders).where(minor_holders.c.account_id == account_id))
    row = await tx.one(insert(minor_holders).values(values).returning(*minor_holders.c))
    return await _read(tx, row)


async def _find(tx: Transaction, account_id: str) -> MinorHolder | None:
    mine = minor_holders.c.account_id == account_id
    row = await tx.one_or_none(select(minor_holders).where(mine))
    return await _read(tx, row) if row else None


async def _read(tx: Transaction, row: Row[Any]) -> MinorHolder:
    told = json.loads(await tx.unseal(minor_holders.c.details, row.account_id, row.details))
    born = told["birth_year"]
    return MinorHolder(
        birth_year=born,
        guardian=Guardian(**told["guardian"]) if told["guardian"] else None,
        told_by=row.told_by,
        told_at=row.told_at,
        minor=born is None or may_be_minor(born, (await tx.now()).year),
    )
