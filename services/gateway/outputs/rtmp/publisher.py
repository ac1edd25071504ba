"""An RTMP connection that publishes one stream (RTMP 1.0, chapter 7)."""

from __future__ import annotations

import asyncio
import secrets
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress

from services.gateway.outputs.push import Lost, Refused
from services.gateway.outputs.rtmp import amf
from services.gateway.outputs.rtmp.chunks import (
    OUT_CHUNK_BYTES,
    ChunkReader,
    MalformedChunks,
    Message,
    MessageType,
    cut,
)
from services.gateway.outputs.rtmp.flv import Tag, TagType
from services.gateway.outputs.target import RtmpTarget

CONNECT_S = 10.0
"""For reaching the server, and again for all that is said before the first picture."""
STALL_S = 10.0
"""A server that takes nothing for so long is given up."""
_GOODBYE_S = 1.0
_HANDSHAKE_BYTES = 1536
_VERSION = 3
_SEND_BUFFER_BYTES = 1 << 18
"""What may wait in the kernel for a slow server: a second or two."""
_WRITE_BUFFER_BYTES = 1 << 16
_WINDOW_BYTES = 2_500_000
_CONTROL, _COMMANDS, _SOUND, _PICTURES = 2, 3, 4, 6
_PING, _PONG = 6, 7
_CONNECT, _RELEASE, _PREPARE, _CREATE, _PUBLISH = 1, 2, 3, 4, 5
_STARTED = "NetStream.Publish.Start"
_RECONNECT = "NetConnection.Connect.ReconnectRequest"
_BROKEN = (OSError, MalformedChunks, amf.MalformedAmf)


