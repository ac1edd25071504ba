"""SRT's forms, and a caller against a listener that answers as it is told."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import cast

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.outputs.push import Lost, Refused
from services.gateway.outputs.srt import caller as srt_caller
from services.gateway.outputs.srt.caller import SrtCaller, srt_connection
from services.gateway.outputs.srt.cipher import SrtCipher
from services.gateway.outputs.srt.packets import (
    SEQUENCE_MASK,
    ControlType,
    Handshake,
    HandshakeType,
    MalformedPacket,
    control_packet,
    handshake_body,
    in_words,
    lost_ranges,
    read_control,
    read_handshake,
)
from services.gateway.outputs.target import SrtTarget
from tests.fakes.watcher import until

ME, PEER = 7, 99


def word(value: int) -> bytes:
    return value.to_bytes(4, "big")


@dataclass
class Listener(asyncio.DatagramProtocol):
    """Accepts whoever calls, and keeps all data packets but those that it is to lose."""

    refusal: int = 0
    silent: bool = False
    port: int = 0
    calls: list[Handshake] = field(default_factory=list)
    packets: list[bytes] = field(default_factory=list)
    controls: list[int] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._caller = addr
        control = read_control(data)
        if control is None:
            self.packets.append(data)
        elif control.type == ControlType.HANDSHAKE:
            self._answer(read_handshake(control.body))
        else:
            self.controls.append(control.type)
            self.bodies.append(control.body)

    def say(self, type_: ControlType, info: int, body: bytes) -> None:
        self._transport.sendto(control_packet(type_, info, 0, ME, body), self._caller)

    def _answer(self, call: Handshake) -> None:
        self.calls.append(call)
        if self.silent:
            return
        if call.type == HandshakeType.INDUCTION:
            answer = Handshake(5, 0, 0x4A17, call.sequence, HandshakeType.INDUCTION, PEER, 1234)
        else:
            told = {4: call.extensions[3]} if 3 in call.extensions else {}
            type_ = self.refusal or HandshakeType.CONCLUSION
            answer = Handshake(5, 0, 0, call.sequence, type_, PEER, 1234, told)
        body = handshake_body(answer, "127.0.0.1", mtu=1500, window=8192)
        self.say(ControlType.HANDSHAKE, 0, body)


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    transport, listener = await asyncio.get_running_loop().create_datagram_endpoint(
        Listener, local_addr=("127.0.0.1", 0)
    )
    yield listener
    transport.close()


def target(port: int, passphrase: str = "") -> SrtTarget:
    return SrtTarget("127.0.0.1", port, "live/key", passphrase, 16, 120, "")


@pytest.fixture
async def caller(listener: Listener) -> AsyncIterator[SrtCaller]:
    """A caller that is connected."""
    async with srt_connection("127.0.0.1", target(listener.port), lambda _: None) as caller:
        await caller.connect()
        yield caller


def sequences(packets: list[bytes]) -> list[int]:
    return [int.from_bytes(packet[:4], "big") for packet in packets]


async def test_a_caller_introduces_itself(caller: SrtCaller, listener: Listener) -> None:
    first, second = listener.calls
    assert (first.version, first.extension, first.cookie) == (4, 2, 0)
    assert (second.version, second.cookie, second.extension) == (5, 1234, 1 | 4)
    assert second.extensions[5] == in_words("live/key")
    assert second.extensions[1][-4:] == bytes([0, 120, 0, 120])
    caller.send(b"payload")
    await until(lambda: listener.packets)
    assert listener.packets[0][12:16] == word(PEER)
    assert listener.packets[0][16:] == b"payload"


async def test_what_is_missed_is_sent_again_until_it_is_acknowledged(
    caller: SrtCaller, listener: Listener
) -> None:
    for number in range(10):
        caller.send(b"%d" % number)
    await until(lambda: len(listener.packets) == 10)
    sent = sequences(listener.packets)
    listener.say(ControlType.NAK, 0, word(sent[1]) + word(0x8000_0000 | sent[4]) + word(sent[6]))
    await until(lambda: len(listener.packets) == 14)
    assert sequences(listener.packets[10:]) == [sent[1], *sent[4:7]]
    assert all(packet[4] & 0x04 for packet in listener.packets[10:]), "marked as repetitions"
    listener.say(ControlType.ACK, 5, word(sent[8]))
    await until(lambda: ControlType.ACKACK in listener.controls)
    listener.say(ControlType.NAK, 0, word(0x8000_0000 | sent[6]) + word(sent[9]))
    await until(lambda: ControlType.DROP_REQUEST in listener.controls)
    assert sequences(listener.packets[14:]) == sent[8:10]
    assert listener.bodies[-1] == word(sent[6]) + word(sent[7])


async def test_a_caller_says_goodbye(listener: Listener) -> None:
    async with srt_connection("127.0.0.1", target(listener.port), lambda _: None) as caller:
        await caller.connect()
    await until(lambda: listener.controls == [ControlType.SHUTDOWN])


async def test_a_listener_that_goes_is_noticed(caller: SrtCaller, listener: Listener) -> None:
    listener.say(ControlType.SHUTDOWN, 0, b"")
    with pytest.raises(Lost, match="ended the stream"):
        await caller.watch()


async def test_a_listener_that_falls_silent_is_noticed(
    caller: SrtCaller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(srt_caller, "SILENCE_S", 0.1)
    with pytest.raises(Lost, match="does not answer any more"):
        await caller.watch()


async def test_nobody_there_is_told(listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(srt_caller, "CONNECT_S", 0.6)
    listener.silent = True
    async with srt_connection("127.0.0.1", target(listener.port), lambda _: None) as caller:
        with pytest.raises(Lost, match="nobody answers"):
            await caller.connect()
    assert len(listener.calls) >= 2, "it asks again"


@pytest.mark.parametrize(
    ("number", "told"),
    [(1011, "passphrase, or none"), (1403, "forbidden"), (1999, "refuses: 1999")],
)
async def test_a_refusal_is_told(listener: Listener, number: int, told: str) -> None:
    listener.refusal = number
    async with srt_connection("127.0.0.1", target(listener.port), lambda _: None) as caller:
        with pytest.raises(Refused, match=told):
            await caller.connect()


async def test_datagrams_that_make_no_sense_change_nothing(
    caller: SrtCaller, listener: Listener
) -> None:
    for junk in (b"", b"x", bytes(16), b"\x80\x02" + bytes(14), b"\x80\0" + bytes(30)):
        caller.datagram_received(junk, None)
    caller.send(b"on")
    await until(lambda: listener.packets)


def test_a_listener_with_the_passphrase_reads_what_was_encrypted() -> None:
    cipher = SrtCipher("a-long-passphrase", 32)
    material = cipher.keying_material()
    salt, wrapped = material[16:32], material[32:]
    key = aes_key_unwrap(
        hashlib.pbkdf2_hmac("sha1", b"a-long-passphrase", salt[8:], 2048, 32), wrapped
    )
    counter = bytearray(salt[:14] + bytes(2))
    for at, byte in enumerate(word(0x1234567)):
        counter[10 + at] ^= byte
    decryptor = Cipher(algorithms.AES(key), modes.CTR(bytes(counter))).decryptor()
    assert decryptor.update(cipher.encrypt(b"payload", 0x1234567)) == b"payload"
    assert cipher.announced == 4


@given(st.lists(st.integers(0, SEQUENCE_MASK), max_size=20))
def test_lost_packets_are_read_as_they_are_told(numbers: list[int]) -> None:
    body = b"".join(word(0x8000_0000 | number) + word(number) for number in numbers)
    assert list(lost_ranges(body)) == [(number, number) for number in numbers]


@given(st.binary(max_size=120))
def test_what_is_no_handshake_is_told_as_such(data: bytes) -> None:
    with contextlib.suppress(MalformedPacket):
        read_handshake(data)
