"""One place that a stream is sent to, for as long as the stream lives."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

import structlog

from services.common.errors import DomainError, Forbidden, InvalidInput, Unavailable
from services.common.ids import new_id
from services.gateway.outputs.push import Hopeless, Lost, Push, Refused
from services.gateway.outputs.target import Target

log = structlog.get_logger()

MAX_REFUSALS = 5
"""A server that refuses the stream so often in a row is given up."""


class OutputStatus(StrEnum):
    """How an output gets on."""

    CONNECTING = "connecting"
    """For the first time."""
    LIVE = "live"
    """The server takes the stream."""
    RETRYING = "retrying"
    """The connection was lost, or did not come about; it is tried again."""
    ENDED = "ended"
    """With the stream, or deleted."""
    FAILED = "failed"
    """Given up."""


@dataclass(frozen=True, slots=True)
class Pauses:
    """How long to wait before the next try: twice as long each time."""

    first_s: float = 1.0
    most_s: float = 30.0
    steady_s: float = 10.0
    """A connection that held for so long begins anew with the first pause."""

    def after(self, tries: int) -> float:
        """The pause after so many tries that failed in a row; varied, lest all come at once."""
        pause_s = min(self.most_s, self.first_s * 2.0 ** min(tries - 1, 16))
        return pause_s * random.uniform(0.75, 1.0)  # noqa: S311 - no secret


class Output:
    """Sends a stream somewhere, again and again until it ends; tells how that goes."""

    def __init__(
        self,
        target: Target,
        connect: Callable[[], Awaitable[Push]],
        on_change: Callable[[Output], None],
        pauses: Pauses,
    ) -> None:
        """`connect` prepares a try; `on_change` is called when the status has changed."""
        self.id = new_id("ou")
        self.created_at = datetime.now(UTC)
        self.target = target
        self.status = OutputStatus.CONNECTING
        self.error: DomainError | None = None
        """What the last try came to nothing by, or why it was given up."""
        self.bytes_sent = 0
        self.reconnects = 0
        """How often it was live again."""
        self.was_live = asyncio.Event()
        """Set when it was live for the first time."""
        self._connect = connect
        self._on_change = on_change
        self._pauses = pauses
        self._loop = asyncio.get_running_loop()
        self._base_us: int | None = None
        self._live_s: float | None = None
        """Since when it is live."""

    async def run(self) -> None:
        """Sends until the program ends, or it makes no sense any more."""
        tries = refusals = 0
        while True:
            self._live_s = None
            try:
                await self._try()
            except Hopeless as error:
                return self.fail(InvalidInput(str(error)))
            except Lost as error:
                steady = self._held_s() >= self._pauses.steady_s
                tries = 1 if steady else tries + 1
                refusals = refusals + 1 if isinstance(error, Refused) else 0
                if refusals >= MAX_REFUSALS:
                    return self.fail(Forbidden(str(error)))
                self._lose(error)
            else:
                return None
            await asyncio.sleep(self._pauses.after(tries))

    def end(self) -> None:
        """Nothing more is sent."""
        if self.status is not OutputStatus.FAILED:
            self.error = None
            self._move(OutputStatus.ENDED)

    def fail(self, error: DomainError) -> None:
        """Gives it up."""
        log.warning("output.failed", output_id=self.id, reason=str(error))
        self.error = error
        self._move(OutputStatus.FAILED)

    def base_us(self, first_us: int) -> int:
        """Where the output's own timeline begins on the program's."""
        if self._base_us is None:
            self._base_us = first_us
        return self._base_us

    def live(self) -> None:
        """The server takes the stream."""
        self._live_s = self._loop.time()
        self.error = None
        if self.was_live.is_set():
            self.reconnects += 1
        self.was_live.set()
        log.info("output.live", output_id=self.id, reconnects=self.reconnects)
        self._move(OutputStatus.LIVE)

    def sent(self, size_bytes: int) -> None:
        """So much went out."""
        self.bytes_sent += size_bytes

    async def _try(self) -> None:
        push = await self._connect()
        await push.run(self)

    def _held_s(self) -> float:
        return self._loop.time() - self._live_s if self._live_s is not None else 0.0

    def _lose(self, error: Lost) -> None:
        log.warning("output.lost", output_id=self.id, reason=str(error))
        self.error = Unavailable(str(error))
        self._move(OutputStatus.RETRYING)

    def _move(self, status: OutputStatus) -> None:
        if status is not self.status:
            self.status = status
            self._on_change(self)
