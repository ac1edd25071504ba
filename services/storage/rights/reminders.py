"""Reminds of requests whose time comes near: in the log, and in a metric."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import structlog
from sqlalchemy import select

from services.common.telemetry import PRIVACY_REQUESTS_DUE
from services.storage.catalog.database import Database
from services.storage.rights.records import RequestState
from services.storage.rights.requests import changed, find_request
from services.storage.rights.tables import privacy_requests
from services.storage.rights.working_days import WorkingDays

log = structlog.get_logger()

_WAITING = (RequestState.OPEN, RequestState.IN_PROGRESS)
_SOON_DAYS, _URGENT_DAYS = 5, 2
"""Working days before a request is due."""


class Reminder(StrEnum):
    """How near its time is."""

    LATER = ""
    SOON = "soon"
    URGENT = "urgent"
    OVERDUE = "overdue"


def reminder(days: WorkingDays, now: datetime, due_at: datetime) -> Reminder:
    """How near something is that is due."""
    if now > due_at:
        return Reminder.OVERDUE
    left = days.left(now, due_at)
    if left <= _URGENT_DAYS:
        return Reminder.URGENT
    return Reminder.SOON if left <= _SOON_DAYS else Reminder.LATER


async def remind(database: Database, days: WorkingDays) -> None:
    """Tells once of each request that has come nearer to its time, and counts them all."""
    counts = dict.fromkeys(Reminder, 0)
    async with database.read() as tx:
        now = await tx.now()
        which = privacy_requests.c.state.in_(_WAITING)
        query = select(
            privacy_requests.c.id, privacy_requests.c.due_at, privacy_requests.c.reminded
        ).where(which)
        waiting = await tx.all(query)
    for row in waiting:
        near = reminder(days, now, row.due_at)
        counts[near] += 1
        if near is not Reminder.LATER and row.reminded != near:
            async with database.write() as tx:
                request = await find_request(tx, row.id, locked=True)
                # Of several replicas that look at once, one tells.
                if request.reminded != near:
                    await changed(tx, request, {"reminded": near.value})
                    _tell(request.id, request.kind, near, request.held)
    for near, number in counts.items():
        if near is not Reminder.LATER:
            PRIVACY_REQUESTS_DUE.labels(near.value).set(number)


def _tell(request_id: str, kind: str, near: Reminder, held: bool) -> None:
    log.warning(
        "privacy_request.due", request_id=request_id, kind=str(kind), when=near.value, held=held
    )
