"""One WebRTC connection, from its offer to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCIceServer,
    RTCPeerConnection,
    RTCRtpReceiver,
    RTCRtpSender,
    RTCRtpTransceiver,
    RTCSessionDescription,
)
from aiortc.exceptions import InvalidStateError, OperationError
from aiortc.rtcicetransport import parse_stun_turn_uri

from services.common.errors import InvalidInput, UnsupportedMedia
from services.gateway.live.ice import IceServer
from services.gateway.webrtc import offer as sdp
from services.gateway.webrtc.guard import protect
from services.gateway.webrtc.offer import Offer

log = structlog.get_logger()

_CLOSE_S = 5.0
# Constrained baseline first: it is what lip-sync encodes.
_PREFERRED = {"video": ("42e01f", "42001f"), "audio": ("",)}
_CODECS = {"video": "video/h264", "audio": "audio/opus"}


class Peer:
    """A connection that somebody else offered."""

    def __init__(self, offer: Offer, servers: Sequence[IceServer]) -> None:
        """`servers` are what this side finds its own addresses with."""
        self.connected = asyncio.Event()
        self.over = asyncio.Event()
        """Set when it failed, or was closed by either side; `close` must be called still."""
        self.heard_s = asyncio.get_running_loop().time()
        """When the other side last said anything, on the event loop's clock."""
        self._offer = offer
        self._connection = RTCPeerConnection(RTCConfiguration(iceServers=_usable(servers)))
        self._connection.add_listener("connectionstatechange", self._changed)

    def send(self, track: MediaStreamTrack) -> RTCRtpSender:
        """Sends a track of packets; to be called before `answer`."""
        transceiver = self._connection.addTransceiver(track, direction="sendonly")
        prefer(transceiver)
        return transceiver.sender

    def receive(self, kind: str) -> RTCRtpReceiver:
        """Receives a track; to be called before `answer`, which gives the receiver its track."""
        transceiver = self._connection.addTransceiver(kind, direction="recvonly")
        prefer(transceiver)
        return transceiver.receiver

    def heard(self) -> None:
        """The other side is there."""
        self.heard_s = asyncio.get_running_loop().time()

    async def answer(self, announced: Sequence[str]) -> str:
        """Begins to connect; the answer tells this side at the announced addresses, if any.

        Raises InvalidInput, UnsupportedMedia.
        """
        try:
            await self._connection.setRemoteDescription(
                RTCSessionDescription(sdp=self._offer.sdp, type="offer")
            )
            self._ignore_the_rest()
            protect(self._connection)
            await self._connection.setLocalDescription()
        except OperationError:
            raise UnsupportedMedia("the offer has no form of H.264 or Opus that is sent") from None
        except ValueError as error:
            raise InvalidInput(f"the offer can't be answered: {error}") from None
        except InvalidStateError:
            raise InvalidInput("the connection was closed meanwhile") from None
        return sdp.announce(self._connection.localDescription.sdp, announced)

    async def add(self, fragment: str) -> None:
        """Takes candidates that were found later. Raises InvalidInput."""
        found = sdp.read_fragment(fragment, self._offer.first_mid)
        if found.ufrag not in (None, self._offer.ufrag):
            raise InvalidInput("ICE can't be restarted here; DELETE this and offer anew")
        for candidate in found.candidates:
            await self._connection.addIceCandidate(candidate)
        if found.complete:
            await self._connection.addIceCandidate(None)

    async def close(self) -> None:
        """Ends the connection; the other side sees it close."""
        self.over.set()
        try:
            async with asyncio.timeout(_CLOSE_S):
                await self._connection.close()
        except TimeoutError:
            log.warning("peer.stuck")

    def _ignore_the_rest(self) -> None:
        """Neither sends nor receives what was offered and not asked for."""
        for transceiver in self._connection.getTransceivers():
            if transceiver.kind not in self._offer.kinds:
                transceiver.direction = "inactive"

    def _changed(self) -> None:
        state = self._connection.connectionState
        if state == "connected":
            self.heard()
            self.connected.set()
        elif state in ("failed", "closed"):
            self.over.set()


def prefer(transceiver: RTCRtpTransceiver) -> None:
    """Leaves only the codecs that are sent here, and retransmission."""
    kind = transceiver.kind
    known = RTCRtpSender.getCapabilities(kind).codecs
    fitting = [
        codec
        for profile in _PREFERRED[kind]
        for codec in known
        if codec.mimeType.lower() == _CODECS[kind]
        and codec.parameters.get("profile-level-id", "") == profile
    ]
    retransmission = [codec for codec in known if codec.mimeType == "video/rtx"]
    transceiver.setCodecPreferences([*fitting, *retransmission])


def _usable(servers: Sequence[IceServer]) -> list[RTCIceServer]:
    """Those whose URLs aiortc can read."""
    usable = []
    for server in servers:
        urls = [url for url in server.urls if _readable(url)]
        if urls:
            usable.append(
                RTCIceServer(urls=urls, username=server.username, credential=server.credential)
            )
    return usable


def _readable(url: str) -> bool:
    try:
        parse_stun_turn_uri(url)
    except ValueError:
        return False
    return True
