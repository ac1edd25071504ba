"""The end of the service: said in advance, then nothing new, then nothing at all."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Row, delete, insert, select, update

from services.common.errors import InvalidInput, StateConflict, StorageFull, Unavailable
from services.storage.audit.ledger import OPERATOR, SYSTEM, note
from services.storage.catalog.database import Database, Transaction
from services.storage.catalog.records import StreamStatus
from services.storage.catalog.streams import end_streams
from services.storage.catalog.tables import streams
from services.storage.identity.deregistrations import Deregistrations
from services.storage.identity.holders import lacks_guardian
from services.storage.notices.notices import send_notice
from services.storage.notices.privacy_policies import policy_to_accept
from services.storage.notices.records import (
    NewNotice,
    NoticeKind,
    NoticeText,
    Shutdown,
    ShutdownPhase,
)
from services.storage.notices.tables import shutdowns

log = structlog.get_logger()

END_OF_STREAMS = "service_closing"
MIN_EXPORT_WINDOW = timedelta(days=1)
_ONLY = 1
_LOOK_EVERY_S = 15.0
_TEXTS = {
    "zh": NoticeText(
        title="服务即将停止",
        situation="本服务将停止运营。",
        impact="自 {stop:%Y-%m-%d %H:%M} UTC 起不再接受新的内容，直播流随之结束；"
        "自 {erase:%Y-%m-%d %H:%M} UTC 起全部数据将被删除。",
        measures="在此之前您可以查看、下载和导出您的数据，也可以自行删除。",
        remedies="请在 {erase:%Y-%m-%d %H:%M} UTC 之前导出您要保留的内容。",
    ),
    "en": NoticeText(
        title="The service comes to its end",
        situation="This service will be shut down.",
        impact="Nothing new is taken from {stop:%Y-%m-%d %H:%M} UTC on, and streams end then; "
        "everything is erased from {erase:%Y-%m-%d %H:%M} UTC on.",
        measures="Until then you can look at, fetch, export and erase what you have.",
        remedies="Export what you want to keep before {erase:%Y-%m-%d %H:%M} UTC.",
    ),
}
_TAKEN_BACK = {
    "zh": NoticeText(title="服务将继续", situation="先前公告的停止运营已取消。"),
    "en": NoticeText(
        title="The service goes on", situation="The shutdown that was announced is cancelled."
    ),
}


class Shutdowns:
    """The service's end, and what it brings. Every method may raise Unavailable or StorageFull."""

    def __init__(self, database: Database, deregistrations: Deregistrations) -> None:
        self._database = database
        self._deregistrations = deregistrations

    async def standing(self, account_id: str) -> tuple[str, Shutdown | None, bool]:
        """What stands between an account and the service.

        The privacy policy that it has to accept (empty: none), the service's end, if one is
        planned, and whether its holder is a minor without a guardian; without an account, the
        service's end alone.
        """
        async with self._database.read() as tx:
            version = await policy_to_accept(tx, account_id) if account_id else ""
            lacks = await lacks_guardian(tx, account_id) if account_id else False
            return version, await _planned(tx), lacks

    async def plan(self, *, stop_at: datetime, erase_at: datetime, planned_by: str) -> Shutdown:
        """Sets the dates, or others as long as nothing stopped, and tells every account.

        Raises InvalidInput, StateConflict.
        """
        async with self._database.write() as tx:
            if stop_at < await tx.now():
                raise InvalidInput("the service can't stop in the past")
            if erase_at < stop_at + MIN_EXPORT_WINDOW:
                raise InvalidInput("between the stop and the erasure lies a day at least")
            row = await _row(tx)
            if row is not None and row.stopped_at is not None:
                raise StateConflict("the service has stopped; take that back first")
            await tx.execute(delete(shutdowns))
            values = {"stop_at": stop_at, "erase_at": erase_at, "planned_by": planned_by}
            row = await tx.one(insert(shutdowns).values(id=_ONLY, **values).returning(*shutdowns.c))
            dates = {"stop": stop_at, "erase": erase_at}
            texts = {language: _filled(text, dates) for language, text in _TEXTS.items()}
            await send_notice(tx, NewNotice(NoticeKind.SHUTDOWN, texts, planned_by))
            await _note(tx, planned_by, "shutdown.planned")
            return _shutdown(row, await tx.now())

    async def cancel(self, *, cancelled_by: str) -> None:
        """Takes the end back, and tells every account. Raises StateConflict once it erases."""
        async with self._database.write() as tx:
            row = await _row(tx)
            if row is None:
                raise StateConflict("no end of the service is planned")
            if _shutdown(row, await tx.now()).phase is ShutdownPhase.ERASING:
                raise StateConflict("the erasure has begun; there is no way back")
            await tx.execute(delete(shutdowns))
            await send_notice(tx, NewNotice(NoticeKind.SHUTDOWN, _TAKEN_BACK, cancelled_by))
            await _note(tx, cancelled_by, "shutdown.cancelled")

    async def run(self) -> None:
        """Does what the dates bring, again and again until cancelled."""
        while True:
            try:
                await self.advance()
            except (StorageFull, Unavailable) as error:
                log.warning("shutdown.delayed", reason=error.reason)
            await asyncio.sleep(_LOOK_EVERY_S)

    async def advance(self) -> None:
        """Ends all streams once the service has stopped; has all erased once it is time."""
        async with self._database.write() as tx:
            row = await _row(tx)
            if row is None:
                return
            phase, now = _shutdown(row, await tx.now()).phase, await tx.now()
            if phase is ShutdownPhase.ANNOUNCED:
                return
            # Again each time: what was being made in the moment of the stop ends, too.
            await _end_streams(tx)
            if row.stopped_at is None:
                await tx.execute(update(shutdowns).values(stopped_at=now))
                await _note(tx, SYSTEM, "shutdown.stopped")
            if phase is ShutdownPhase.STOPPED:
                return
            if row.erasing_at is None:
                await tx.execute(update(shutdowns).values(erasing_at=now))
                await _note(tx, SYSTEM, "shutdown.erasing")
            await self._deregistrations.erase_all(tx, requested_by=row.planned_by)
        await self._deregistrations.erase_due()


async def _row(tx: Transaction) -> Row[Any] | None:
    return await tx.one_or_none(select(shutdowns).with_for_update())


async def _planned(tx: Transaction) -> Shutdown | None:
    row = await tx.one_or_none(select(shutdowns))
    return _shutdown(row, await tx.now()) if row is not None else None


def _shutdown(row: Row[Any], now: datetime) -> Shutdown:
    if now >= row.erase_at:
        phase = ShutdownPhase.ERASING
    elif now >= row.stop_at:
        phase = ShutdownPhase.STOPPED
    else:
        phase = ShutdownPhase.ANNOUNCED
    return Shutdown(phase, row.stop_at, row.erase_at, row.planned_by)


async def _end_streams(tx: Transaction) -> None:
    """Ends all streams, each account's with what they are counted as."""
    live = streams.c.status.in_([status for status in StreamStatus if not status.is_end])
    owners = select(streams.c.account_id).where(live).distinct().order_by(streams.c.account_id)
    for row in await tx.all(owners):
        await end_streams(tx, row.account_id, None, END_OF_STREAMS)


async def _note(tx: Transaction, actor: str, action: str) -> None:
    await note(tx, OPERATOR, actor=actor, action=action, target="service")


def _filled(text: NoticeText, dates: dict[str, datetime]) -> NoticeText:
    return NoticeText(
        title=text.title,
        situation=text.situation,
        impact=text.impact.format(**dates),
        measures=text.measures,
        remedies=text.remedies.format(**dates),
    )
