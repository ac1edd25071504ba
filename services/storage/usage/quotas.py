"""How much an account may have at once, keep, and use in a month; asked where things begin.

What is counted by the month is compared with what was used up to now: what has begun is never cut
off, so the last of a month may go over.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, date, datetime

from sqlalchemy import delete, func, insert, select

from services.common.errors import DomainError, InvalidInput, QuotaExceeded, QuotaUsedUp
from services.storage.catalog.database import Database, Transaction
from services.storage.catalog.records import StreamStatus, VideoStatus
from services.storage.catalog.tables import assets, streams, videos
from services.storage.identity.accounts import require_account
from services.storage.identity.tables import accounts
from services.storage.usage.records import Limits, Quota, QuotaName, UsageKind
from services.storage.usage.tables import quotas, usage_days

NO_LIMITS: Limits = {}
_MOST = 2**62
_DECEMBER = 12
_RETRY_AFTER_S = {QuotaName.VIDEOS_AT_ONCE: 30.0, QuotaName.STREAMS_AT_ONCE: 5.0}
_BY_MONTH = {
    QuotaName.VIDEO_S_A_MONTH: UsageKind.VIDEO_MS,
    QuotaName.STREAM_S_A_MONTH: UsageKind.STREAM_MS,
    QuotaName.SPEECH_S_A_MONTH: UsageKind.SPEECH_MS,
}


class Quotas:
    """The limits of accounts. Every method may raise Unavailable or StorageFull."""

    def __init__(self, database: Database, defaults: Limits = NO_LIMITS) -> None:
        self._database = database
        self._defaults = defaults

    async def list(self, account_id: str) -> tuple[Quota, ...]:
        """Every limit, and how much of it is used. Raises AccountNotFound."""
        async with self._database.read() as tx:
            await require_account(tx, account_id)
            return await self._all(tx, account_id)

    async def set(
        self, account_id: str, limits: Mapping[QuotaName, int | None], *, unset: set[QuotaName]
    ) -> tuple[Quota, ...]:
        """Sets limits of an account (None: no limit); those of `unset` are the defaults again.

        Raises AccountNotFound, InvalidInput.
        """
        if any(limit is not None and not 0 <= limit <= _MOST for limit in limits.values()):
            raise InvalidInput("a limit is not negative")
        async with self._database.write() as tx:
            await require_account(tx, account_id)
            mine = quotas.c.account_id == account_id
            gone = quotas.c.name.in_([*limits, *unset])
            await tx.execute(delete(quotas).where(mine, gone))
            for name, limit in limits.items():
                row = {"account_id": account_id, "name": name, "most": limit}
                await tx.execute(insert(quotas).values(row))
            return await self._all(tx, account_id)

    async def require_speech(self, account_id: str) -> None:
        """Returns when more speech may be made this month. Raises QuotaUsedUp."""
        async with self._database.read() as tx:
            await _require(tx, account_id, self._defaults, {QuotaName.SPEECH_S_A_MONTH: 1})

    async def _all(self, tx: Transaction, account_id: str) -> tuple[Quota, ...]:
        own = await _own(tx, account_id)
        return tuple(
            [
                Quota(
                    name,
                    own.get(name, self._defaults.get(name)),
                    await _USED[name](tx, account_id),
                    _next_month(await tx.now()) if name in _BY_MONTH else None,
                    name in own,
                )
                for name in QuotaName
            ]
        )


async def admit_video(tx: Transaction, account_id: str, defaults: Limits) -> None:
    """Returns when the account may have one more video made. Raises QuotaExceeded, QuotaUsedUp.

    Until the transaction ends, no other replica admits anything of the account.
    """
    asked = {
        QuotaName.STORED_BYTES: 1,
        QuotaName.VIDEO_S_A_MONTH: 1,
        QuotaName.VIDEOS_AT_ONCE: 1,
    }
    await _admit(tx, account_id, defaults, asked)


async def admit_stream(tx: Transaction, account_id: str, defaults: Limits) -> None:
    """Likewise for one more stream."""
    asked = {QuotaName.STREAM_S_A_MONTH: 1, QuotaName.STREAMS_AT_ONCE: 1}
    await _admit(tx, account_id, defaults, asked)


async def admit_bytes(tx: Transaction, account_id: str, defaults: Limits, size_bytes: int) -> None:
    """Likewise for a file of that size."""
    await _admit(tx, account_id, defaults, {QuotaName.STORED_BYTES: size_bytes})


async def _admit(
    tx: Transaction, account_id: str, defaults: Limits, asked: Mapping[QuotaName, int]
) -> None:
    # Does not hinder what only refers to the account.
    this = select(accounts.c.id).where(accounts.c.id == account_id)
    await tx.one_or_none(this.with_for_update(key_share=True))
    await _require(tx, account_id, defaults, asked)


async def _require(
    tx: Transaction, account_id: str, defaults: Limits, asked: Mapping[QuotaName, int]
) -> None:
    limits = defaults | await _own(tx, account_id)
    for name, more in asked.items():
        limit = limits.get(name)
        if limit is None:
            continue
        used = await _USED[name](tx, account_id)
        if used + more > limit:
            raise _refusal(name, limit, used, await tx.now())


def _refusal(name: QuotaName, limit: int, used: int, now: datetime) -> DomainError:
    told = f"the account's limit {name.value} is {limit}, and {used} are used"
    error: DomainError
    if name in _RETRY_AFTER_S:
        error = QuotaExceeded(told, retry_after_s=_RETRY_AFTER_S[name])
    elif name in _BY_MONTH:
        resets_at = _next_month(now).isoformat()
        error = QuotaUsedUp(f"{told}; it begins anew at {resets_at}", resets_at=resets_at)
    else:
        error = QuotaUsedUp(f"{told}: delete what is not needed")
    error.context |= {"quota": name.value, "limit": str(limit), "used": str(used)}
    return error


async def _own(tx: Transaction, account_id: str) -> Limits:
    rows = await tx.all(select(quotas).where(quotas.c.account_id == account_id))
    return {row.name: row.most for row in rows}


async def _videos_at_once(tx: Transaction, account_id: str) -> int:
    unfinished = [status for status in VideoStatus if not status.is_end]
    mine = (videos.c.account_id == account_id, videos.c.status.in_(unfinished))
    # What a stream is recorded to is the stream's.
    query = select(func.count()).select_from(videos).where(*mine, videos.c.stream_id.is_(None))
    return int((await tx.one(query))[0])


async def _streams_at_once(tx: Transaction, account_id: str) -> int:
    unended = [status for status in StreamStatus if not status.is_end]
    mine = (streams.c.account_id == account_id, streams.c.status.in_(unended))
    return int((await tx.one(select(func.count()).select_from(streams).where(*mine)))[0])


async def _stored_bytes(tx: Transaction, account_id: str) -> int:
    uploaded = select(func.sum(assets.c.size_bytes)).where(assets.c.account_id == account_id)
    made = select(func.sum(videos.c.size_bytes)).where(
        videos.c.account_id == account_id, videos.c.content.is_not(None)
    )
    return int((await tx.one(uploaded))[0] or 0) + int((await tx.one(made))[0] or 0)


def _used_in_month(kind: UsageKind) -> Callable[[Transaction, str], Awaitable[int]]:
    async def used_s(tx: Transaction, account_id: str) -> int:
        """Whole seconds, so that a limit is used up when it is reached, and not before."""
        first = (await tx.now()).date().replace(day=1)
        query = select(func.sum(usage_days.c.quantity)).where(
            usage_days.c.account_id == account_id,
            usage_days.c.kind == kind,
            usage_days.c.day >= first,
        )
        return int((await tx.one(query))[0] or 0) // 1000

    return used_s


def _next_month(now: datetime) -> datetime:
    year, month = now.year, now.month
    first = date(year + 1, 1, 1) if month == _DECEMBER else date(year, month + 1, 1)
    return datetime(first.year, first.month, first.day, tzinfo=UTC)


_USED: Mapping[QuotaName, Callable[[Transaction, str], Awaitable[int]]] = {
    QuotaName.VIDEOS_AT_ONCE: _videos_at_once,
    QuotaName.STREAMS_AT_ONCE: _streams_at_once,
    QuotaName.STORED_BYTES: _stored_bytes,
    **{name: _used_in_month(kind) for name, kind in _BY_MONTH.items()},
}
