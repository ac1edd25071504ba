"""What one attempt to send a stream somewhere is, whatever the protocol."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Protocol


class Lost(Exception):
    """The connection did not come about, or broke; it may work later. Tells no secret."""


class Refused(Lost):
    """The server was reached and does not take the stream. Tells no secret."""


class Hopeless(Exception):
    """It can't work later either. Tells no secret."""


class Meter(Protocol):
    """Is told how a push gets on."""

    def base_us(self, first_us: int) -> int:
        """Where the output's own timeline begins on the program's: at the first picture ever sent.

        `first_us` is the time of the first picture that is sent now.
        """

    def live(self) -> None:
        """The server takes the stream."""

    def sent(self, size_bytes: int) -> None:
        """So much went out."""


class Push(Protocol):
    """A way to send a program."""

    async def run(self, meter: Meter) -> None:
        """Connects and sends until the program ends. Raises Lost, Refused, Hopeless."""


async def first_of(*parts: Coroutine[Any, Any, None]) -> None:
    """Runs all until one ends or fails, as the whole then does; the others are cancelled."""
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
