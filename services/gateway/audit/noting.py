"""Brings entries to the audit: at once where that must be, else a moment later, together."""

from __future__ import annotations

import asyncio
from collections import deque

import structlog

from services.common.errors import DomainError, InvalidInput, Unavailable
from services.gateway.audit.records import AuditRecord, NewEntry

log = structlog.get_logger()

_MOST_WAITING = 10_000
_AT_ONCE = 200
_GATHER_S = 0.25
_AGAIN_S = 1.0
_GIVE_UP_S = 10.0


class Audit:
    """The audit, and what is on its way there."""

    def __init__(self, record: AuditRecord) -> None:
        self.record = record
        self._waiting: deque[NewEntry] = deque()
        self._more = asyncio.Event()

    async def keep(self, entry: NewEntry) -> None:
        """Notes something; it lasts when this returns. Raises Unavailable."""
        try:
            await self.record.record([entry])
        except Unavailable:
            raise
        except DomainError as error:
            log.exception("audit.not_kept", reason=error.reason, action=entry.action)
            raise Unavailable("the audit can't be written", retry_after_s=_AGAIN_S) from error

    async def leave(self, entry: NewEntry) -> None:
        """Notes something within a moment; at once, or Unavailable, when too much waits."""
        if len(self._waiting) >= _MOST_WAITING:
            await self.keep(entry)
            return
        self._waiting.append(entry)
        self._more.set()

    async def run(self) -> None:
        """Writes what is left, again and again until cancelled."""
        while True:
            await self._more.wait()
            self._more.clear()
            await asyncio.sleep(_GATHER_S)
            try:
                await self.flush()
            except DomainError as error:
                log.warning("audit.waits", reason=error.reason, entries=len(self._waiting))
                self._more.set()
                await asyncio.sleep(_AGAIN_S)

    async def close(self) -> None:
        """Writes what is left, if that can be done within a while."""
        try:
            async with asyncio.timeout(_GIVE_UP_S):
                await self.flush()
        except (DomainError, TimeoutError):
            log.exception("audit.lost", entries=len(self._waiting))

    async def flush(self) -> None:
        """Writes what is left, the oldest first. Raises Unavailable, StorageFull."""
        while self._waiting:
            some = [self._waiting[n] for n in range(min(_AT_ONCE, len(self._waiting)))]
            try:
                await self.record.record(some)
            except InvalidInput:
                await self._one_by_one(some)
            for _ in some:
                self._waiting.popleft()

    async def _one_by_one(self, some: list[NewEntry]) -> None:
        """One entry that can't be written does not keep the others waiting."""
        for entry in some:
            try:
                await self.record.record([entry])
            except InvalidInput:
                log.exception("audit.refused", action=entry.action)
