"""Ends the streams of gateways that are gone.

Every gateway looks again and again at three things that should agree: what the catalog says has not
ended, what some gateway claims, and what lives here.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Collection, Mapping
from typing import Protocol

import structlog

from services.common.errors import DomainError, StreamEnded, Unavailable
from services.gateway.live.owners import Claims
from services.gateway.ports import Streams
from services.gateway.records import StreamRecord, StreamStatus

log = structlog.get_logger()

REASON = "gateway_lost"
_PAGE = 500
_REMEMBERED = 10_000


class Directory(Protocol):
    """Knows what all gateways claim."""

    async def claims(self) -> Claims:
        """All claims. Raises Unavailable."""


class Residents(Protocol):
    """The streams of this gateway."""

    def ids(self) -> Collection[str]:
        """Of all that live here, up to the last word about them."""

    async def lost(self, stream_id: str) -> None:
        """Ends one that the catalog has ended meanwhile."""


class Sweeper:
    """Ends unclaimed streams in the catalog, and those here that were taken for lost.

    A gateway may be cut off, or stand still and come back: it learns here that it was given up.
    An outage of the message server ends nothing: for a whole lease after it no stream is judged.
    """

    def __init__(
        self,
        streams: Streams,
        directory: Directory,
        residents: Residents,
        *,
        lease_s: float,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._streams = streams
        self._directory = directory
        self._residents = residents
        self._lease_s = lease_s
        self._patience_s = lease_s / 4
        self._every_s = lease_s / 8
        self._now_s = now_s
        self._bucket: object = None
        self._steady_since_s: float | None = None
        self._missing_since_s: dict[str, float] = {}
        self._accounts: dict[str, str] = {}

    async def run(self) -> None:
        """Looks again and again until cancelled."""
        while True:
            # Gateways that started together are not to ask together.
            await asyncio.sleep(self._every_s * random.uniform(0.5, 1))  # noqa: S311 - no secret
            try:
                await self.look()
            except DomainError as error:
                log.warning("sweep.failed", error=error.message)

    async def look(self) -> None:
        """Ends what is found lost. Raises what the catalog or the directory raise."""
        here = frozenset(self._residents.ids())
        try:
            unended = await self._unended()
            self._remember(unended, here)
            for stream_id in here - unended.keys():
                await self._residents.lost(stream_id)
            claims = await self._directory.claims()
        except DomainError:
            self._steady_since_s = None
            raise
        for stream in self._lost(unended, claims, here):
            await self._end(stream)

    async def trouble_with(self, stream_id: str) -> DomainError | None:
        """Why a stream that lately lived on another gateway is not found there.

        None: it was never seen. Raises what the catalog raises.
        """
        account_id = self._accounts.get(stream_id)
        if account_id is None:
            return None
        record = await self._streams.get(account_id, stream_id)
        if record.ended:
            return StreamEnded(f"the stream has ended: {record.reason}")
        return Unavailable("the gateway of the stream does not answer", retry_after_s=2)

    def _remember(self, unended: Mapping[str, StreamRecord], here: Collection[str]) -> None:
        for stream in unended.values():
            if stream.id not in here:
                self._accounts[stream.id] = stream.account_id
        for stream_id in list(self._accounts)[: len(self._accounts) - _REMEMBERED]:
            del self._accounts[stream_id]

    async def _unended(self) -> Mapping[str, StreamRecord]:
        found: dict[str, StreamRecord] = {}
        after = ""
        while True:
            page = await self._streams.unended(limit=_PAGE, after=after)
            found |= {stream.id: stream for stream in page}
            if len(page) < _PAGE:
                return found
            after = page[-1].id

    def _lost(
        self, unended: Mapping[str, StreamRecord], claims: Claims, here: Collection[str]
    ) -> list[StreamRecord]:
        """The streams that were unclaimed for long enough while claims could be seen."""
        now_s = self._now_s()
        if self._steady_since_s is None or claims.bucket_made_at != self._bucket:
            self._bucket, self._steady_since_s = claims.bucket_made_at, now_s
            self._missing_since_s = {}
        missing = unended.keys() - claims.stream_ids - set(here)
        self._missing_since_s = {
            stream_id: self._missing_since_s.get(stream_id, now_s) for stream_id in missing
        }
        if now_s - self._steady_since_s < self._lease_s:
            return []
        return [
            unended[stream_id]
            for stream_id, since_s in self._missing_since_s.items()
            if now_s - since_s >= self._patience_s
        ]

    async def _end(self, stream: StreamRecord) -> None:
        try:
            await self._streams.move(
                stream.account_id, stream.id, StreamStatus.ENDED, reason=REASON
            )
        except DomainError as error:
            # Another gateway was faster, or the next look tries again.
            log.warning("sweep.unrecorded", stream_id=stream.id, reason=error.reason)
        else:
            log.warning("stream.lost", stream_id=stream.id)
