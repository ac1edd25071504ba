"""RTMP's messages, cut into chunks and put together again (RTMP 1.0, chapters 5 and 6)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import IntEnum

OUT_CHUNK_BYTES = 4096
_FIRST_CHUNK_BYTES = 128
_EXTENDED = 0xFFFFFF
_MAX_MESSAGE_BYTES = 1 << 18
"""Servers send commands and reports only, which are small."""
_MAX_CHUNK_STREAMS = 64
_TIME_MASK = 0xFFFF_FFFF


class MessageType(IntEnum):
    """Kinds of messages that are used here; FLV's tags are the others."""

    SET_CHUNK_SIZE = 1
    ABORT = 2
    ACKNOWLEDGEMENT = 3
    USER_CONTROL = 4
    WINDOW_SIZE = 5
    PEER_BANDWIDTH = 6
    DATA = 18
    COMMAND_AMF3 = 17
    COMMAND = 20


class MalformedChunks(Exception):
    """What came is no RTMP."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message."""

    type: int
    body: bytes
    time_ms: int = 0
    stream_id: int = 0


def cut(message: Message, channel: int) -> bytes:
    """A message as chunks of OUT_CHUNK_BYTES, on a channel (chunk stream) from 2 to 63."""
    time = message.time_ms & _TIME_MASK
    extended = time.to_bytes(4, "big") if time >= _EXTENDED else b""
    head = (
        bytes([channel])
        + min(time, _EXTENDED).to_bytes(3, "big")
        + len(message.body).to_bytes(3, "big")
        + bytes([message.type])
        + message.stream_id.to_bytes(4, "little")
        + extended
    )
    go_on = bytes([0xC0 | channel]) + extended
    pieces = [
        message.body[at : at + OUT_CHUNK_BYTES]
        for at in range(0, len(message.body), OUT_CHUNK_BYTES)
    ]
    return head + go_on.join(pieces)


@dataclass(slots=True)
class _Channel:
    """What a chunk stream's last head said, and the message that is not complete yet."""

    type: int = 0
    length: int = 0
    extended: bool = False
    body: bytearray = field(default_factory=bytearray)


class ChunkReader:
    """Puts a server's messages together; leaves out their times."""

    def __init__(self, read: Callable[[int], Awaitable[bytes]]) -> None:
        """`read` gives exactly so many bytes."""
        self._read_exactly = read
        self._chunk_bytes = _FIRST_CHUNK_BYTES
        self._channels: dict[int, _Channel] = {}
        self.read_bytes = 0
        """How much was read so far."""

    async def next(self) -> Message:
        """The next message. Raises MalformedChunks, and what `read` raises."""
        while True:
            channel = await self._chunk()
            if len(channel.body) < channel.length:
                continue
            message = Message(channel.type, bytes(channel.body))
            channel.body.clear()
            if message.type == MessageType.SET_CHUNK_SIZE:
                self._set_chunk_size(message.body)
            elif message.type == MessageType.ABORT:
                self._abort(message.body)
            else:
                return message

    async def _chunk(self) -> _Channel:
        first = (await self._read(1))[0]
        number = first & 0x3F
        if number < 2:
            extra = await self._read(number + 1)
            number = int.from_bytes(extra, "little") + 64
        if number not in self._channels and len(self._channels) >= _MAX_CHUNK_STREAMS:
            raise MalformedChunks("too many chunk streams")
        channel = self._channels.setdefault(number, _Channel())
        await self._header(channel, first >> 6)
        rest = channel.length - len(channel.body)
        channel.body += await self._read(min(rest, self._chunk_bytes))
        return channel

    async def _header(self, channel: _Channel, form: int) -> None:
        """Forms 0 to 3 say ever less anew. Times and stream ids mean nothing to a publisher."""
        head = await self._read((11, 7, 3, 0)[form])
        if form < 3:
            channel.extended = int.from_bytes(head[:3], "big") == _EXTENDED
            channel.body.clear()
        if form < 2:
            channel.length = int.from_bytes(head[3:6], "big")
            channel.type = head[6]
            if channel.length > _MAX_MESSAGE_BYTES:
                raise MalformedChunks("a message is too long")
        if channel.extended:
            await self._read(4)

    def _set_chunk_size(self, body: bytes) -> None:
        size = int.from_bytes(body[:4], "big")
        if not 1 <= size <= 0x7FFFFFFF:
            raise MalformedChunks("a chunk size of 0")
        self._chunk_bytes = size

    def _abort(self, body: bytes) -> None:
        if channel := self._channels.get(int.from_bytes(body[:4], "big")):
            channel.body.clear()

    async def _read(self, size: int) -> bytes:
        self.read_bytes += size
        return await self._read_exactly(size)
