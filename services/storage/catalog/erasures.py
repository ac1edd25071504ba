"""Objects that are to go: recorded with what they belonged to, deleted until they are gone."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Row, delete, func, insert, or_, select, update

from services.common.errors import DomainError
from services.common.ids import new_id
from services.common.telemetry import QUEUE_DEPTH
from services.storage.catalog.database import Database, Transaction
from services.storage.catalog.tables import erasures
from services.storage.refs import ObjectRef, Objects

log = structlog.get_logger()

_LOOK_EVERY_S = 15.0
_AT_ONCE = 100
_FIRST_PAUSE = timedelta(seconds=5)
_LONGEST_PAUSE = timedelta(minutes=15)
_MAX_DOUBLINGS = 10
LATE_WRITES_END_AFTER = timedelta(hours=6)
"""By then a worker has given up what was erased under its hands; until then it may still write."""


class Erasures:
    """The outbox of deletions.

    An erasure is committed together with the row that let the object go, so that neither a crash
    nor an object store that is down keeps an erased person's data. Deleting twice is harmless:
    replicas need not agree on who does it.
    """

    def __init__(self, database: Database, objects: Objects) -> None:
        self._database = database
        self._objects = objects
        self._work = asyncio.Event()

    async def schedule(
        self, tx: Transaction, refs: Sequence[ObjectRef], *, after: timedelta = timedelta(0)
    ) -> None:
        """Has objects deleted once the transaction is committed and `after` has passed."""
        if not refs:
            return
        due_at = await tx.now() + after
        rows = [
            {"id": new_id("er"), "object": ref, "due_at": due_at, "failures": 0} for ref in refs
        ]
        await tx.execute(insert(erasures).values(rows))

    async def spare(self, tx: Transaction, refs: Sequence[ObjectRef]) -> None:
        """Takes back what was scheduled for these objects."""
        await tx.execute(delete(erasures).where(erasures.c.object.in_(refs)))

    async def left(self, tx: Transaction, refs: Sequence[ObjectRef]) -> bool:
        """Whether any object is still to be deleted; what late writers may leave does not count."""
        now = await tx.now()
        overdue: ColumnElement[bool] = or_(erasures.c.due_at <= now, erasures.c.failures > 0)
        for start in range(0, len(refs), _AT_ONCE):
            some = erasures.c.object.in_(refs[start : start + _AT_ONCE])
            found = await tx.one(select(func.count()).select_from(erasures).where(some, overdue))
            if found[0]:
                return True
        return False

    def hurry(self) -> None:
        """Lets the deleting begin now; call it after the commit."""
        self._work.set()

    async def run(self) -> None:
        """Deletes what is due, again and again until cancelled."""
        while True:
            try:
                await self.work_off()
                if not await self._database.settle():
                    log.warning("erasures.log_not_settled")
            except DomainError as error:
                log.warning("erasures.delayed", reason=error.reason)
            try:
                async with asyncio.timeout(_LOOK_EVERY_S):
                    await self._work.wait()
            except TimeoutError:
                continue
            self._work.clear()

    async def work_off(self) -> None:
        """Deletes everything that is due now, up to the first that can't be deleted."""
        while due := await self._due():
            for row in due:
                if not await self._erase(row):
                    return

    async def _due(self) -> Sequence[Row[Any]]:
        async with self._database.read() as tx:
            now = await tx.now()
            is_due = erasures.c.due_at <= now
            waiting = await tx.one(select(func.count()).select_from(erasures).where(is_due))
            QUEUE_DEPTH.labels("erasures").set(waiting[0])
            query = select(erasures).where(is_due).order_by(erasures.c.due_at, erasures.c.id)
            return await tx.all(query.limit(_AT_ONCE))

    async def _erase(self, row: Row[Any]) -> bool:
        this = erasures.c.id == row.id
        try:
            await self._objects.delete([row.object])
        except DomainError as error:
            log.warning("erasure.failed", reason=error.reason, failures=row.failures + 1)
            pause = min(_FIRST_PAUSE * 2 ** min(row.failures, _MAX_DOUBLINGS), _LONGEST_PAUSE)
            async with self._database.write() as tx:
                again = {"due_at": await tx.now() + pause, "failures": row.failures + 1}
                await tx.execute(update(erasures).where(this).values(again))
            return False
        async with self._database.write() as tx:
            await tx.execute(delete(erasures).where(this))
        return True
