"""Objects in S3 that no record names, and parts of uploads that broke off."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from datetime import datetime

from sqlalchemy import Column, select

from services.storage.catalog.database import Database, Transaction
from services.storage.catalog.records import VideoStatus
from services.storage.catalog.tables import Ref, metadata, videos
from services.storage.objects.store import ObjectStore
from services.storage.refs import BUCKETS, VIDEOS, ObjectRef
from services.storage.retention.found import Found


class StrayObjects:
    """Objects that are named by no column of any table, and belong to no video in the making.

    An object that a record comes to name later is younger than what is looked for here.
    """

    def __init__(self, database: Database, store: ObjectStore) -> None:
        self._database = database
        self._store = store

    async def look(self, before: datetime) -> Found:
        """The strays, and the oldest of them."""
        found = [one async for page in self._strays(before) for one in page]
        return Found(len(found), min((at for _, at in found), default=None))

    async def clear(self, before: datetime) -> int:
        """Deletes all strays."""
        gone = 0
        async for page in self._strays(before):
            await self._store.delete([ref for ref, _ in page])
            gone += len(page)
        return gone

    async def _strays(self, before: datetime) -> AsyncIterator[list[tuple[ObjectRef, datetime]]]:
        for bucket in BUCKETS:
            after = ""
            while listed := await self._store.aged(bucket, after=after):
                after = listed[-1][0].key
                old = [(ref, at) for ref, at in listed if at <= before]
                async with self._database.read() as tx:
                    named = await _named(tx, [ref for ref, _ in old])
                if strays := [(ref, at) for ref, at in old if ref not in named]:
                    yield strays


class BrokenUploads:
    """Uploads in parts that were begun and never ended."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    async def look(self, before: datetime) -> Found:
        """The old ones."""
        begun = [at for bucket in BUCKETS for at in await self._store.begun_uploads(bucket)]
        return Found(sum(at <= before for at in begun), min(begun, default=None))

    async def clear(self, before: datetime) -> int:
        """Forgets the old ones."""
        return sum([await self._store.abandon_uploads(bucket, before) for bucket in BUCKETS])


def places() -> list[Column[ObjectRef]]:
    """Every column that names objects, of whichever table; also what is to go anyway."""
    return [
        column
        for table in metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, Ref)
    ]


async def _named(tx: Transaction, refs: Collection[ObjectRef]) -> set[ObjectRef]:
    """Those of the objects that records name, or workers are making."""
    if not refs:
        return set()
    named: set[ObjectRef] = set()
    for column in places():
        named.update(row[0] for row in await tx.all(select(column).where(column.in_(refs))))
    making = {_stem(ref) for ref in refs if ref.bucket == VIDEOS}
    unfinished = [status for status in VideoStatus if not status.is_end]
    query = select(videos.c.id).where(videos.c.id.in_(making), videos.c.status.in_(unfinished))
    made = {row.id for row in await tx.all(query)}
    return named | {ref for ref in refs if _stem(ref) in made}


def _stem(ref: ObjectRef) -> str:
    """Of a video's file, the video's id."""
    return ref.key.partition("/")[2].partition(".")[0]
