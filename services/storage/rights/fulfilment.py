"""Carries out what people ask: what can be done at once is done by the service itself.

Several replicas take different requests. One that is killed leaves its request to another, which
begins anew: everything here can be done twice.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import Row, and_, or_, select, update

from services.common.errors import (
    DomainError,
    NotFound,
    PrivacyRequestNotFound,
    StorageFull,
    Unavailable,
)
from services.storage.catalog.database import Database, Transaction
from services.storage.catalog.erasures import Erasures
from services.storage.refs import EXPORTS, ObjectRef
from services.storage.rights.archive import Archivist
from services.storage.rights.corrections import correct, present_name
from services.storage.rights.deletion import Deletion
from services.storage.rights.records import About, RequestKind, RequestState
from services.storage.rights.reminders import remind
from services.storage.rights.report import Report
from services.storage.rights.requests import (
    SERVICE,
    changed,
    end_request,
    find_request,
    note_step,
)
from services.storage.rights.restrictions import WHOLE_ACCOUNT, lift, restrict
from services.storage.rights.scope import Scope, scope_of
from services.storage.rights.tables import privacy_requests
from services.storage.rights.usage import end_use
from services.storage.rights.working_days import WorkingDays

log = structlog.get_logger()

_LOOK_EVERY_S, _TEND_EVERY_S = 2.0, 60.0
_AT_ONCE = 20
_LEASE = timedelta(minutes=2)
_RENEW_EVERY_S = 30.0
_TRY_AGAIN_AFTER = timedelta(seconds=30)
_LOOK_AGAIN_AFTER = timedelta(seconds=5)
_Handler = Callable[[Transaction, Row[Any], Scope], Awaitable[dict[str, Any] | None]]


class Fulfilment:
    """Carries out requests, reminds of those that wait, and lets archives go."""

    def __init__(
        self,
        database: Database,
        erasures: Erasures,
        deletion: Deletion,
        archivist: Archivist,
        report: Report,
        days: WorkingDays,
        *,
        archives_kept: timedelta,
    ) -> None:
        self._database = database
        self._erasures = erasures
        self._deletion = deletion
        self._archivist = archivist
        self._report = report
        self._days = days
        self._archives_kept = archives_kept
        self._at_once: dict[RequestKind, _Handler] = {
            RequestKind.ACCESS: self._tell,
            RequestKind.CORRECTION: self._correct,
            RequestKind.DELETION: self._delete,
            RequestKind.RESTRICTION: self._restrict,
            RequestKind.LIFTING: self._lift,
        }

    async def run(self) -> None:
        """Works again and again until cancelled."""
        tended_s = -_TEND_EVERY_S
        while True:
            try:
                if time.monotonic() - tended_s >= _TEND_EVERY_S:
                    await self.tend()
                    tended_s = time.monotonic()
                await self.work_off()
            except (StorageFull, Unavailable) as error:
                log.warning("privacy_requests.delayed", reason=error.reason)
            await asyncio.sleep(_LOOK_EVERY_S)

    async def work_off(self) -> None:
        """Carries out what can be carried out now."""
        for request_id in await self._ready():
            await self._attempt(request_id)
        self._erasures.hurry()

    async def tend(self) -> None:
        """Reminds of what waits, and no longer tells of archives whose time is over."""
        await remind(self._database, self._days)
        async with self._database.write() as tx:
            # They are erased by then, or will be: that was scheduled with their end.
            over = privacy_requests.c.archive_until <= await tx.now()
            gone = update(privacy_requests).where(over)
            await tx.execute(gone.values(archive=None, archive_until=None))

    async def _ready(self) -> list[str]:
        async with self._database.read() as tx:
            query = select(privacy_requests.c.id).where(_is_ready(await tx.now()))
            first = query.order_by(privacy_requests.c.due_at, privacy_requests.c.id)
            return [row.id for row in await tx.all(first.limit(_AT_ONCE))]

    async def _attempt(self, request_id: str) -> None:
        try:
            async with self._database.write() as tx:
                row = await _taken(tx, request_id)
                if row is None:
                    return
                if row.kind is RequestKind.EXPORT:
                    await self._lease(tx, row)
                else:
                    await self._do(tx, row)
            if row.kind is RequestKind.EXPORT:
                await self._export(row)
        except DomainError as error:
            await self._set_aside(request_id, error)

    async def _set_aside(self, request_id: str, error: DomainError) -> None:
        """Has a request tried again, or decided by an operator; one that has gone is let go."""
        log.warning("privacy_request.set_aside", request_id=request_id, reason=error.reason)
        with suppress(PrivacyRequestNotFound):
            async with self._database.write() as tx:
                row = await find_request(tx, request_id, locked=True)
                if isinstance(error, StorageFull | Unavailable):
                    await changed(tx, row, {"resume_at": await tx.now() + _TRY_AGAIN_AFTER})
                    return
                row = await changed(tx, row, {"held": True})
                await note_step(tx, row, SERVICE, error.message)

    async def _do(self, tx: Transaction, row: Row[Any]) -> None:
        scope = await scope_of(tx, row.account_id, row.about, row.consent_id)
        if row.state is RequestState.OPEN:
            row = await changed(tx, row, {"state": RequestState.IN_PROGRESS})
            await note_step(tx, row, SERVICE)
        report = await self._at_once[row.kind](tx, row, scope)
        if report is None:
            await changed(tx, row, {"resume_at": await tx.now() + _LOOK_AGAIN_AFTER})
            return
        row = await end_request(tx, row, RequestState.FULFILLED, SERVICE, "", report=report)
        log.info("privacy_request.fulfilled", request_id=row.id, kind=row.kind)

    async def _tell(self, tx: Transaction, row: Row[Any], scope: Scope) -> dict[str, Any]:
        return await self._report.of(tx, scope)

    async def _correct(self, tx: Transaction, row: Row[Any], scope: Scope) -> dict[str, Any]:
        text = await tx.unseal(privacy_requests.c.corrections, row.account_id, row.corrections)
        corrections: dict[str, str] = json.loads(text)
        for target, value in corrections.items():
            before = await present_name(tx, scope, target)
            if before is None:
                raise NotFound(f"{target} is no longer there")
            await correct(tx, scope, target, value)
            await note_step(tx, row, SERVICE, f"corrected {target}", before=before)
        return {"corrected": sorted(corrections)}

    async def _delete(self, tx: Transaction, row: Row[Any], scope: Scope) -> dict[str, Any] | None:
        return await self._deletion.carry_out(tx, row, scope)

    async def _restrict(self, tx: Transaction, row: Row[Any], scope: Scope) -> dict[str, Any]:
        consent_ids = (WHOLE_ACCOUNT,) if scope.consent_ids is None else scope.consent_ids
        await restrict(tx, row.account_id, consent_ids, row.id)
        # What began before the lock was there is found now.
        scope = await scope_of(tx, row.account_id, About(row.about), row.consent_id)
        return {"ended": await end_use(tx, self._erasures, scope)}

    async def _lift(self, tx: Transaction, row: Row[Any], scope: Scope) -> dict[str, Any]:
        consent_ids = (WHOLE_ACCOUNT,) if scope.consent_ids is None else scope.consent_ids
        await lift(tx, row.account_id, consent_ids)
        return {}

    async def _lease(self, tx: Transaction, row: Row[Any]) -> None:
        """Takes an export; should its process die, what it stored is erased or written anew."""
        now = await tx.now()
        if row.state is RequestState.OPEN:
            values = {"state": RequestState.IN_PROGRESS, "resume_at": now + _LEASE}
            await note_step(tx, await changed(tx, row, values), SERVICE)
            await self._erasures.schedule(tx, [_place(row)], after=self._archives_kept + _LEASE)
        else:
            await changed(tx, row, {"resume_at": now + _LEASE})

    async def _export(self, row: Row[Any]) -> None:
        async with self._database.read() as tx:
            scope = await scope_of(tx, row.account_id, row.about, row.consent_id)
            now = await tx.now()
        async with self._renewed(row.id):
            made = await self._archivist.write(_place(row), scope, request_id=row.id, at=now)
        async with self._database.write() as tx:
            current = await find_request(tx, row.id, locked=True)
            if current.state.is_end:
                # An operator refused it, or another replica was first; that one's counts.
                return
            until = await tx.now() + self._archives_kept
            await self._erasures.spare(tx, [_place(row)])
            await self._erasures.schedule(tx, [_place(row)], after=self._archives_kept)
            values = {
                "archive": _place(row),
                "archive_size_bytes": made.size_bytes,
                "archive_sha256": made.sha256,
                "archive_until": until,
            }
            await end_request(tx, current, RequestState.FULFILLED, SERVICE, "", **values)
        log.info("privacy_request.fulfilled", request_id=row.id, kind=row.kind)

    @asynccontextmanager
    async def _renewed(self, request_id: str) -> AsyncIterator[None]:
        """Keeps the lease of a request while the block runs."""

        async def renew() -> None:
            while True:
                await asyncio.sleep(_RENEW_EVERY_S)
                with suppress(StorageFull, Unavailable):
                    async with self._database.write() as tx:
                        this = update(privacy_requests).where(privacy_requests.c.id == request_id)
                        await tx.execute(this.values(resume_at=await tx.now() + _LEASE))

        renewing = asyncio.create_task(renew())
        try:
            yield
        finally:
            renewing.cancel()
            await asyncio.wait([renewing])


def _place(row: Row[Any]) -> ObjectRef:
    return ObjectRef(EXPORTS, f"{row.account_id}/{row.id}.zip")


def _is_ready(now: Any) -> Any:
    columns = privacy_requests.c
    waits = and_(columns.resume_at.is_not(None), columns.resume_at > now)
    begun = or_(columns.state == RequestState.OPEN, columns.state == RequestState.IN_PROGRESS)
    return and_(begun, columns.held.is_(False), ~waits)


async def _taken(tx: Transaction, request_id: str) -> Row[Any] | None:
    """The request, locked, unless another replica has it or has done it."""
    query = select(privacy_requests).where(
        privacy_requests.c.id == request_id, _is_ready(await tx.now())
    )
    return await tx.one_or_none(query.with_for_update(skip_locked=True))
