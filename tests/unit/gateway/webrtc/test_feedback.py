"""What is wrapped of aiortc's senders and receivers; fails when aiortc does it another way."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import av
import pytest
from aiortc import RTCPeerConnection, RTCRtpSender
from aiortc.mediastreams import MediaStreamTrack
from aiortc.rtp import (
    RTCP_PSFB_APP,
    RTCP_PSFB_FIR,
    RTCP_PSFB_PLI,
    RTCP_RTPFB_NACK,
    AnyRtcpPacket,
    RtcpPsfbPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtcpSenderInfo,
    RtcpSrPacket,
    pack_remb_fci,
)

from services.gateway.webrtc import feedback

RECEIVER = 99
NTP_EPOCH_S = 2_208_988_800


class Track(MediaStreamTrack):
    """Never gives anything."""

    kind = "video"

    async def recv(self) -> av.VideoFrame:
        never: asyncio.Future[av.VideoFrame] = asyncio.get_running_loop().create_future()
        return await never


@dataclass
class Heard:
    """Notes all that it is told."""

    signs: int = 0
    shares: list[float] = field(default_factory=list)
    bitrates_bps: list[int] = field(default_factory=list)
    keyframes: int = 0

    def heard(self) -> None:
        self.signs += 1

    def lost(self, share: float) -> None:
        self.shares.append(share)

    def estimated(self, bitrate_bps: int) -> None:
        self.bitrates_bps.append(bitrate_bps)

    def keyframe_wanted(self) -> None:
        self.keyframes += 1


@pytest.fixture
async def sender() -> RTCRtpSender:
    return RTCPeerConnection().addTransceiver(Track(), "sendonly").sender


async def arrives(sender: RTCRtpSender, *packets: AnyRtcpPacket) -> None:
    """The packets come in as the transport passes them on."""
    sender.transport._rtp_router.register_sender(sender, sender._ssrc)
    for packet in packets:
        await sender.transport._handle_rtcp_data(bytes(packet))


def report(ssrc: int, fraction_lost: int) -> RtcpReceiverInfo:
    return RtcpReceiverInfo(ssrc, fraction_lost, 3, 1000, 5, 0, 0)


async def test_a_listener_is_told_what_the_receiver_reports(sender: RTCRtpSender) -> None:
    heard = Heard()
    feedback.listen(sender, heard)
    mine = sender._ssrc
    remb = pack_remb_fci(700_000, [mine])
    await arrives(
        sender,
        RtcpRrPacket(RECEIVER, [report(mine, 64), report(mine + 1, 255)]),
        RtcpPsfbPacket(RTCP_PSFB_APP, RECEIVER, 0, remb),
        RtcpPsfbPacket(RTCP_PSFB_APP, RECEIVER, mine, b"ABCD1234"),
        RtcpPsfbPacket(RTCP_PSFB_PLI, RECEIVER, mine),
        RtcpPsfbPacket(RTCP_PSFB_FIR, RECEIVER, mine, bytes(8)),
        RtcpRtpfbPacket(RTCP_RTPFB_NACK, RECEIVER, mine, [7]),
    )
    assert heard.shares == [0.25]
    assert heard.bitrates_bps == [pytest.approx(700_000, rel=0.01)]
    assert heard.keyframes == 2
    assert heard.signs == 6


async def test_a_sender_report_tells_when_the_packet_was_shown(sender: RTCRtpSender) -> None:
    sent: list[AnyRtcpPacket] = []

    async def send(packets: list[AnyRtcpPacket]) -> None:
        sent.extend(packets)

    sender._send_rtcp = send  # type: ignore[method-assign]
    shown_s = 0.0
    feedback.report_time(sender, lambda: shown_s)
    packet = RtcpSrPacket(sender._ssrc, RtcpSenderInfo(1, 90_000, 3, 4))
    await sender._send_rtcp([packet])
    assert sent == []  # nothing was shown yet, so there is nothing to tell
    shown_s = 1_700_000_000.25
    await sender._send_rtcp([packet])
    (told,) = sent
    assert isinstance(told, RtcpSrPacket)
    assert told.sender_info.ntp_timestamp / 2**32 - NTP_EPOCH_S == pytest.approx(shown_s)
    assert told.sender_info.rtp_timestamp == 90_000


async def test_a_receiver_tells_of_every_report_of_its_sender() -> None:
    receiver = RTCPeerConnection().addTransceiver("audio", "recvonly").receiver
    signs: list[None] = []
    feedback.listen_to(receiver, lambda: signs.append(None))
    router = receiver.transport._rtp_router
    router.register_receiver(receiver, [7], [96])
    packet = RtcpSrPacket(7, RtcpSenderInfo(1, 2, 3, 4))
    await receiver.transport._handle_rtcp_data(bytes(packet))
    assert len(signs) == 1


async def test_aiortc_sends_its_reports_and_asks_for_keyframes_where_they_are_wrapped() -> None:
    """The names that are wrapped are those that aiortc itself calls."""
    wrapped = {"_handle_rtcp_packet", "_send_keyframe", "_send_rtcp"}
    called = set(RTCRtpSender._run_rtcp.__code__.co_names)
    called |= set(RTCRtpSender._handle_rtcp_packet.__code__.co_names)
    assert wrapped - {"_handle_rtcp_packet"} <= called
