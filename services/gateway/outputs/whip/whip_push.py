"""Sends a program to a WHIP endpoint, such as an SFU's, over WebRTC."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress

from aiortc import (
    RTCBundlePolicy,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.exceptions import InvalidAccessError, InvalidStateError, OperationError

from services.gateway.live.program import Program
from services.gateway.outputs.push import Lost, Meter, Refused, first_of
from services.gateway.outputs.target import WhipTarget
from services.gateway.outputs.whip.endpoint import WhipEndpoint, open_web
from services.gateway.webrtc import feedback
from services.gateway.webrtc.guard import protect
from services.gateway.webrtc.keyframes import KeyframeWishes
from services.gateway.webrtc.peer import prefer
from services.gateway.webrtc.tracks import PictureTrack, ProgramTrack, SoundTrack, Timeline

CONNECT_S = 15.0
SILENCE_S = 15.0
"""A receiver that reports nothing for so long is gone."""
_TICK_S = 1.0
_CLOSE_S = 5.0
_UNUSABLE = (ValueError, AssertionError, AttributeError, IndexError, KeyError, StopIteration)


class WhipPush:
    """One WHIP target."""

    def __init__(
        self, target: WhipTarget, program: Program, tls: ssl.SSLContext, *, allow_private: bool
    ) -> None:
        self._target = target
        self._program = program
        self._tls = tls
        self._allow_private = allow_private

    async def run(self, meter: Meter) -> None:
        """Sends until the program ends. Raises Lost, Refused, Hopeless."""
        sender = _Sender(self._program)
        try:
            async with open_web(self._tls) as web:
                endpoint = WhipEndpoint(self._target, web, allow_private=self._allow_private)
                accepted = await endpoint.offer(await sender.offer())
                try:
                    await sender.accept(accepted.answer)
                    await first_of(sender.send(meter), _until_over(self._program))
                finally:
                    if accepted.session_url is not None:
                        await endpoint.end(accepted.session_url)
        finally:
            await sender.close()


class _Sender:
    """A connection that this side offers, with the program's tracks."""

    def __init__(self, program: Program) -> None:
        self._loop = asyncio.get_running_loop()
        self._connection = RTCPeerConnection(
            RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)
        )
        self._connected = asyncio.Event()
        self._over = asyncio.Event()
        self._connection.add_listener("connectionstatechange", self._changed)
        timeline = Timeline()
        self._pictures = PictureTrack(program, timeline)
        self._sound = SoundTrack(program, timeline)
        self._wishes = KeyframeWishes(lambda: program.wish_keyframe())
        self._heard_s = self._loop.time()
        for track in (self._pictures, self._sound):
            self._add(track)

    async def offer(self) -> str:
        """An offer that holds all ways to reach this side."""
        protect(self._connection)
        await self._connection.setLocalDescription()
        return self._connection.localDescription.sdp

    async def accept(self, answer: str) -> None:
        """Takes the endpoint's answer, and returns when connected. Raises Lost, Refused."""
        try:
            await self._connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        except (*_UNUSABLE, OperationError, InvalidStateError, InvalidAccessError):
            raise Refused("the endpoint's answer takes no H.264 and Opus, or is no SDP") from None
        with suppress(TimeoutError):
            async with asyncio.timeout(CONNECT_S):
                await first_of(_set(self._connected), _set(self._over))
        if not self._connected.is_set():
            raise Lost("no connection to the endpoint comes about")

    async def send(self, meter: Meter) -> None:
        """Counts what goes out; raises Lost when the receiver goes."""
        self._heard_s = self._loop.time()
        sent_bytes = 0
        meter.live()
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_TICK_S):
                    await self._over.wait()
            now_bytes = self._pictures.sent_bytes + self._sound.sent_bytes
            meter.sent(now_bytes - sent_bytes)
            sent_bytes = now_bytes
            if self._over.is_set():
                raise Lost("the connection to the endpoint broke")
            if self._loop.time() - self._heard_s > SILENCE_S:
                raise Lost("the endpoint does not report any more")

    async def close(self) -> None:
        """Ends the connection."""
        self._wishes.close()
        self._pictures.stop()
        self._sound.stop()
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_S):
                await self._connection.close()

    def _add(self, track: ProgramTrack) -> None:
        transceiver = self._connection.addTransceiver(track, direction="sendonly")
        prefer(transceiver)
        feedback.listen(transceiver.sender, _Feedback(self._hear, self._wishes.wish))
        feedback.report_time(transceiver.sender, lambda: track.wall_s)

    def _hear(self) -> None:
        self._heard_s = self._loop.time()

    def _changed(self) -> None:
        state = self._connection.connectionState
        if state == "connected":
            self._connected.set()
        elif state in ("failed", "closed"):
            self._over.set()


class _Feedback:
    """Of a receiver's reports, signs of life and wishes for keyframes.

    A server that passes the stream on looks after the bandwidth of those behind it.
    """

    def __init__(self, hear: Callable[[], None], wish_keyframe: Callable[[], None]) -> None:
        self._hear = hear
        self._wish_keyframe = wish_keyframe

    def heard(self) -> None:
        self._hear()

    def lost(self, share: float) -> None:
        pass

    def estimated(self, bitrate_bps: int) -> None:
        pass

    def keyframe_wanted(self) -> None:
        self._wish_keyframe()


async def _set(event: asyncio.Event) -> None:
    await event.wait()


async def _until_over(program: Program) -> None:
    with program.subscribe() as nothing:
        async for _ in nothing:
            pass
