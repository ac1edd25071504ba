"""What receivers tell a sender, and what it reports to them.

aiortc keeps this to itself where a track gives packets instead of pictures: it answers NACKs, but
nobody is told of keyframe requests, losses and bandwidth. Nor do its sender reports tell when a
packet was *meant* to be shown, only when it left, which is not the same for sound and pictures.
So a few private methods are wrapped here, for each sender and receiver, and nowhere else;
`tests/unit/gateway/webrtc/test_feedback.py` fails when aiortc changes them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from aiortc import RTCRtpReceiver, RTCRtpSender
from aiortc.rtp import (
    RTCP_PSFB_APP,
    AnyRtcpPacket,
    RtcpPsfbPacket,
    RtcpRrPacket,
    RtcpSrPacket,
    unpack_remb_fci,
)

_NTP_EPOCH_S = 2_208_988_800
"""Between the epochs of NTP and Unix."""
_WHOLE_LOSS = 256


class Listener(Protocol):
    """Hears what a receiver tells."""

    def heard(self) -> None:
        """The receiver said something."""

    def lost(self, share: float) -> None:
        """That share of the packets since the last report did not arrive."""

    def estimated(self, bitrate_bps: int) -> None:
        """The receiver believes that so much can reach it (REMB)."""

    def keyframe_wanted(self) -> None:
        """The receiver can't decode what comes (PLI, FIR)."""


def listen(sender: RTCRtpSender, listener: Listener) -> None:
    """Tells the listener of everything that the sender's receiver reports."""
    handle = sender._handle_rtcp_packet

    async def heard(packet: AnyRtcpPacket) -> None:
        listener.heard()
        if isinstance(packet, RtcpRrPacket | RtcpSrPacket):
            for report in packet.reports:
                if report.ssrc == sender._ssrc:
                    listener.lost(report.fraction_lost / _WHOLE_LOSS)
        elif isinstance(packet, RtcpPsfbPacket) and packet.fmt == RTCP_PSFB_APP:
            bitrate_bps = _remb_bps(packet.fci)
            if bitrate_bps is not None:
                listener.estimated(bitrate_bps)
        await handle(packet)

    sender._handle_rtcp_packet = heard  # type: ignore[method-assign]
    sender._send_keyframe = listener.keyframe_wanted  # type: ignore[method-assign]


def listen_to(receiver: RTCRtpReceiver, heard: Callable[[], None]) -> None:
    """Tells of every report that the receiver's sender makes."""
    handle = receiver._handle_rtcp_packet

    async def handled(packet: AnyRtcpPacket) -> None:
        heard()
        await handle(packet)

    receiver._handle_rtcp_packet = handled  # type: ignore[method-assign]


def report_time(sender: RTCRtpSender, wall_s: Callable[[], float]) -> None:
    """Makes sender reports tell that the last packet was shown at that Unix time.

    Receivers bring sound and pictures together by it (RFC 3550, 6.4.1).
    """
    send = sender._send_rtcp

    async def sent(packets: list[AnyRtcpPacket]) -> None:
        shown_s = wall_s()
        await send([_retimed(packet, shown_s) for packet in packets if shown_s or not _sr(packet)])

    sender._send_rtcp = sent  # type: ignore[method-assign]


def _sr(packet: AnyRtcpPacket) -> bool:
    return isinstance(packet, RtcpSrPacket)


def _retimed(packet: AnyRtcpPacket, shown_s: float) -> AnyRtcpPacket:
    if not isinstance(packet, RtcpSrPacket):
        return packet
    ntp = int((shown_s + _NTP_EPOCH_S) * 2**32)
    return replace(packet, sender_info=replace(packet.sender_info, ntp_timestamp=ntp))


def _remb_bps(fci: bytes) -> int | None:
    try:
        bitrate_bps, _ = unpack_remb_fci(fci)
    except ValueError:
        return None
    return bitrate_bps
