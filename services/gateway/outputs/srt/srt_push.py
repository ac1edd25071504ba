"""Sends a program to an SRT listener."""

from __future__ import annotations

from services.gateway.live.program import Program
from services.gateway.media import AnimationStarted, AudioChunk, Frame
from services.gateway.outputs.push import Meter, first_of
from services.gateway.outputs.srt.caller import SrtCaller, pieces, srt_connection
from services.gateway.outputs.srt.mpegts import TsMuxer
from services.gateway.outputs.target import SrtTarget


class SrtPush:
    """One SRT target."""

    def __init__(
        self, target: SrtTarget, address: str, program: Program, look: AnimationStarted
    ) -> None:
        """`address` is of the target's host; it is what is connected to."""
        self._target = target
        self._address = address
        self._program = program
        self._look = look

    async def run(self, meter: Meter) -> None:
        """Sends until the program ends. Raises Lost, Refused."""
        async with srt_connection(self._address, self._target, meter.sent) as caller:
            await caller.connect()
            await first_of(self._send(caller, meter), caller.watch())

    async def _send(self, caller: SrtCaller, meter: Meter) -> None:
        muxer: TsMuxer | None = None
        try:
            with self._program.subscribe(Frame, AudioChunk) as items:
                async for item in items:
                    if muxer is None and isinstance(item, Frame):
                        meter.live()
                        muxer = TsMuxer(self._look, meter.base_us(item.pts_us))
                    if muxer is not None and isinstance(item, Frame | AudioChunk):
                        for payload in pieces(muxer.mux(item)):
                            caller.send(payload)
        finally:
            if muxer is not None:
                muxer.close()
