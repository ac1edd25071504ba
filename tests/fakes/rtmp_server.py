"""An RTMP server that answers as it is told; what it understands FFmpeg is there to show."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from services.gateway.outputs.rtmp import amf
from services.gateway.outputs.rtmp.chunks import (
    OUT_CHUNK_BYTES,
    ChunkReader,
    Message,
    MessageType,
    cut,
)

_HANDSHAKE_BYTES = 1536
_BUFFER_BYTES = 4096


@dataclass
class RtmpServer:
    """Takes connections one after the other or at once."""

    connect: str = "NetConnection.Connect.Success"
    """What a client that connects is told; any other code with level error."""
    publish: str = "NetStream.Publish.Start"
    description: str = ""
    takes: bool = True
    """Whether it reads on once the stream was begun."""
    commands: list[list[amf.Value]] = field(default_factory=list)
    """All that clients said, without transaction ids."""
    media: list[Message] = field(default_factory=list)
    port: int = 0
    connections: int = 0
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    @property
    def names(self) -> list[amf.Value]:
        return [command[0] for command in self.commands]

    def say(self, code: str, level: str = "status") -> None:
        """Tells all who are connected."""
        for writer in self.writers:
            writer.write(_status("onStatus", 0, code, level, self.description))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writers.append(writer)
        try:
            await self._converse(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self.writers.remove(writer)
            writer.transport.abort()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hello = await reader.readexactly(1 + _HANDSHAKE_BYTES)
        writer.write(b"\3" + bytes(_HANDSHAKE_BYTES) + hello[1:])
        await reader.readexactly(_HANDSHAKE_BYTES)
        size = OUT_CHUNK_BYTES.to_bytes(4, "big")
        writer.write(cut(Message(MessageType.SET_CHUNK_SIZE, size), 2))
        chunks = ChunkReader(reader.readexactly)
        while True:
            message = await chunks.next()
            if message.type != MessageType.COMMAND:
                self.media.append(message)
                continue
            name, transaction, *values = amf.decode(message.body)
            self.commands.append([name, *values])
            self._answer(writer, name, transaction)
            if name == "publish" and not self.takes:
                await asyncio.get_running_loop().create_future()

    def _answer(
        self, writer: asyncio.StreamWriter, name: amf.Value, transaction: amf.Value
    ) -> None:
        match name:
            case "connect":
                accepted = self.connect.endswith("Success")
                kind, level = ("_result", "status") if accepted else ("_error", "error")
                writer.write(_status(kind, transaction, self.connect, level, self.description))
            case "createStream":
                writer.write(_command("_result", transaction, None, 1.0))
            case "publish":
                level = "status" if self.publish.endswith("Start") else "error"
                writer.write(_status("onStatus", 0, self.publish, level, self.description))
            case _:
                pass


def _command(*values: amf.Value) -> bytes:
    return cut(Message(MessageType.COMMAND, amf.encode(*values)), 3)


def _status(kind: str, transaction: amf.Value, code: str, level: str, description: str) -> bytes:
    told = {"level": level, "code": code, "description": description}
    return _command(kind, transaction, None, told)


@asynccontextmanager
async def rtmp_server(server: RtmpServer) -> AsyncIterator[RtmpServer]:
    """Serves on a free port while the block runs."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        await server.serve(reader, writer)

    # Small buffers: a server that does not read is noticed soon.
    place = socket.create_server(("127.0.0.1", server.port))
    place.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
    listening = await asyncio.start_server(serve, sock=place, limit=_BUFFER_BYTES)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
