"""`python -m bench.viewer URL TOKEN SECONDS`: watches a stream by WHEP and tells what arrived.

It runs in a process of its own, so that decoding does not slow what is measured. Its JSON:
`first_frame_s` after the offer, `frames`, `fps`, `gap_ms` (95th percentile and the longest between
pictures), and `skew_ms` (95th percentile of how far sound and picture of one moment arrive apart,
as packets, by the sender reports' common clock, RFC 3550 6.4.1).
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import dataclass, field
from typing import Any

import httpx
import numpy as np
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCRtpReceiver, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from aiortc.rtp import RtcpSrPacket, RtpPacket

_NTP_UNITS_PER_S = 2**32
_PICTURES_HZ, _SOUND_HZ = 90_000, 48_000
_MS = 1000.0


@dataclass
class _Heard:
    """What arrived of one track."""

    clock_hz: int
    arrivals: list[float] = field(default_factory=list)
    """Of decoded pictures and sound, Unix times."""
    report: tuple[float, int] | None = None
    """The last sender report: NTP seconds, RTP timestamp."""
    lateness_s: list[tuple[float, float]] = field(default_factory=list)
    """Unix time of arrival, and how much later than its NTP time."""

    def arrived(self, rtp: int) -> None:
        """The last packet of a picture, or a packet of sound."""
        if self.report:
            now_s = time.time()
            ntp_s, rtp_then = self.report
            behind = (rtp - rtp_then + 2**31) % 2**32 - 2**31
            self.lateness_s.append((now_s, now_s - (ntp_s + behind / self.clock_hz)))


async def watch(url: str, token: str, seconds: float) -> dict[str, Any]:
    """Watches for so long; what arrived, as the module says."""
    peer = RTCPeerConnection()
    heard = {"video": _Heard(_PICTURES_HZ), "audio": _Heard(_SOUND_HZ)}
    tasks: list[asyncio.Future[None]] = []
    for kind in heard:
        transceiver = peer.addTransceiver(kind, direction="recvonly")
        _listen(transceiver.receiver, heard[kind])

    @peer.on("track")
    def begin(track: MediaStreamTrack) -> None:
        tasks.append(asyncio.ensure_future(_take(track, heard[track.kind])))

    await peer.setLocalDescription(await peer.createOffer())
    offered_s = time.time()
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        answer = await client.post(
            url,
            content=peer.localDescription.sdp,
            headers={"Content-Type": "application/sdp", "Authorization": f"Bearer {token}"},
        )
        answer.raise_for_status()
        await peer.setRemoteDescription(RTCSessionDescription(answer.text, "answer"))
        await asyncio.sleep(seconds)
    await peer.close()
    await asyncio.gather(*tasks, return_exceptions=True)
    return _told(heard, offered_s)


def _listen(receiver: RTCRtpReceiver, heard: _Heard) -> None:
    """Notes the sender's clock, which aiortc keeps to itself."""
    handle, take = receiver._handle_rtcp_packet, receiver._handle_rtp_packet

    async def note(packet: Any) -> None:
        if isinstance(packet, RtcpSrPacket):
            info = packet.sender_info
            heard.report = info.ntp_timestamp / _NTP_UNITS_PER_S, info.rtp_timestamp
        await handle(packet)

    async def arrive(packet: RtpPacket, arrival_time_ms: int) -> None:
        if packet.marker or heard.clock_hz == _SOUND_HZ:
            heard.arrived(packet.timestamp)
        await take(packet, arrival_time_ms)

    receiver._handle_rtcp_packet = note  # type: ignore[method-assign]
    receiver._handle_rtp_packet = arrive  # type: ignore[method-assign]


async def _take(track: MediaStreamTrack, heard: _Heard) -> None:
    try:
        while True:
            await track.recv()
            heard.arrivals.append(time.time())
    except MediaStreamError:
        return


def _told(heard: dict[str, _Heard], offered_s: float) -> dict[str, Any]:
    video, audio = heard["video"], heard["audio"]
    times_s = np.array(video.arrivals)
    gaps_ms = np.diff(times_s) * _MS
    skew_ms = np.array([0.0])
    if video.lateness_s and audio.lateness_s:
        at_s, late_s = np.array(audio.lateness_s).T
        seen_s, seen_late_s = np.array(video.lateness_s).T
        skew_ms = np.abs(seen_late_s - np.interp(seen_s, at_s, late_s)) * _MS
    return {
        "first_frame_s": float(times_s[0] - offered_s),
        "frames": len(times_s),
        "fps": float((len(times_s) - 1) / (times_s[-1] - times_s[0])),
        "gap_ms": [float(np.percentile(gaps_ms, 95)), float(gaps_ms.max())],
        "skew_ms": float(np.percentile(skew_ms, 95)),
    }


if __name__ == "__main__":
    _url, _token, _seconds = sys.argv[1:]
    sys.stdout.write(json.dumps(asyncio.run(watch(_url, _token, float(_seconds)))))
