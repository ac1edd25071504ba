"""A viewer that knows nothing of the gateway but its HTTP API: aiortc as a browser would be."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import av
import httpx
import numpy as np
from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpReceiver, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from aiortc.rtp import RtcpSrPacket, RtpPacket

_Receive = Callable[[bytes, int], None]
_Send = Callable[[bytes], Awaitable[None]]

SDP = {"Content-Type": "application/sdp"}


@dataclass
class Received:
    """What one track brought, decoded."""

    levels: list[tuple[int, float]] = field(default_factory=list)
    """RTP time since the track's first packet, and brightness (0 to 255) or loudness (0 to 1)."""
    pcm: bytearray = field(default_factory=bytearray)
    """Sound: mono s16le, 48 kHz."""
    ended: bool = False


class Watcher:
    """A viewer's connection and what comes through it."""

    def __init__(self) -> None:
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.received = {"video": Received(), "audio": Received()}
        self.location = ""
        self.first_rtp: dict[str, int] = {}
        """The RTP time of the first packet of each kind."""
        self.reports: dict[str, RtcpSrPacket] = {}
        """The last sender report of each kind."""
        self._lost: Callable[[RtpPacket], bool] = lambda packet: False
        self._readers: list[asyncio.Task[None]] = []
        self.connection.add_listener("track", self._take)

    @property
    def pictures(self) -> list[tuple[int, float]]:
        return self.received["video"].levels

    @property
    def sounds(self) -> list[tuple[int, float]]:
        return self.received["audio"].levels

    async def offer(self, *kinds: str, direction: str = "recvonly") -> str:
        """An offer with all candidates; of both kinds where none is named or there."""
        if not self.connection.getTransceivers():
            kinds = kinds or ("video", "audio")
        for kind in kinds:
            self.connection.addTransceiver(kind, direction=direction)
        await self.connection.setLocalDescription()
        return self.connection.localDescription.sdp

    async def accept(self, answer: str) -> None:
        await self.connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))

    async def watch(
        self, client: httpx.AsyncClient, url: str, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        """Connects by WHEP."""
        response = await client.post(
            url, content=await self.offer(), headers={**SDP, **(headers or {})}
        )
        assert response.status_code == 201, response.text
        self.location = response.headers["location"]
        await self.accept(response.text)
        return response

    async def close(self) -> None:
        await self.connection.close()
        # A track that never began does not end either.
        for reader in self._readers:
            reader.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)

    def receiver(self, kind: str) -> RTCRtpReceiver:
        return next(one.receiver for one in self.connection.getTransceivers() if one.kind == kind)

    def lose(self, lost: Callable[[RtpPacket], bool]) -> None:
        """From now on the packets of which that is true do not arrive, unless sent again."""
        self._lost = lost

    def worsen(self, *, loss: float, jitter_s: float) -> None:
        """From now on datagrams are lost and delayed at random, so also out of order, both ways."""
        chance = random.Random(1)  # noqa: S311 - no secret
        loop = asyncio.get_running_loop()
        for transport in {one.receiver.transport for one in self.connection.getTransceivers()}:
            ice = transport.transport
            receive, send = ice._connection.data_received, ice._send

            def received(data: bytes, component: int, receive: _Receive = receive) -> None:
                if chance.random() >= loss:
                    loop.call_later(chance.uniform(0, jitter_s), receive, data, component)

            async def sent(data: bytes, send: _Send = send) -> None:
                if chance.random() >= loss:
                    await send(data)

            ice._connection.data_received = received  # type: ignore[method-assign]
            ice._send = sent

    def fall_silent(self) -> None:
        """Sends nothing more, not even that it goes."""

        async def swallow(data: bytes) -> None:
            pass

        transport = self.receiver("video").transport
        transport._send_rtp = swallow  # type: ignore[method-assign]

    def onset_ntp_s(self, kind: str, above: float) -> list[float]:
        """When what was received rose above a level, on the sender's clock."""
        report = self.reports[kind].sender_info
        rate_hz = 90_000 if kind == "video" else 48_000
        at: list[float] = []
        levels = self.received[kind].levels
        for (_, before), (time, level) in pairwise(levels):
            if before <= above < level:
                rtp = self.first_rtp[kind] + time - report.rtp_timestamp
                at.append(report.ntp_timestamp / 2**32 + rtp / rate_hz)
        return at

    def _take(self, track: MediaStreamTrack) -> None:
        self._spy(track.kind)
        self._readers.append(asyncio.create_task(self._read(track)))

    async def _read(self, track: MediaStreamTrack) -> None:
        received = self.received[track.kind]
        try:
            while True:
                frame = await track.recv()
                received.levels.append((int(frame.pts or 0), _level(frame)))
                if isinstance(frame, av.AudioFrame):
                    received.pcm += frame.to_ndarray()[0, ::2].astype("<i2").tobytes()
        except MediaStreamError:
            received.ended = True

    def _spy(self, kind: str) -> None:
        """Notes what aiortc does not tell: sender reports and the first packet's time."""
        receiver = self.receiver(kind)
        on_rtp, on_rtcp = receiver._handle_rtp_packet, receiver._handle_rtcp_packet

        async def rtp(packet: RtpPacket, arrival_time_ms: int) -> None:
            self.first_rtp.setdefault(kind, packet.timestamp)
            if not self._lost(packet):
                await on_rtp(packet, arrival_time_ms)

        async def rtcp(packet: Any) -> None:
            if isinstance(packet, RtcpSrPacket):
                self.reports[kind] = packet
            await on_rtcp(packet)

        receiver._handle_rtp_packet = rtp  # type: ignore[method-assign]
        receiver._handle_rtcp_packet = rtcp  # type: ignore[method-assign]


def _level(frame: Any) -> float:
    if isinstance(frame, av.VideoFrame):
        return float(frame.to_ndarray(format="gray").mean())
    return float(np.abs(frame.to_ndarray().astype(np.float32)).max() / 32_768)


async def until(condition: Callable[[], object], within_s: float = 20) -> None:
    """Returns when a condition holds."""
    never: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.wait({never}, timeout=0.01)
