"""How accounts want their content judged: every version is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Row, Select, insert, select
from sqlalchemy.exc import IntegrityError

from services.common.errors import InvalidInput, PolicyNotFound, StateConflict
from services.storage.catalog.database import Database, Transaction
from services.storage.catalog.page import MAX_LIMIT
from services.storage.catalog.records import Policy
from services.storage.catalog.tables import policies
from services.storage.identity.accounts import require_account


class Policies:
    """The record of policies. Every method may raise Unavailable or StorageFull."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, account_id: str, version: int | None) -> Policy:
        """The latest policy, or a version of it. Raises AccountNotFound, PolicyNotFound."""
        async with self._database.read() as tx:
            latest = await _latest(tx, account_id)
            if version is None or version == latest.version:
                return latest
            row = await tx.one_or_none(_of(account_id).where(policies.c.version == version))
        if version == 0:
            return _none(account_id)
        if row is None:
            raise PolicyNotFound("no such version of the policy")
        return _record(row)

    async def put(
        self,
        account_id: str,
        document: dict[str, Any],
        *,
        author: str,
        expected_version: int | None,
    ) -> Policy:
        """Makes a document the latest policy. Raises AccountNotFound, StateConflict."""
        async with self._database.write() as tx:
            latest = await _latest(tx, account_id)
            if expected_version is not None and expected_version != latest.version:
                raise StateConflict(f"version {latest.version} of the policy holds by now")
            if document == latest.document:
                return latest
            new = Policy(account_id, latest.version + 1, document, author, await tx.now())
            try:
                async with tx.savepoint():
                    await tx.execute(insert(policies).values(asdict(new)))
            except IntegrityError as error:
                raise StateConflict("another policy was made at this moment") from error
        return new

    async def list(self, account_id: str, *, limit: int, before: int) -> Sequence[Policy]:
        """Policies, newest first; `before` leaves out that version and later ones, unless 0."""
        if not 1 <= limit <= MAX_LIMIT:
            raise InvalidInput(f"limit must be from 1 to {MAX_LIMIT}")
        query = _of(account_id).order_by(policies.c.version.desc()).limit(limit)
        if before:
            query = query.where(policies.c.version < before)
        async with self._database.read() as tx:
            return [_record(row) for row in await tx.all(query)]


async def _latest(tx: Transaction, account_id: str) -> Policy:
    query = _of(account_id).order_by(policies.c.version.desc()).limit(1)
    row = await tx.one_or_none(query)
    if row is not None:
        return _record(row)
    await require_account(tx, account_id)
    return _none(account_id)


def _of(account_id: str) -> Select[Any]:
    return select(policies).where(policies.c.account_id == account_id)


def _none(account_id: str) -> Policy:
    return Policy(account_id, 0, {}, "", None)


def _record(row: Row[Any]) -> Policy:
    return Policy(**row._asdict())
