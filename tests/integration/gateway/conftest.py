"""The gateway and its worker as they run, with a real nats-server and fakes behind gRPC."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from services.gateway import app, worker
from services.gateway.settings import GatewaySettings, WorkerSettings
from tests.fakes.servers import Addresses, serve_stage
from tests.fakes.stage import Stage
from tests.integration.conftest import NatsServer

TEXT = {"type": "text", "text": "Good day to you. How are you."}


class House:
    """A gateway, any number of workers, and what they stand on."""

    def __init__(self, stage: Stage, nats: NatsServer, addresses: Addresses) -> None:
        self.stage = stage
        self.nats = nats
        self.addresses = addresses

    @asynccontextmanager
    async def gateway(self, **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
        """A gateway; its client has the first account's key."""
        values = {"listen": "127.0.0.1:0", "key_cache_s": 0, "drain_timeout_s": 1, **settings}
        values.setdefault("webhook_private_addresses", True)
        async with (
            app.serve(GatewaySettings.model_validate(self._common() | values)) as address,
            httpx.AsyncClient(
                base_url=f"http://{address}",
                headers={"Authorization": f"Bearer {self.stage.secret}"},
                trust_env=False,
                timeout=30,
            ) as client,
        ):
            yield client

    @asynccontextmanager
    async def worker(self, **settings: Any) -> AsyncIterator[None]:
        """A worker; leaving the block is its SIGTERM."""
        values = {"webhook_private_addresses": True, **settings}
        async with worker.serve(WorkerSettings.model_validate(self._common() | values)):
            yield

    def _common(self) -> dict[str, Any]:
        return {"nats_url": self.nats.url, **self.addresses.settings()}


@pytest.fixture
async def stage() -> Stage:
    """Its catalog knows the time: leases run out."""
    return Stage(now=lambda: datetime.now(UTC))


@pytest.fixture
async def house(stage: Stage, nats_server: NatsServer) -> AsyncIterator[House]:
    async with serve_stage(stage) as addresses:
        yield House(stage, nats_server, addresses)


class Listener:
    """A web server of an owner, who is told of videos."""

    def __init__(self) -> None:
        self.got: asyncio.Queue[tuple[dict[str, str], bytes]] = asyncio.Queue()
        self.url = ""
        self.statuses: list[int] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        headers = dict(
            line.lower().split(": ", 1) for line in head.splitlines()[1:] if ": " in line
        )
        body = await reader.readexactly(int(headers["content-length"]))
        status = self.statuses.pop(0) if self.statuses else 200
        writer.write(f"HTTP/1.1 {status} x\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()
        writer.close()
        await self.got.put((headers, body))


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    listener = Listener()
    server = await asyncio.start_server(listener.serve, "127.0.0.1", 0)
    listener.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    async with server:
        yield listener
