"""What operators do to keys and to what was stored before there were any; safe to repeat."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Protocol

import structlog

from services.common.errors import KeyErased, NotFound
from services.storage.catalog.database import Database
from services.storage.objects.spool import Spool, receive
from services.storage.objects.store import ObjectInfo
from services.storage.protection.keys import DataKeys
from services.storage.refs import BUCKETS, ObjectRef

log = structlog.get_logger()

_NO_LIMIT = 2**63


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
