"""Where the streams of this gateway are sent: by RTMP, SRT and WHIP."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import structlog
from structlog.contextvars import bound_contextvars

from services.common.errors import Conflict, Internal, NotFound
from services.gateway.addresses import PrivateAddress, resolve
from services.gateway.live.session import Session
from services.gateway.live.sessions import Sessions
from services.gateway.outputs.output import Output, OutputStatus, Pauses
from services.gateway.outputs.push import Hopeless, Lost, Push
from services.gateway.outputs.rtmp.rtmp_push import RtmpPush
from services.gateway.outputs.srt.srt_push import SrtPush
from services.gateway.outputs.target import RtmpTarget, SrtTarget, Target, WhipTarget
from services.gateway.outputs.whip.whip_push import WhipPush
from services.gateway.records import StreamStatus

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class OutputRules:
    """How many outputs there may be, and where they may go."""

    max_outputs: int
    """Of one stream."""
    allow_private: bool
    """Also to loopback and private networks."""


class _Outputs:
    """The outputs of one stream, and the tasks that send."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.tasks: dict[Output, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Returns when the stream has ended and nothing is sent any more."""
        with self.session.events.listen() as events:
            try:
                async for _ in events:
                    pass
            finally:
                for task in self.tasks.values():
                    task.cancel()
                await asyncio.gather(*self.tasks.values(), return_exceptions=True)


class Outputs:
    """The outputs of all streams of this gateway."""

    def __init__(
        self,
        sessions: Sessions,
        rules: OutputRules,
        tls: ssl.SSLContext | None = None,
        pauses: Pauses | None = None,
    ) -> None:
        """`tls` checks servers' certificates; the system's authorities are trusted without it."""
        self._sessions = sessions
        self._rules = rules
        self._tls = tls or ssl.create_default_context()
        self._pauses = pauses or Pauses()
        self._streams: dict[str, _Outputs] = {}
        self._watches: set[asyncio.Task[None]] = set()

    def add(self, session: Session, target: Target) -> Output:
        """Begins to send a stream to a target. Raises Conflict when it has too many outputs."""
        outputs = self._of(session)
        if len(outputs.tasks) >= self._rules.max_outputs:
            raise Conflict(
                f"the stream has {self._rules.max_outputs} outputs already; delete one first"
            )
        output = Output(
            target,
            partial(self._push, session, target),
            partial(_tell, session),
            self._pauses,
        )
        task = outputs.tasks[output] = asyncio.create_task(self._send(session, output))
        task.add_done_callback(partial(_settle, output))
        return output

    def list(self, session: Session) -> Sequence[Output]:
        """A stream's outputs, oldest first."""
        outputs = self._streams.get(session.id)
        return list(outputs.tasks) if outputs else []

    def get(self, session: Session, output_id: str) -> Output:
        """One of them. Raises NotFound."""
        for output in self.list(session):
            if output.id == output_id:
                return output
        raise NotFound("the stream has no such output")

    async def remove(self, session: Session, output_id: str) -> None:
        """Ends one; returns when nothing is sent any more. Raises NotFound."""
        output = self.get(session, output_id)
        task = self._streams[session.id].tasks.pop(output)
        task.cancel()
        await asyncio.wait({task})

    async def close(self) -> None:
        """Returns when the outputs of streams that have ended are gone."""
        await asyncio.gather(*self._watches, return_exceptions=True)

    def _of(self, session: Session) -> _Outputs:
        outputs = self._streams.get(session.id)
        if outputs is None:
            outputs = self._streams[session.id] = _Outputs(session)
            watch = asyncio.create_task(outputs.run())
            self._watches.add(watch)
            watch.add_done_callback(partial(self._forget, session.id))
        return outputs

    def _forget(self, stream_id: str, watch: asyncio.Task[None]) -> None:
        del self._streams[stream_id]
        self._watches.discard(watch)

    async def _send(self, session: Session, output: Output) -> None:
        """An output's whole life."""
        with bound_contextvars(stream_id=session.id):
            noting = asyncio.create_task(self._note_live(session, output))
            try:
                await output.run()
            finally:
                noting.cancel()

    async def _note_live(self, session: Session, output: Output) -> None:
        await output.was_live.wait()
        await self._sessions.note(session, StreamStatus.LIVE)

    async def _push(self, session: Session, target: Target) -> Push:
        """One try. Raises Lost, Hopeless."""
        program, look = session.program, session.look
        match target:
            case RtmpTarget():
                address = await self._resolve(target.host, target.port)
                return RtmpPush(target, address, program, look, self._tls)
            case SrtTarget():
                address = await self._resolve(target.host, target.port)
                return SrtPush(target, address, program, look)
            case WhipTarget():
                allow_private = self._rules.allow_private
                return WhipPush(target, program, self._tls, allow_private=allow_private)

    async def _resolve(self, host: str, port: int) -> str:
        try:
            return await resolve(host, port, allow_private=self._rules.allow_private)
        except PrivateAddress:
            raise Hopeless("the server's address is not public") from None
        except (OSError, UnicodeError):
            raise Lost("the server's name can't be resolved") from None


def _tell(session: Session, output: Output) -> None:
    told: dict[str, object] = {"output_id": output.id, "status": output.status.value}
    if output.status in (OutputStatus.RETRYING, OutputStatus.FAILED) and output.error is not None:
        told["detail"] = output.error.message
    session.events.tell("output.state", **told)


def _settle(output: Output, task: asyncio.Task[None]) -> None:
    """Says how an output ended; a defect is told as one."""
    if task.cancelled() or (error := task.exception()) is None:
        output.end()
        return
    log.error("output.broken", output_id=output.id, exc_info=error)
    output.fail(Internal("internal error"))
