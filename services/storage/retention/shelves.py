"""Where the sweeper finds what is old, and how it goes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Column, ColumnElement, Table, and_, delete, func, select

from services.storage.audit.checkpoints import Checkpoints
from services.storage.audit.tables import audit_entries
from services.storage.catalog.database import Database
from services.storage.catalog.tables import review_decisions, reviews, streams, videos
from services.storage.identity.tables import api_keys, codes, invitations, sessions
from services.storage.notices.tables import notice_deliveries
from services.storage.objects.store import ObjectStore
from services.storage.retention.found import Found
from services.storage.retention.strays import BrokenUploads, StrayObjects
from services.storage.retention.tables import sweeps
from services.storage.statements.tables import consent_challenges
from services.storage.usage.tables import usage_entries

BATCH = 500


class Shelf(Protocol):
    """One kind of thing. Every method may raise Unavailable or StorageFull."""

    async def look(self, before: datetime) -> Found:
        """What there is, and what of it is from before that time."""
        ...

    async def clear(self, before: datetime) -> int:
        """Takes some of what is from before that time away; 0: nothing was left."""
        ...


class Rows:
    """Rows of a table; `since` is the time that their age is counted from."""

    def __init__(
        self,
        database: Database,
        table: Table,
        since: ColumnElement[Any],
        *,
        only: ColumnElement[bool] | None = None,
        parts: Column[Any] | None = None,
    ) -> None:
        """`parts` refers to the rows from those of another table, which go with them."""
        self._database = database
        self._table = table
        self._since = since
        self._only = only
        self._parts = parts

    async def look(self, before: datetime) -> Found:
        """What there is, and what of it is due."""
        among = select(func.count()).select_from(self._table).where(self._due(before))
        oldest = select(self._since.label("since")).where(self._since.is_not(None))
        if self._only is not None:
            oldest = oldest.where(self._only)
        async with self._database.read() as tx:
            due = int((await tx.one(among))[0])
            row = await tx.one_or_none(oldest.order_by(self._since).limit(1))
        return Found(due, row.since if row else None)

    async def clear(self, before: datetime) -> int:
        """Deletes some rows, oldest first, in one transaction."""
        key = self._table.c.id
        query = select(key).where(self._due(before)).order_by(self._since).limit(BATCH)
        async with self._database.write() as tx:
            ids = [row.id for row in await tx.all(query.with_for_update(skip_locked=True))]
            if ids and self._parts is not None:
                await tx.execute(delete(self._parts.table).where(self._parts.in_(ids)))
            if ids:
                await tx.execute(delete(self._table).where(key.in_(ids)))
        return len(ids)

    def _due(self, before: datetime) -> ColumnElement[bool]:
        old = self._since <= before
        return old if self._only is None else and_(old, self._only)


class AuditEntries:
    """The audit's chains, whose ends are signed where they are cut."""

    def __init__(self, database: Database, checkpoints: Checkpoints) -> None:
        self._database = database
        self._checkpoints = checkpoints

    async def look(self, before: datetime) -> Found:
        """What there is, and what of it is due."""
        at = audit_entries.c.at
        due = select(func.count()).select_from(audit_entries).where(at < before)
        oldest = select(at).order_by(at).limit(1)
        async with self._database.read() as tx:
            row = await tx.one_or_none(oldest)
            return Found(int((await tx.one(due))[0]), row.at if row else None)

    async def clear(self, before: datetime) -> int:
        """Cuts every chain at that time."""
        return await self._checkpoints.prune(before)


def shelves_of(
    database: Database, checkpoints: Checkpoints, store: ObjectStore
) -> Mapping[str, Shelf]:
    """Where the things of each swept rule lie."""
    ended_review = func.coalesce(
        reviews.c.decided_at, reviews.c.due_at, type_=reviews.c.due_at.type
    )
    ended_key = func.coalesce(
        api_keys.c.revoked_at, api_keys.c.expires_at, type_=api_keys.c.revoked_at.type
    )
    ended_session = func.coalesce(
        sessions.c.ended_at, sessions.c.expires_at, type_=sessions.c.expires_at.type
    )
    return {
        "audit_entries": AuditEntries(database, checkpoints),
        "ended_streams": Rows(database, streams, streams.c.ended_at),
        "erased_videos": Rows(database, videos, videos.c.deleted_at),
        "reviews": Rows(
            database,
            reviews,
            ended_review,
            # Files that a review keeps go with its content.
            only=~reviews.c.for_training & (reviews.c.text == "") & (reviews.c.asset_id == ""),
            parts=review_decisions.c.review_id,
        ),
        "ended_keys": Rows(database, api_keys, ended_key),
        "ended_sessions": Rows(database, sessions, ended_session),
        "notice_deliveries": Rows(database, notice_deliveries, notice_deliveries.c.finished_at),
        "sweeps": Rows(database, sweeps, sweeps.c.at),
        "sign_in_codes": Rows(database, codes, codes.c.created_at),
        # A film that nobody concluded goes as a stray.
        "challenges": Rows(database, consent_challenges, consent_challenges.c.expires_at),
        "invitations": Rows(database, invitations, invitations.c.expires_at),
        "usage_entries": Rows(database, usage_entries, usage_entries.c.recorded_at),
        "stray_objects": StrayObjects(database, store),
        "broken_uploads": BrokenUploads(store),
    }
