"""Networks between a sender and a server: one that loses packets, one that encrypts."""

from __future__ import annotations

import asyncio
import ssl
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class LossyPath(asyncio.DatagramProtocol):
    """Passes datagrams of one sender on to a port, and the answers back, but not all of them."""

    def __init__(self, lose_every: int) -> None:
        self.port = 0
        self.lost = 0
        self._lose_every = lose_every
        self._passed = 0
        self._sender: tuple[str, int] | None = None
        self._front: asyncio.DatagramTransport | None = None
        self.back: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._front = cast("asyncio.DatagramTransport", transport)
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._sender = addr
        if self.back is not None and not self._loses():
            self.back.sendto(data)

    def answer(self, data: bytes) -> None:
        if self._front is not None and not self._loses():
            self._front.sendto(data, self._sender)

    def _loses(self) -> bool:
        self._passed += 1
        loses = self._passed % self._lose_every == 0
        self.lost += loses
        return loses


class _Back(asyncio.DatagramProtocol):
    def __init__(self, path: LossyPath) -> None:
        self._path = path

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._path.answer(data)


@asynccontextmanager
async def lossy_path(port: int, *, lose_every: int) -> AsyncIterator[LossyPath]:
    """A way to a local port that loses every so manieth datagram, both ways."""
    loop = asyncio.get_running_loop()
    path = LossyPath(lose_every)
    front, _ = await loop.create_datagram_endpoint(lambda: path, local_addr=("127.0.0.1", 0))
    back, _ = await loop.create_datagram_endpoint(
        lambda: _Back(path), remote_addr=("127.0.0.1", port)
    )
    path.back = back
    try:
        yield path
    finally:
        front.close()
        back.close()


class Authority:
    """Vouches for `localhost`."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        now = datetime.now(UTC)
        self._certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(hours=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
            .sign(self._key, hashes.SHA256())
        )

    def trusted(self) -> ssl.SSLContext:
        """What a client that trusts the authority checks with."""
        return ssl.create_default_context(cadata=self._pem().decode())

    def serving(self) -> ssl.SSLContext:
        """What a server shows."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        key = self._key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        with tempfile.TemporaryDirectory() as folder:
            chain = Path(folder) / "chain.pem"
            chain.write_bytes(key + self._pem())
            context.load_cert_chain(chain)
        return context

    def _pem(self) -> bytes:
        return self._certificate.public_bytes(serialization.Encoding.PEM)


@asynccontextmanager
async def tls_in_front_of(port: int, authority: Authority) -> AsyncIterator[int]:
    """A port that takes TLS and passes what is in it on to a local port."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        writers = [writer]
        try:
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
            writers.append(inner_writer)
            async with asyncio.TaskGroup() as group:
                group.create_task(_pass_on(reader, inner_writer))
                group.create_task(_pass_on(inner_reader, writer))
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            tasks.discard(task)
            for one in writers:
                one.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=authority.serving())
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    writer.close()
