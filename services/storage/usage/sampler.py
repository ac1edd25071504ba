"""Counts what is stored, once an hour, for each account."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import structlog
from sqlalchemy import func, select

from services.common.errors import DomainError
from services.storage.catalog.database import Database
from services.storage.catalog.tables import assets, videos
from services.storage.usage.meter import add, first_time
from services.storage.usage.records import UsageKind

log = structlog.get_logger()

_LOOK_EVERY_S = 300.0


class Sampler:
    """Counts byte hours: the bytes that an account keeps at some time of an hour, for that hour.

    Of several replicas one counts; what was counted when a process was killed is not counted again.
    Hours in which no replica ran are not counted. Packs and previews of avatars are free.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._hour = ""
        """The last that was counted here."""

    async def run(self) -> None:
        """Counts again and again until cancelled."""
        while True:
            try:
                await self.sample()
            except DomainError as error:
                log.warning("usage.not_sampled", reason=error.reason)
            await asyncio.sleep(_LOOK_EVERY_S)

    async def sample(self) -> None:
        """Counts the present hour, unless that is done. Raises Unavailable, StorageFull."""
        async with self._database.read() as tx:
            now = await tx.now()
        hour = f"{now:%Y%m%dT%H}"
        if hour == self._hour:
            return
        for account_id, size_bytes in sorted((await self._stored()).items()):
            async with self._database.write() as tx:
                if await first_time(tx, account_id, f"{account_id}/bytes/{hour}"):
                    await add(tx, account_id, now.date(), {UsageKind.BYTE_HOURS: size_bytes})
        self._hour = hour

    async def _stored(self) -> Mapping[str, int]:
        """The bytes of each account that has any."""
        uploaded = select(assets.c.account_id, func.sum(assets.c.size_bytes).label("size"))
        made = select(videos.c.account_id, func.sum(videos.c.size_bytes).label("size"))
        total: dict[str, int] = {}
        async with self._database.read() as tx:
            for query in (
                uploaded.group_by(assets.c.account_id),
                made.where(videos.c.content.is_not(None)).group_by(videos.c.account_id),
            ):
                for row in await tx.all(query):
                    total[row.account_id] = total.get(row.account_id, 0) + int(row.size or 0)
        return total
