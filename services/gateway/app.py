"""The gateway's composition root: builds the HTTP API and serves it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import structlog
import uvicorn
from starlette.types import ASGIApp

from services.common.errors import StartupError
from services.common.jetstream import JobQueue, connect
from services.gateway.clients.peers import Clients, open_clients
from services.gateway.http.api import create_app
from services.gateway.http.context import Gateway
from services.gateway.http.door import Door
from services.gateway.jobs import Jobs, News
from services.gateway.settings import GatewaySettings

log = structlog.get_logger()


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers: the process's life is `run_service`'s."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.accepting = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.accepting.set()


@asynccontextmanager
async def serve(settings: GatewaySettings) -> AsyncIterator[str]:
    """Serves HTTP until the block ends, then lets running requests finish."""
    async with (
        connect(settings.nats_url, name="gateway") as nats,
        open_clients(settings) as clients,
    ):
        queue = JobQueue(nats, replicas=settings.nats_replicas)
        await queue.ensure_streams()
        gateway = build(settings, clients, Jobs(queue), News(nats))
        async with serve_http(
            create_app(gateway), settings.listen, drain_timeout_s=settings.drain_timeout_s
        ) as address:
            try:
                yield address
            finally:
                gateway.closing.set()


def build(settings: GatewaySettings, clients: Clients, jobs: Jobs, news: News) -> Gateway:
    """What the routes work with."""
    return Gateway(
        settings=settings,
        door=Door(clients.accounts, cache_s=settings.key_cache_s, rate_limit=settings.rate_limit),
        accounts=clients.accounts,
        avatars=clients.avatars,
        videos=clients.videos,
        idempotency=clients.idempotency,
        assets=clients.assets,
        objects=clients.objects,
        moderator=clients.moderator,
        speaker=clients.speaker,
        animator=clients.animator,
        jobs=jobs,
        news=news,
        health=clients.health,
        closing=asyncio.Event(),
    )


@asynccontextmanager
async def serve_http(app: ASGIApp, listen: str, *, drain_timeout_s: float) -> AsyncIterator[str]:
    """Serves an app at `host:port` and yields that address; port 0 picks a free one.

    Raises StartupError when the address can't be bound.
    """
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=int(drain_timeout_s),
        timeout_keep_alive=75,
    )
    server = _Server(config)
    with _bound(listen) as listener:
        host, port = listener.getsockname()[:2]
        serving = asyncio.ensure_future(server.serve([listener]))
        try:
            await server.accepting.wait()
            yield f"{host}:{port}"
        finally:
            server.should_exit = True
            await serving


@contextlib.contextmanager
def _bound(listen: str) -> Iterator[socket.socket]:
    host, _, port = listen.rpartition(":")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host.strip("[]"), int(port)))
        except (OSError, ValueError) as error:
            raise StartupError(f"can't listen on {listen}: {error}") from error
        yield listener
