"""Waits out the moments in which a service is being replaced, or has no room."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import TypeVar

import structlog

from services.common.errors import DomainError

ItemT = TypeVar("ItemT")

log = structlog.get_logger()

_PAUSES_S = (0.1, 0.2, 0.4, 0.8, 1.5, 3.0)


async def patiently(call: Callable[[], Awaitable[ItemT]]) -> ItemT:
    """The call's result; while it fails for a passing reason it is tried again, for some seconds.

    Raises its last error.
    """
    for pause_s in _PAUSES_S:
        try:
            return await call()
        except DomainError as error:
            await _wait(error, pause_s)
    return await call()


async def patiently_begun(
    begin: Callable[[], AsyncGenerator[ItemT, None]],
) -> AsyncGenerator[ItemT, None]:
    """The same for a stream that can be begun again as long as nothing has come of it."""
    for pause_s in _PAUSES_S:
        begun = False
        try:
            async with aclosing(begin()) as items:
                async for item in items:
                    begun = True
                    yield item
        except DomainError as error:
            if begun:
                raise
            await _wait(error, pause_s)
        else:
            return
    async with aclosing(begin()) as items:
        async for item in items:
            yield item


async def _wait(error: DomainError, pause_s: float) -> None:
    if not error.retryable:
        raise error
    log.info("live.waiting", reason=error.reason, pause_s=pause_s)
    await asyncio.sleep(pause_s)
