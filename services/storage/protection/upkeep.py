"""What operators do to keys and to what was stored before there were any; safe to repeat."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import structlog
from sqlalchemy import Column, ColumnElement, Text, select, type_coerce, update

from services.common.errors import KeyErased, NotFound
from services.storage.catalog.database import Database
from services.storage.catalog.tables import (
    SEAL,
    consents,
    idempotency_keys,
    review_decisions,
    reviews,
    videos,
)
from services.storage.identity.tables import accounts
from services.storage.objects.spool import Spool, receive
from services.storage.objects.store import ObjectInfo
from services.storage.protection.keys import DataKeys
from services.storage.refs import BUCKETS, ObjectRef

log = structlog.get_logger()

_NO_LIMIT = 2**63
_ROWS_AT_ONCE = 200
_CLEAR_ONCE: Mapping[Column[Any], ColumnElement[str]] = {
    accounts.c.webhook_secret: accounts.c.id,
    consents.c.note: consents.c.account_id,
    consents.c.statement: consents.c.account_id,
    consents.c.subject: consents.c.account_id,
    idempotency_keys.c.body: idempotency_keys.c.account_id,
    review_decisions.c.note: select(reviews.c.account_id)
    .where(reviews.c.id == review_decisions.c.review_id)
    .scalar_subquery(),
    reviews.c.text: reviews.c.account_id,
    videos.c.text: videos.c.account_id,
}
"""Columns that are older than their sealing, and whom their texts belong to."""


class Store(Protocol):
    """The object store, as it is encrypted."""

    async def listed(self, bucket: str, *, after: str) -> Sequence[ObjectRef]:
        """Some objects of a bucket, in the order of their keys."""
        ...

    async def is_sealed(self, ref: ObjectRef) -> bool:
        """Whether an object lies encrypted."""
        ...

    async def open(self, ref: ObjectRef) -> tuple[ObjectInfo, AsyncGenerator[bytes, None]]:
        """An object's type and bytes."""
        ...

    async def write(self, ref: ObjectRef, content_type: str, path: Path) -> None:
        """Stores a file, encrypted."""
        ...


async def rewrap(database: Database, keys: DataKeys) -> int:
    """Has every data key wrapped by the newest master key; how many were not."""
    wrapped, after = 0, ""
    while True:
        async with database.write() as tx:
            some, after = await keys.rewrap(tx, after=after)
        wrapped += some
        if not after:
            return wrapped


async def encrypt(store: Store, spool: Spool) -> int:
    """Encrypts every object that lies in the clear; how many did.

    What is replaced or deleted meanwhile could come back: no storage service may be running.
    """
    encrypted = 0
    for bucket in BUCKETS:
        after = ""
        while refs := await store.listed(bucket, after=after):
            for ref in refs:
                encrypted += await _encrypt(store, spool, ref)
            after = refs[-1].key
    return encrypted


async def seal_rows(database: Database) -> int:
    """Seals every text from before there was sealing; how many there were."""
    sealed = 0
    for column, owner in _CLEAR_ONCE.items():
        while some := await _seal_some(database, column, owner):
            sealed += some
    return sealed


async def _seal_some(database: Database, column: Column[Any], owner: ColumnElement[str]) -> int:
    """A few rows at once, so that nobody waits long."""
    table = column.table
    kept = type_coerce(column, Text)
    clear = (kept != "") & ~kept.startswith(SEAL, autoescape=True)
    some = (
        select(*table.primary_key.columns, column, owner.label("owner"))
        .where(clear)
        .limit(_ROWS_AT_ONCE)
    )
    sealed = 0
    async with database.write() as tx:
        for row in await tx.all(some):
            found = row._mapping
            this = [each == found[each] for each in table.primary_key.columns]
            try:
                value = await tx.seal(column, row.owner, found[column])
            except KeyErased:
                value = ""
            sealed += await tx.execute(update(table).where(*this).values({column: value}))
    return sealed


async def _encrypt(store: Store, spool: Spool, ref: ObjectRef) -> bool:
    try:
        if await store.is_sealed(ref):
            return False
        info, blocks = await store.open(ref)
        async with spool.room() as room:
            path = room / "object"
            await receive(blocks, path, max_bytes=_NO_LIMIT)
            await store.write(ref, info.content_type, path)
    except (KeyErased, NotFound) as error:
        log.warning("object.not_encrypted", bucket=ref.bucket, key=ref.key, reason=error.reason)
        return False
    return True
