"""Streams that live on other gateways: looked up at a bounded pace."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from services.common.errors import Overloaded

_BELIEVED_S = 1.0
_MAX_KNOWN = 10_000
_UNKNOWN = parse("200/second")


class Directory(Protocol):
    """Knows where streams live."""

    async def owner_of(self, stream_id: str) -> str | None:
        """`host:port` of a stream's gateway; None: it lives nowhere. Raises Unavailable."""


class Neighbours:
    """Asks for one stream at most once a second, and not without bound for those that are nowhere:

    whoever tries ids, with or without a key, makes little work for the message server.
    """

    def __init__(
        self,
        directory: Directory,
        address: str,
        *,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._directory = directory
        self._address = address
        self._now_s = now_s
        self._known: dict[str, tuple[float, str | None]] = {}
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    async def owner_of(self, stream_id: str) -> str | None:
        """`host:port` of another gateway that a stream lives on; None: on no other.

        Raises Unavailable, Overloaded.
        """
        until_s, address = self._known.get(stream_id, (0.0, None))
        if until_s <= self._now_s():
            if not self._limiter.test(_UNKNOWN):
                raise Overloaded("too many calls for streams that live nowhere", retry_after_s=1)
            address = await self._directory.owner_of(stream_id)
            if address is None:
                self._limiter.hit(_UNKNOWN)
            if len(self._known) >= _MAX_KNOWN:
                self._known.clear()
            self._known[stream_id] = (self._now_s() + _BELIEVED_S, address)
        return address if address != self._address else None
