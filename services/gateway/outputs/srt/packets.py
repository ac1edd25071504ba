"""SRT's packets (draft-sharabayko-srt-01, chapter 3), as a caller in live mode needs them."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum

PAYLOAD_BYTES = 1316
"""Seven packets of a transport stream: what live mode carries at most."""
SEQUENCE_MASK = 0x7FFF_FFFF
MESSAGE_MASK = 0x03FF_FFFF
_CONTROL = 0x8000_0000
_HEADER = struct.Struct(">IIII")
_WHOLE_MESSAGE = 0xC000_0000
_EVEN_KEY = 0x0800_0000
_AGAIN = 0x0400_0000
_HANDSHAKE = struct.Struct(">IHHIIIiII16s")
_RANGE = 0x8000_0000


class ControlType(IntEnum):
    """Kinds of control packets."""

    HANDSHAKE = 0
    KEEPALIVE = 1
    ACK = 2
    NAK = 3
    SHUTDOWN = 5
    ACKACK = 6
    DROP_REQUEST = 7


class HandshakeType(IntEnum):
    """Steps of a handshake; refusals are numbered from 1000 on."""

    INDUCTION = 1
    CONCLUSION = -1


class ExtensionType(IntEnum):
    """What a handshake may bring."""

    HSREQ = 1
    HSRSP = 2
    KMREQ = 3
    KMRSP = 4
    STREAM_ID = 5


class MalformedPacket(Exception):
    """It is no SRT."""


@dataclass(frozen=True, slots=True)
class Control:
    """A control packet."""

    type: int
    info: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Handshake:
    """The body of a handshake."""

    version: int
    encryption: int
    extension: int
    """Which extensions follow; from a listener in its first answer a magic number."""
    sequence: int
    type: int
    socket_id: int
    cookie: int
    extensions: dict[int, bytes] = field(default_factory=dict)


def data_packet(
    sequence: int, message: int, time_us: int, peer_id: int, payload: bytes, *, encrypted: bool
) -> bytes:
    """A whole message."""
    flags = _WHOLE_MESSAGE | (_EVEN_KEY if encrypted else 0) | message & MESSAGE_MASK
    return _HEADER.pack(sequence, flags, time_us & 0xFFFF_FFFF, peer_id) + payload


def sent_again(packet: bytes) -> bytes:
    """The same packet, marked as a repetition."""
    flags = int.from_bytes(packet[4:8], "big") | _AGAIN
    return packet[:4] + flags.to_bytes(4, "big") + packet[8:]


def control_packet(type_: ControlType, info: int, time_us: int, peer_id: int, body: bytes) -> bytes:
    """A control packet; none goes without a body."""
    head = _HEADER.pack(_CONTROL | type_ << 16, info, time_us & 0xFFFF_FFFF, peer_id)
    return head + (body or bytes(4))


def read_control(packet: bytes) -> Control | None:
    """A control packet; None for data. Raises MalformedPacket."""
    if len(packet) < _HEADER.size:
        raise MalformedPacket
    first, info, _, _ = _HEADER.unpack_from(packet)
    if not first & _CONTROL:
        return None
    return Control(first >> 16 & 0x7FFF, info, packet[_HEADER.size :])


def handshake_body(handshake: Handshake, peer_address: str, *, mtu: int, window: int) -> bytes:
    """A handshake to be sent to a peer at an IP address."""
    body = _HANDSHAKE.pack(
        handshake.version,
        handshake.encryption,
        handshake.extension,
        handshake.sequence,
        mtu,
        window,
        handshake.type,
        handshake.socket_id,
        handshake.cookie,
        _address(peer_address),
    )
    for type_, content in handshake.extensions.items():
        body += struct.pack(">HH", type_, len(content) // 4) + content
    return body


def read_handshake(body: bytes) -> Handshake:
    """A handshake that came. Raises MalformedPacket."""
    if len(body) < _HANDSHAKE.size:
        raise MalformedPacket
    version, encryption, extension, sequence, _, _, type_, socket_id, cookie, _ = (
        _HANDSHAKE.unpack_from(body)
    )
    extensions = {}
    at = _HANDSHAKE.size
    while at + 4 <= len(body):
        kind, words = struct.unpack_from(">HH", body, at)
        extensions[kind] = body[at + 4 : at + 4 + words * 4]
        at += 4 + words * 4
    return Handshake(version, encryption, extension, sequence, type_, socket_id, cookie, extensions)


def in_words(text: str) -> bytes:
    """A text as extensions hold it: words of four bytes, each turned round."""
    data = text.encode()
    data += bytes(-len(data) % 4)
    return b"".join(data[at : at + 4][::-1] for at in range(0, len(data), 4))


def lost_ranges(body: bytes) -> Iterator[tuple[int, int]]:
    """First and last sequence number of each run that a NAK reports."""
    words = [word for (word,) in struct.iter_unpack(">I", body[: len(body) // 4 * 4])]
    at = 0
    while at < len(words):
        first = words[at] & SEQUENCE_MASK
        if words[at] & _RANGE and at + 1 < len(words):
            yield first, words[at + 1] & SEQUENCE_MASK
            at += 2
        else:
            yield first, first
            at += 1


def _address(text: str) -> bytes:
    """An IP address as a handshake holds it; like the rest in words."""
    ip = ipaddress.ip_address(text)
    if ip.version == 4:
        return ip.packed[::-1] + bytes(12)
    return b"".join(ip.packed[at : at + 4][::-1] for at in range(0, 16, 4))
