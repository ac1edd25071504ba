"""One live stream: a playout, what it says, who steers it, and how long it lasts.

    drives ──► phrases ──► playout ──► program ──► viewers, recording, pushes
                              ▲
                         lip-sync draws

`run` owns everything that goes on in it: when it returns, nothing of the stream is left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from services.common.errors import DomainError
from services.common.telemetry import LIVE_STREAMS
from services.gateway.live.drives import DriveQueue
from services.gateway.live.events import Events
from services.gateway.live.phrases import RATE_HZ, VoiceChoice
from services.gateway.live.playout import Playout
from services.gateway.live.program import Program
from services.gateway.live.tokens import Tokens
from services.gateway.media import Act, AnimationStarted, Background, Mark, ObjectRef
from services.gateway.ports import AnimationConfig, Animator
from services.gateway.records import StreamRecord, StreamStatus

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Ending:
    """How a stream ended: a stable word, and whether it failed."""

    reason: str
    failed: bool = False

    @property
    def status(self) -> StreamStatus:
        """As it is recorded."""
        return StreamStatus.FAILED if self.failed else StreamStatus.ENDED


class Session:
    """A stream that lives in this process."""

    def __init__(
        self,
        record: StreamRecord,
        animator: Animator,
        pack: ObjectRef,
        voice: VoiceChoice,
        background: Background | None = None,
        mark: Mark | None = None,
    ) -> None:
        spec = record.spec
        self.record = record
        self.voice = voice
        self.tokens = Tokens()
        self.events = Events()
        self.noting = asyncio.Lock()
        """Held while the catalog is told how far the stream is."""
        self.program = Program()
        config = AnimationConfig(
            pack, spec.width, spec.height, spec.fps, RATE_HZ, background=background, mark=mark
        )
        self.playout = Playout(animator, config, self.program)
        if expression := spec.look.performance.expression:
            self.playout.act(Act(standing=expression))
        self.drives = DriveQueue(self.playout, self.events)
        self._loop = asyncio.get_running_loop()
        self._begun_s = self._loop.time()
        self._ending: asyncio.Future[Ending] = self._loop.create_future()

    @property
    def id(self) -> str:
        """Of the stream."""
        return self.record.id

    @property
    def look(self) -> AnimationStarted:
        """Size and pace of the pictures; the session must have been opened."""
        return self.playout.opened.result()

    def end(self, reason: str, *, failed: bool = False) -> None:
        """Ends the stream; the first reason stands."""
        if not self._ending.done():
            self._ending.set_result(Ending(reason, failed))

    def moved(self, record: StreamRecord) -> None:
        """The catalog knows more of it."""
        self.record = record
        self.events.tell("stream.state", status=record.status.value)

    async def run(self) -> Ending:
        """Lives until the stream ends, and leaves nothing behind."""
        parts = (self.playout.run(), self.drives.run(), self._watch_time())
        work = [asyncio.create_task(part) for part in parts]
        with LIVE_STREAMS.track_inprogress():
            try:
                waited: set[asyncio.Future[Any]] = {*work, self._ending}
                await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
                self._find_cause(work)
                return await self._ending
            finally:
                for task in work:
                    task.cancel()
                await asyncio.gather(*work, return_exceptions=True)
                self._say_goodbye()

    def _find_cause(self, work: Sequence[asyncio.Future[None]]) -> None:
        """Makes an ending of whatever broke, unless there is one."""
        for task in work:
            if not task.done() or task.cancelled() or (error := task.exception()) is None:
                continue
            log.error("stream.broken", stream_id=self.id, exc_info=error)
            broken = isinstance(error, DomainError)
            self.end("lipsync_unavailable" if broken else "internal", failed=True)

    def _say_goodbye(self) -> None:
        ending = self._ending.result() if self._ending.done() else Ending("gateway_stopped")
        self.events.tell("stream.state", status=ending.status.value, reason=ending.reason)
        self.events.close()
        self.program.close()

    async def _watch_time(self) -> None:
        """Ends the stream exactly when it has lasted, or had nothing to say, for long enough."""
        spec = self.record.spec
        over_s = self._begun_s + spec.max_duration_s
        while not self._ending.done():
            now_s = self._loop.time()
            idle_s = self.drives.last_busy_s + spec.idle_timeout_s
            if now_s >= over_s:
                self.end("max_duration")
            elif now_s >= idle_s and not self.drives.busy:
                self.end("idle_timeout")
            else:
                until_s = over_s if self.drives.busy else min(over_s, idle_s)
                await asyncio.sleep(min(until_s - now_s, spec.idle_timeout_s))
