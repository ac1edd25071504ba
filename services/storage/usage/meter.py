"""Counts what accounts use, by day in UTC, in the transaction in which it comes about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from services.common.errors import InvalidInput
from services.storage.catalog.database import Database, Transaction
from services.storage.usage.records import UsageKind, UsageOfDay
from services.storage.usage.tables import usage_days, usage_entries

MAX_DAYS = 400
_MAX_ID = 100
_MOST_MS = 86_400_000
_MS = timedelta(milliseconds=1)


class Usage:
    """The record of what is used. Every method may raise Unavailable or StorageFull."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record_speech(self, account_id: str, usage_id: str, *, duration_ms: int) -> None:
        """Counts speech once, however often it is told under the same id.

        Raises InvalidInput, AccountNotFound.
        """
        if not 1 <= len(usage_id) <= _MAX_ID:
            raise InvalidInput(f"a usage's id has 1 to {_MAX_ID} characters")
        if not 0 <= duration_ms <= _MOST_MS:
            raise InvalidInput("speech lasts for a day at most")
        async with self._database.write() as tx:
            # Ids are the callers': of two accounts each has its own.
            if await first_time(tx, account_id, f"{account_id}/speech/{usage_id}"):
                today = (await tx.now()).date()
                await add(tx, account_id, today, {UsageKind.SPEECH_MS: duration_ms})

    async def days(self, account_id: str, first: date, last: date) -> tuple[UsageOfDay, ...]:
        """What was used, for each day on which something was, oldest first. Raises InvalidInput."""
        if not 0 <= (last - first).days < MAX_DAYS:
            raise InvalidInput(f"ask for 1 to {MAX_DAYS} days")
        query = select(usage_days).where(
            usage_days.c.account_id == account_id, usage_days.c.day.between(first, last)
        )
        days: dict[date, dict[UsageKind, int]] = {}
        async with self._database.read() as tx:
            for row in await tx.all(query.order_by(usage_days.c.day)):
                days.setdefault(row.day, {})[row.kind] = row.quantity
        return tuple(UsageOfDay(day, quantities) for day, quantities in days.items())


async def first_time(tx: Transaction, account_id: str, entry_id: str) -> bool:
    """Whether nothing was counted under that id before; of several at once, one is told so."""
    entry = {"id": entry_id, "account_id": account_id, "recorded_at": await tx.now()}
    if await tx.one_or_none(select(usage_entries.c.id).where(usage_entries.c.id == entry_id)):
        return False
    try:
        async with tx.savepoint():
            await tx.execute(insert(usage_entries).values(entry))
    except IntegrityError:
        # Another replica was first; or there is no such account, which the counting finds.
        found = select(usage_entries.c.id).where(usage_entries.c.id == entry_id)
        if await tx.one_or_none(found) is None:
            raise
        return False
    return True


async def count_video(tx: Transaction, account_id: str, duration_s: float) -> None:
    """A video was finished now."""
    used = {UsageKind.VIDEO_MS: round(duration_s * 1000), UsageKind.VIDEOS: 1}
    await add(tx, account_id, (await tx.now()).date(), used)


async def count_streams(
    tx: Transaction, account_id: str, live_since: Iterable[datetime | None], ended_at: datetime
) -> None:
    """Streams have ended together; those that were never live (None) are not counted."""
    days: dict[date, dict[UsageKind, int]] = {}
    for live_at in live_since:
        if live_at is None:
            continue
        ended = days.setdefault(ended_at.date(), {})
        ended[UsageKind.STREAMS] = ended.get(UsageKind.STREAMS, 0) + 1
        for day, lasted in _by_day(live_at, ended_at):
            used = days.setdefault(day, {})
            used[UsageKind.STREAM_MS] = used.get(UsageKind.STREAM_MS, 0) + lasted // _MS
    # Always in the same order: of two that count at once, one waits for the other.
    for day, quantities in sorted(days.items()):
        await add(tx, account_id, day, quantities)


async def add(
    tx: Transaction, account_id: str, day: date, quantities: Mapping[UsageKind, int]
) -> None:
    """Adds to what an account used on a day."""
    for kind, quantity in sorted(quantities.items()):
        row = {"account_id": account_id, "day": day, "kind": kind, "quantity": quantity}
        more = (
            update(usage_days)
            .where(*(usage_days.c[name] == row[name] for name in ("account_id", "day", "kind")))
            .values(quantity=usage_days.c.quantity + quantity)
        )
        if await tx.execute(more):
            continue
        try:
            async with tx.savepoint():
                await tx.execute(insert(usage_days).values(row))
        except IntegrityError:
            # Another replica was first; or there is no such account.
            if not await tx.execute(more):
                raise


def _by_day(start: datetime, end: datetime) -> Iterator[tuple[date, timedelta]]:
    """How much of each day in UTC lies between two points in time."""
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    while start < end:
        midnight = datetime.combine(start.date() + timedelta(days=1), time(), UTC)
        until = min(end, midnight)
        yield start.date(), until - start
        start = until
