"""Answers of creating requests, so that a request that is repeated creates once."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import structlog
from sqlalchemy import ColumnElement, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from services.common.errors import (
    IdempotencyConflict,
    IdempotencyInProgress,
    StateConflict,
    StorageFull,
    Unavailable,
)
from services.storage.catalog.database import Database, Transaction
from services.storage.catalog.records import Answer
from services.storage.catalog.tables import idempotency_keys as keys
from services.storage.identity.accounts import require_account

log = structlog.get_logger()

_KEPT_FOR = timedelta(hours=24)
_CLAIMED_FOR = timedelta(minutes=10)
"""Longer than any request takes; then whoever claimed the key has died."""
_RETRY_AFTER_S = 1.0
_PURGE_EVERY_S = 600.0


class Idempotency:
    """The record of idempotency keys. Every method may raise Unavailable or StorageFull."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, account_id: str, key: str, request_sha256: str) -> Answer | None:
        """Claims a key (None) or tells its first answer.

        Raises IdempotencyConflict, IdempotencyInProgress, AccountNotFound.
        """
        async with self._database.write() as tx:
            await require_account(tx, account_id)
            if await _claim(tx, account_id, key, request_sha256):
                return None
            found = await tx.one_or_none(select(keys).where(*_this(account_id, key)))
            if found is None:
                raise IdempotencyInProgress("the key was just freed", retry_after_s=_RETRY_AFTER_S)
            if found.request_sha256 != request_sha256:
                raise IdempotencyConflict("the key was used with another request")
            if found.status is None:
                raise IdempotencyInProgress(
                    "the first request is still being answered", retry_after_s=_RETRY_AFTER_S
                )
            return Answer(found.status, await tx.unseal(keys.c.body, account_id, found.body))

    async def complete(self, account_id: str, key: str, answer: Answer) -> None:
        """Keeps the answer for 24 hours. Raises StateConflict when the key is not claimed."""
        async with self._database.write() as tx:
            values = {
                "status": answer.status,
                "body": await tx.seal(keys.c.body, account_id, answer.body),
                "expires_at": await tx.now() + _KEPT_FOR,
            }
            claimed = update(keys).where(*_this(account_id, key), keys.c.status.is_(None))
            if not await tx.execute(claimed.values(values)):
                raise StateConflict("the key is not claimed")

    async def abandon(self, account_id: str, key: str) -> None:
        """Frees a claimed key; one that has its answer keeps it."""
        async with self._database.write() as tx:
            await tx.execute(delete(keys).where(*_this(account_id, key), keys.c.status.is_(None)))

    async def run(self) -> None:
        """Forgets what has expired, again and again until cancelled."""
        while True:
            try:
                await self.purge()
            except (StorageFull, Unavailable) as error:
                log.warning("idempotency.not_purged", reason=error.reason)
            await asyncio.sleep(_PURGE_EVERY_S)

    async def purge(self) -> None:
        """Forgets what has expired."""
        async with self._database.write() as tx:
            await tx.execute(delete(keys).where(keys.c.expires_at <= await tx.now()))


async def _claim(tx: Transaction, account_id: str, key: str, request_sha256: str) -> bool:
    """Whether the key was free and is now ours; of several at once, one gets it."""
    now = await tx.now()
    await tx.execute(delete(keys).where(*_this(account_id, key), keys.c.expires_at <= now))
    claim = {
        "account_id": account_id,
        "key": key,
        "request_sha256": request_sha256,
        "expires_at": now + _CLAIMED_FOR,
    }
    try:
        async with tx.savepoint():
            await tx.execute(insert(keys).values(claim))
    except IntegrityError:
        return False
    return True


def _this(account_id: str, key: str) -> tuple[ColumnElement[bool], ...]:
    return (keys.c.account_id == account_id, keys.c.key == key)
