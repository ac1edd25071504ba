"""Reminds of requests whose time comes near: in the log, in a metric, and by a notice."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from enum import StrEnum
from typing import Any

import structlog
from sqlalchemy import Row, select

from services.common.errors import PrivacyRequestNotFound
from services.common.telemetry import PRIVACY_REQUESTS_DUE
from services.storage.audit.ledger import SYSTEM
from services.storage.catalog.database import Database
from services.storage.notices.notices import send_notice
from services.storage.notices.records import Audience, NewNotice, NoticeKind, NoticeText
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
            # An account that was erased meanwhile is told nothing.
            with suppress(PrivacyRequestNotFound):
                await _remind_of(database, days, row.id, near)
    for near, number in counts.items():
        if near is not Reminder.LATER:
            PRIVACY_REQUESTS_DUE.labels(near.value).set(number)


async def _remind_of(
    database: Database, days: WorkingDays, request_id: str, near: Reminder
) -> None:
    async with database.write() as tx:
        row = await find_request(tx, request_id, locked=True)
        # Of several replicas that look at once, one tells.
        if row.reminded == near:
            return
        await changed(tx, row, {"reminded": near.value})
        await send_notice(tx, _notice(row, days, near))
    log.warning(
        "privacy_request.due",
        request_id=request_id,
        kind=str(row.kind),
        when=near.value,
        held=row.held,
    )


def _notice(row: Row[Any], days: WorkingDays, near: Reminder) -> NewNotice:
    """What the account is told; by its id, so that a notice says nothing of anybody."""
    day = days.day_of(row.due_at).isoformat()
    if near is Reminder.OVERDUE:
        english, chinese = f"was due on {day}", f"应于 {day} 前答复，现已逾期"
    else:
        english, chinese = f"will be answered by {day}", f"将于 {day} 前答复"
    texts = {
        "en": NoticeText(f"Your privacy request {row.id} {english}"),
        "zh": NoticeText(f"您的个人信息请求 {row.id} {chinese}"),
    }
    return NewNotice(NoticeKind.OTHER, texts, SYSTEM, Audience((row.account_id,)))
