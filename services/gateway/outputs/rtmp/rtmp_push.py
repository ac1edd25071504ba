"""Sends a program to an RTMP server."""

from __future__ import annotations

import asyncio
import ssl

from services.gateway.live.phrases import RATE_HZ
from services.gateway.live.program import Program
from services.gateway.media import AnimationStarted, AudioChunk, Frame
from services.gateway.outputs.aac import BITRATE_BPS
from services.gateway.outputs.push import Lost, Meter, first_of
from services.gateway.outputs.rtmp import amf
from services.gateway.outputs.rtmp.flv import FlvMuxer
from services.gateway.outputs.rtmp.publisher import CONNECT_S, RtmpPublisher, rtmp_connection
from services.gateway.outputs.target import RtmpTarget

_H264, _AAC = 7.0, 10.0
_SAMPLE_BITS = 16.0
_BPS_PER_KBPS = 1_000


class RtmpPush:
    """One RTMP(S) target."""

    def __init__(
        self,
        target: RtmpTarget,
        address: str,
        program: Program,
        look: AnimationStarted,
        tls: ssl.SSLContext,
    ) -> None:
        """`address` is of the target's host; it is what is connected to."""
        self._target = target
        self._address = address
        self._program = program
        self._look = look
        self._tls = tls

    async def run(self, meter: Meter) -> None:
        """Sends until the program ends. Raises Lost, Refused."""
        async with rtmp_connection(self._address, self._target, self._tls, meter.sent) as server:
            try:
                async with asyncio.timeout(CONNECT_S):
                    await server.publish(self._metadata())
            except TimeoutError:
                raise Lost("the server does not answer") from None
            try:
                await first_of(self._send(server, meter), server.watch())
            finally:
                await server.end()

    async def _send(self, server: RtmpPublisher, meter: Meter) -> None:
        muxer: FlvMuxer | None = None
        with self._program.subscribe(Frame, AudioChunk) as items:
            async for item in items:
                if muxer is None and isinstance(item, Frame):
                    meter.live()
                    muxer = FlvMuxer(meter.base_us(item.pts_us))
                if muxer is not None and isinstance(item, Frame | AudioChunk):
                    for tag in muxer.mux(item):
                        await server.send(tag)

    def _metadata(self) -> dict[str, amf.Value]:
        return {
            "width": float(self._look.width),
            "height": float(self._look.height),
            "framerate": float(self._look.fps),
            "videocodecid": _H264,
            "audiocodecid": _AAC,
            "audiodatarate": BITRATE_BPS / _BPS_PER_KBPS,
            "audiosamplerate": float(RATE_HZ),
            "audiosamplesize": _SAMPLE_BITS,
            "stereo": False,
            "encoder": "Vultus",
        }
