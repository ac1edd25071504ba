"""An SRT connection to a listener, in live mode, that sends (draft-sharabayko-srt-01).

Packets that a listener misses are sent again while it could still use them; time stamps let it play
everything a fixed while after it was sent.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import cast

from services.gateway.outputs.push import Lost, Refused
from services.gateway.outputs.srt.cipher import SrtCipher
from services.gateway.outputs.srt.packets import (
    MESSAGE_MASK,
    PAYLOAD_BYTES,
    SEQUENCE_MASK,
    Control,
    ControlType,
    ExtensionType,
    Handshake,
    HandshakeType,
    MalformedPacket,
    control_packet,
    data_packet,
    handshake_body,
    in_words,
    lost_ranges,
    read_control,
    read_handshake,
    sent_again,
)
from services.gateway.outputs.target import SrtTarget

CONNECT_S = 5.0
SILENCE_S = 5.0
"""A listener that says nothing for so long is gone."""
_REPEAT_S = 0.25
_VERSION_4, _VERSION_5 = 4, 5
_DGRAM = 2
_MAGIC = 0x4A17
_SRT_VERSION = 0x010500
# Times on both sides, encryption, dropping what is late, periodic NAKs, marked repetitions.
_FLAGS = 0x3F
_HSREQ, _KMREQ, _CONFIG = 1, 2, 4
_MTU, _WINDOW = 1500, 8192
_FIRST_REFUSAL = 1000
_KEPT_US = 1_000_000
"""What was sent is kept for at least so long, in case it is missed."""
_MAX_KEPT = 20_000
_US_PER_MS = 1_000
_REFUSALS = {
    1002: "the listener refuses the stream",
    1003: "the listener has no room",
    1005: "the listener has no room",
    1008: "the listener wants another version of SRT",
    1010: "the passphrase is not the listener's",
    1011: "the listener wants a passphrase, or none",
    1401: "the listener refuses the stream: unauthorised",
    1403: "the listener refuses the stream: forbidden",
    1404: "the listener does not know the stream",
    1409: "the listener has the stream from somebody else",
}


class SrtCaller(asyncio.DatagramProtocol):
    """A connection; sends once `connect` has returned."""

    def __init__(self, target: SrtTarget, address: str, on_sent: Callable[[int], None]) -> None:
        self._target = target
        self._address = address
        self._on_sent = on_sent
        self._loop = asyncio.get_running_loop()
        self._begun_s = self._heard_s = self._loop.time()
        self._transport: asyncio.DatagramTransport | None = None
        self._cipher = SrtCipher(target.passphrase, target.key_bytes) if target.passphrase else None
        self._socket_id = secrets.randbelow(0x3FFF_FFFF) + 1
        self._peer_id = 0
        self._sequence = secrets.randbelow(SEQUENCE_MASK)
        self._message = 0
        self._answers: asyncio.Queue[Handshake] = asyncio.Queue()
        self._kept: OrderedDict[int, tuple[int, bytes]] = OrderedDict()
        """By sequence number: when it was sent, and the packet."""
        self._over: asyncio.Future[None] = self._loop.create_future()

    async def connect(self) -> None:
        """Returns when the listener takes the stream. Raises Lost, Refused."""
        first = await self._ask(
            Handshake(
                _VERSION_4, 0, _DGRAM, self._sequence, HandshakeType.INDUCTION, self._socket_id, 0
            )
        )
        if first.version != _VERSION_5 or first.extension != _MAGIC:
            raise Refused("the listener speaks no SRT from version 1.3 on")
        answer = await self._ask(self._conclusion(first.cookie))
        material = answer.extensions.get(ExtensionType.KMRSP, b"")
        if self._cipher and material != self._cipher.keying_material():
            raise Refused(_REFUSALS[1010])
        self._peer_id = answer.socket_id

    def send(self, payload: bytes) -> None:
        """Sends up to PAYLOAD_BYTES; never waits."""
        sequence, self._sequence = self._sequence, (self._sequence + 1) & SEQUENCE_MASK
        self._message = self._message % MESSAGE_MASK + 1
        if self._cipher:
            payload = self._cipher.encrypt(payload, sequence)
        now_us = self._now_us()
        packet = data_packet(
            sequence,
            self._message,
            now_us,
            self._peer_id,
            payload,
            encrypted=self._cipher is not None,
        )
        self._kept[sequence] = now_us, packet
        self._forget_old(now_us)
        self._put(packet)

    async def watch(self) -> None:
        """Raises Lost when the listener goes."""
        while True:
            left_s = self._heard_s + SILENCE_S - self._loop.time()
            if left_s <= 0:
                raise Lost("the listener does not answer any more")
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(self._over), left_s)
                raise Lost("the listener ended the stream")

    def close(self) -> None:
        """Says goodbye."""
        if self._peer_id:
            self._control(ControlType.SHUTDOWN)
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keeps what packets go out by."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: object) -> None:
        """Takes a packet; what makes no sense is dropped."""
        with suppress(MalformedPacket):
            control = read_control(data)
            if control is not None:
                self._heard_s = self._loop.time()
                self._take(control)

    def error_received(self, exc: Exception) -> None:
        """Nobody listens at the port, or not yet: silence says the same."""

    def _take(self, control: Control) -> None:
        match control.type:
            case ControlType.HANDSHAKE:
                self._answers.put_nowait(read_handshake(control.body))
            case ControlType.ACK:
                self._acknowledged(control)
            case ControlType.NAK:
                for first, last in lost_ranges(control.body):
                    self._send_again(first, last)
            case ControlType.SHUTDOWN:
                if not self._over.done():
                    self._over.set_result(None)
            case _:
                pass

    async def _ask(self, handshake: Handshake) -> Handshake:
        """Repeats a handshake until it is answered in kind. Raises Lost, Refused."""
        end_s = self._loop.time() + CONNECT_S
        body = handshake_body(handshake, self._address, mtu=_MTU, window=_WINDOW)
        while self._loop.time() < end_s:
            self._control(ControlType.HANDSHAKE, body=body)
            try:
                async with asyncio.timeout(_REPEAT_S):
                    answer = await self._answers.get()
            except TimeoutError:
                continue
            if answer.type >= _FIRST_REFUSAL:
                raise Refused(_REFUSALS.get(answer.type, f"the listener refuses: {answer.type}"))
            if answer.type == handshake.type:
                return answer
        raise Lost("nobody answers there")

    def _conclusion(self, cookie: int) -> Handshake:
        latency_ms = self._target.latency_ms
        hello = _SRT_VERSION << 64 | _FLAGS << 32 | latency_ms << 16 | latency_ms
        extensions: dict[int, bytes] = {ExtensionType.HSREQ: hello.to_bytes(12, "big")}
        flags = _HSREQ
        if self._cipher:
            extensions[ExtensionType.KMREQ] = self._cipher.keying_material()
            flags |= _KMREQ
        if self._target.stream_id:
            extensions[ExtensionType.STREAM_ID] = in_words(self._target.stream_id)
            flags |= _CONFIG
        return Handshake(
            _VERSION_5,
            self._cipher.announced if self._cipher else 0,
            flags,
            self._sequence,
            HandshakeType.CONCLUSION,
            self._socket_id,
            cookie,
            extensions,
        )

    def _acknowledged(self, control: Control) -> None:
        """Lets go of what has arrived; whole reports are confirmed, short ones have no number."""
        if len(control.body) < 4:
            raise MalformedPacket
        upto = int.from_bytes(control.body[:4], "big") & SEQUENCE_MASK
        while self._kept and _before(next(iter(self._kept)), upto):
            self._kept.popitem(last=False)
        if control.info:
            self._control(ControlType.ACKACK, info=control.info)

    def _send_again(self, first: int, last: int) -> None:
        """Repeats what is still kept; of the rest the listener is told not to wait for it."""
        missing = 0
        sequence = first
        for _ in range(min((last - first & SEQUENCE_MASK) + 1, _MAX_KEPT)):
            kept = self._kept.get(sequence)
            if kept is not None:
                self._put(sent_again(kept[1]))
            else:
                missing += 1
            sequence = (sequence + 1) & SEQUENCE_MASK
        if missing:
            oldest = next(iter(self._kept), self._sequence)
            upto = last if _before(last, oldest) else (oldest - 1) & SEQUENCE_MASK
            span = first.to_bytes(4, "big") + upto.to_bytes(4, "big")
            self._control(ControlType.DROP_REQUEST, body=span)

    def _forget_old(self, now_us: int) -> None:
        kept_us = max(_KEPT_US, self._target.latency_ms * _US_PER_MS * 5 // 4)
        while self._kept:
            sequence, (sent_us, _) = next(iter(self._kept.items()))
            if now_us - sent_us <= kept_us and len(self._kept) <= _MAX_KEPT:
                return
            del self._kept[sequence]

    def _control(self, type_: ControlType, *, info: int = 0, body: bytes = b"") -> None:
        self._put(control_packet(type_, info, self._now_us(), self._peer_id, body))

    def _put(self, packet: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(packet)
            self._on_sent(len(packet))

    def _now_us(self) -> int:
        return int((self._loop.time() - self._begun_s) * 1_000_000)


@asynccontextmanager
async def srt_connection(
    address: str, target: SrtTarget, on_sent: Callable[[int], None]
) -> AsyncIterator[SrtCaller]:
    """A caller for a listener at an address of the target's host, while the block runs."""
    try:
        transport, caller = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: SrtCaller(target, address, on_sent), remote_addr=(address, target.port)
        )
    except OSError as error:
        raise Lost(f"the network is not reachable: {type(error).__name__}") from None
    try:
        yield caller
    finally:
        caller.close()
        transport.close()


def pieces(data: bytes) -> list[bytes]:
    """Data in payloads."""
    return [data[at : at + PAYLOAD_BYTES] for at in range(0, len(data), PAYLOAD_BYTES)]


def _before(one: int, other: int) -> bool:
    """Whether a sequence number comes before another, on the circle of them."""
    return 0 < (other - one & SEQUENCE_MASK) <= SEQUENCE_MASK // 2