class RtmpPublisher:
    """Publishes once connected; `watch` must run meanwhile."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        target: RtmpTarget,
        on_sent: Callable[[int], None],
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._target = target
        self._on_sent = on_sent
        self._chunks = ChunkReader(reader.readexactly)
        self._window_bytes = _WINDOW_BYTES
        self._acknowledged_bytes = 0
        self._stream_id = 0

    async def publish(self, metadata: Mapping[str, amf.Value]) -> None:
        """Says everything up to where the server takes the stream. Raises Lost, Refused."""
        await self._handshake()
        self._tell(Message(MessageType.SET_CHUNK_SIZE, OUT_CHUNK_BYTES.to_bytes(4, "big")))
        app = {
            "app": self._target.app,
            "type": "nonprivate",
            "flashVer": "FMLE/3.0 (compatible; Vultus)",
            "tcUrl": self._target.tc_url,
        }
        self._command("connect", _CONNECT, app)
        await self._result(_CONNECT)
        self._command("releaseStream", _RELEASE, None, self._target.stream_key)
        self._command("FCPublish", _PREPARE, None, self._target.stream_key)
        self._command("createStream", _CREATE, None)
        self._stream_id = _whole(await self._result(_CREATE))
        self._command("publish", _PUBLISH, None, self._target.stream_key, "live")
        await self._started()
        told = amf.encode("@setDataFrame", "onMetaData", metadata)
        await self._send(cut(Message(MessageType.DATA, told, 0, self._stream_id), _SOUND))

    async def send(self, tag: Tag) -> None:
        """Sends sound or a picture; returns when it was taken. Raises Lost."""
        channel = _PICTURES if tag.type is TagType.VIDEO else _SOUND
        await self._send(cut(Message(tag.type, tag.body, tag.time_ms, self._stream_id), channel))

    async def watch(self) -> None:
        """Answers the server; raises Lost when it goes or ends the stream."""
        while True:
            message = await self._next()
            for code, error in _statuses(message):
                if error or code == _RECONNECT:
                    raise Lost(f"the server ended the stream: {code}")

    async def end(self) -> None:
        """Says that the stream ends, if the server still listens."""
        self._command("FCUnpublish", 0, None, self._target.stream_key)
        self._command("deleteStream", 0, None, float(self._stream_id))
        with suppress(TimeoutError, OSError):
            async with asyncio.timeout(_GOODBYE_S):
                await self._writer.drain()
                if self._writer.can_write_eof():
                    self._writer.write_eof()
                # Closing with something unread would take from the server what it has not read.
                await self._reader.read()

    async def _handshake(self) -> None:
        hello = bytes(8) + secrets.token_bytes(_HANDSHAKE_BYTES - 8)
        self._writer.write(bytes([_VERSION]) + hello)
        if await self._reader.readexactly(1) != bytes([_VERSION]):
            raise Lost("the server does not speak RTMP")
        theirs = await self._reader.readexactly(_HANDSHAKE_BYTES)
        self._writer.write(theirs)
        await self._reader.readexactly(_HANDSHAKE_BYTES)

    async def _result(self, transaction: int) -> amf.Value:
        """What a call was answered with. Raises Refused."""
        while True:
            name, values = _command_of(await self._next())
            answers = values[:1] == [transaction]
            if (name == "_error" and answers) or (name == "onStatus" and _is_error(values)):
                raise _refusal(values)
            if name == "_result" and answers and len(values) > 2:
                return values[2]

    async def _started(self) -> None:
        while True:
            name, values = _command_of(await self._next())
            if name == "_error" and values[:1] == [_PUBLISH]:
                raise _refusal(values)
            if name == "onStatus":
                if _is_error(values):
                    raise _refusal(values)
                if _code(values) == _STARTED:
                    return

    async def _next(self) -> Message:
        """The next message that is not about the connection itself."""
        while True:
            message = await self._chunks.next()
            self._acknowledge()
            if message.type == MessageType.WINDOW_SIZE:
                self._window_bytes = int.from_bytes(message.body[:4], "big") or _WINDOW_BYTES
            elif message.type == MessageType.USER_CONTROL:
                self._pong(message.body)
            else:
                return message

    def _pong(self, body: bytes) -> None:
        if int.from_bytes(body[:2], "big") == _PING:
            self._tell(Message(MessageType.USER_CONTROL, _PONG.to_bytes(2, "big") + body[2:6]))

    def _acknowledge(self) -> None:
        read_bytes = self._chunks.read_bytes
        if read_bytes - self._acknowledged_bytes >= self._window_bytes // 2:
            self._acknowledged_bytes = read_bytes
            told = (read_bytes & 0xFFFF_FFFF).to_bytes(4, "big")
            self._tell(Message(MessageType.ACKNOWLEDGEMENT, told))

    def _tell(self, message: Message) -> None:
        self._writer.write(cut(message, _CONTROL))

    def _command(self, name: str, transaction: int, *values: amf.Value) -> None:
        body = amf.encode(name, float(transaction), *values)
        stream_id = self._stream_id if name == "publish" else 0
        self._writer.write(cut(Message(MessageType.COMMAND, body, 0, stream_id), _COMMANDS))

    async def _send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._drain()
        self._on_sent(len(data))

    async def _drain(self) -> None:
        try:
            async with asyncio.timeout(STALL_S):
                await self._writer.drain()
        except TimeoutError:
            raise Lost("the server takes nothing any more") from None


@asynccontextmanager
async def rtmp_connection(
    address: str, target: RtmpTarget, tls: ssl.SSLContext, on_sent: Callable[[int], None]
) -> AsyncIterator[RtmpPublisher]:
    """A connection to an address of the target's host while the block runs.

    Whatever breaks inside is raised as Lost; a certificate that is not good as Refused.
    """
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(CONNECT_S):
            reader, writer = await asyncio.open_connection(
                address,
                target.port,
                ssl=tls if target.secure else None,
                server_hostname=target.host if target.secure else None,
            )
        _bound_buffers(writer)
        yield RtmpPublisher(reader, writer, target, on_sent)
    except TimeoutError:
        raise Lost("the server does not answer") from None
    except ssl.SSLCertVerificationError:
        raise Refused("the server's certificate is not valid") from None
    except ConnectionRefusedError:
        raise Lost("nobody listens there") from None
    except (asyncio.IncompleteReadError, ConnectionError):
        raise Lost("the server closed the connection") from None
    except _BROKEN as error:
        raise Lost(f"the connection broke: {type(error).__name__}") from None
    finally:
        if writer is not None:
            # Whatever waits to be sent is of no use any more.
            writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()


def _bound_buffers(writer: asyncio.StreamWriter) -> None:
    own: socket.socket = writer.get_extra_info("socket")
    own.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
    writer.transport.set_write_buffer_limits(_WRITE_BUFFER_BYTES)


def _command_of(message: Message) -> tuple[str, list[amf.Value]]:
    """A command's name and what follows it; an empty name for any other message."""
    if message.type not in (MessageType.COMMAND, MessageType.COMMAND_AMF3):
        return "", []
    skipped = 1 if message.type == MessageType.COMMAND_AMF3 else 0
    name, *values = amf.decode(message.body[skipped:]) or [""]
    return (name, values) if isinstance(name, str) else ("", [])


def _statuses(message: Message) -> list[tuple[str, bool]]:
    """The status that a message tells, if it does, and whether it is an error."""
    name, values = _command_of(message)
    return [(_code(values), _is_error(values))] if name == "onStatus" else []


def _information(values: list[amf.Value]) -> Mapping[str, amf.Value]:
    """What a status or an error tells in its last object."""
    return next((one for one in reversed(values) if isinstance(one, Mapping)), {})


def _is_error(values: list[amf.Value]) -> bool:
    return _information(values).get("level") == "error"


def _code(values: list[amf.Value]) -> str:
    """Its stable code; the description may hold what is secret."""
    code = _information(values).get("code")
    text = code if isinstance(code, str) else ""
    return text if text.replace(".", "").isalnum() and len(text) < 100 else "unknown"


def _refusal(values: list[amf.Value]) -> Refused:
    description = _information(values).get("description")
    if isinstance(description, str) and "authmod=" in description:
        return Refused("the server asks for user and password, which are not supported")
    return Refused(f"the server refuses the stream: {_code(values)}")


def _whole(value: amf.Value) -> int:
    return int(value) if isinstance(value, float) and 0 <= value < 2**32 else 0
