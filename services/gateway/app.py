"""The gateway's composition root: builds the HTTP API and serves it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import structlog
import uvicorn
from starlette.types import ASGIApp

if TYPE_CHECKING:
    from nats.aio.client import Client

from services.common.errors import StartupError
from services.common.jetstream import JobQueue, connect
from services.gateway.audit.noting import Audit
from services.gateway.backgrounds import Backgrounds
from services.gateway.clients.peers import Clients, approvals_of, open_clients
from services.gateway.code_sender import CodeSender, LogSender, WebhookSender
from services.gateway.http.api import Layer, create_app
from services.gateway.http.context import Gateway
from services.gateway.http.door import Door
from services.gateway.http.forward import Forwarding, open_web
from services.gateway.identity import Accounts
from services.gateway.jobs import Jobs, News
from services.gateway.live.director import Director, TextLimits
from services.gateway.live.ice import IceServers
from services.gateway.live.neighbours import Neighbours
from services.gateway.live.owners import KvOwners
from services.gateway.live.recording import Archive
from services.gateway.live.sessions import Admission, Owners, Sessions
from services.gateway.live.sweeper import Sweeper
from services.gateway.moderation.approval import Approvals
from services.gateway.outputs.outputs import OutputRules, Outputs
from services.gateway.settings import GatewaySettings
from services.gateway.standing import Gate
from services.gateway.webrtc.guests import GuestRules, Guests

log = structlog.get_logger()

_MAX_SOCKET_MESSAGE_BYTES = 1_000_000


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
    with bound_socket(settings.listen) as (listener, address):
        async with (
            connect(settings.nats_url, name="gateway", tls=settings.tls) as nats,
            open_clients(settings) as clients,
            serving(settings, listener, address, nats, clients),
        ):
            yield address


@asynccontextmanager
async def serving(
    settings: GatewaySettings,
    listener: socket.socket,
    address: str,
    nats: Client,
    clients: Clients,
) -> AsyncIterator[None]:
    """Serves HTTP while the block runs; then ends the streams and lets running requests finish."""
    queue = JobQueue(nats, replicas=settings.nats_replicas, kept_days=settings.nats_kept_days)
    await queue.ensure_streams()
    known_as = settings.advertised_address or reachable(address)
    lease_s = settings.stream_lease_s
    owners = KvOwners(nats, known_as, lease_s=lease_s, replicas=settings.nats_replicas)
    await owners.ensure()
    gateway = build(settings, clients, Jobs(queue), News(nats), owners)
    sweeper = Sweeper(clients.streams, owners, gateway.sessions, lease_s=lease_s)
    neighbours = Neighbours(owners, known_as)
    async with (
        forwarding(gateway, neighbours, sweeper) as layer,
        noting(gateway.audit),
        sweeping(sweeper),
    ):
        app = create_app(gateway, layer)
        async with serve_http(app, listener, drain_timeout_s=settings.drain_timeout_s):
            try:
                yield
            finally:
                gateway.closing.set()
                await gateway.sessions.close()
                await gateway.guests.close()
                await gateway.outputs.close()


def build(
    settings: GatewaySettings, clients: Clients, jobs: Jobs, news: News, owners: Owners
) -> Gateway:
    """What the routes work with."""
    rules = GuestRules(settings.max_viewers, tuple(map(str, settings.rtc_addresses)))
    limits = TextLimits(settings.max_drive_characters, settings.max_written_characters)
    approvals = approvals_of(clients, jobs, news)
    director = Director(approvals, clients.speaker, clients.assets, clients.objects, limits)
    sessions = _sessions(settings, clients, owners, approvals, news)
    return Gateway(
        streams=clients.streams,
        sessions=sessions,
        guests=Guests(sessions, director, rules),
        outputs=Outputs(
            sessions, OutputRules(settings.max_outputs, settings.output_private_addresses)
        ),
        director=director,
        ice_servers=IceServers(
            settings.ice_servers, settings.turn_urls, settings.turn_secret.get_secret_value()
        ),
        settings=settings,
        door=door_of(settings, clients.accounts),
        audit=Audit(clients.audit),
        accounts=clients.accounts,
        people=clients.people,
        code_sender=code_sender_of(settings),
        consents=clients.consents,
        usage=clients.usage,
        challenges=clients.challenges,
        statements=clients.moderator,
        provenance=clients.provenance,
        rights=clients.rights,
        retention=clients.retention,
        notices=clients.notices,
        standings=clients.standings,
        gate=Gate(clients.standings),
        subjects=clients.subjects,
        avatars=clients.avatars,
        videos=clients.videos,
        idempotency=clients.idempotency,
        assets=clients.assets,
        objects=clients.objects,
        approvals=approvals,
        speaker=clients.speaker,
        animator=clients.animator,
        jobs=jobs,
        news=news,
        health=clients.health,
        closing=asyncio.Event(),
    )


def _sessions(
    settings: GatewaySettings, clients: Clients, owners: Owners, approvals: Approvals, news: News
) -> Sessions:
    admission = Admission(
        settings.max_streams, settings.english_voice, settings.chinese_voice, settings.mark_rules
    )
    return Sessions(
        clients.streams,
        clients.avatars,
        clients.speaker,
        clients.animator,
        owners,
        Archive(clients.streams, clients.videos, clients.recorder, clients.objects, news),
        Backgrounds(clients.assets, approvals),
        clients.usage,
        admission,
    )


def door_of(settings: GatewaySettings, accounts: Accounts) -> Door:
    """How callers are let in."""
    return Door(
        accounts,
        cache_s=settings.key_cache_s,
        rate_limit=settings.rate_limit,
        open_rate_limit=settings.open_rate_limit,
    )


def code_sender_of(settings: GatewaySettings) -> CodeSender:
    """How codes come to phones."""
    if settings.code_webhook_url is None:
        return LogSender()
    secret = settings.code_webhook_secret.get_secret_value()
    return WebhookSender(settings.code_webhook_url, secret)


@asynccontextmanager
async def serve_http(
    app: ASGIApp, listener: socket.socket, *, drain_timeout_s: float
) -> AsyncIterator[None]:
    """Serves an app at a bound socket while the block runs, then lets running requests finish."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=int(drain_timeout_s),
        timeout_keep_alive=75,
        ws="websockets-sansio",
        ws_max_size=_MAX_SOCKET_MESSAGE_BYTES,
    )
    server = _Server(config)
    serving = asyncio.ensure_future(server.serve([listener]))
    try:
        await server.accepting.wait()
        yield
    finally:
        server.should_exit = True
        await serving


@asynccontextmanager
async def forwarding(
    gateway: Gateway, neighbours: Neighbours, sweeper: Sweeper
) -> AsyncIterator[Layer]:
    """Hands calls for the streams of other gateways on to them, while the block runs."""
    async with open_web() as web:
        yield lambda app: Forwarding(
            app,
            lives_here=lambda stream_id: gateway.sessions.find(stream_id) is not None,
            neighbours=neighbours,
            trouble_with=sweeper.trouble_with,
            web=web,
        )


@asynccontextmanager
async def noting(audit: Audit) -> AsyncIterator[None]:
    """Brings what was done to the audit while the block runs, and what is left after it."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(audit.run())
        try:
            yield
        finally:
            task.cancel()
            await audit.close()


@asynccontextmanager
async def sweeping(sweeper: Sweeper) -> AsyncIterator[None]:
    """Sweeps while the block runs; a defect of the sweeper ends the block."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(sweeper.run())
        try:
            yield
        finally:
            task.cancel()


def reachable(address: str) -> str:
    """An address for other hosts, of one that a server listens at."""
    host, _, port = address.rpartition(":")
    everywhere = host.strip("[]") in ("", "0.0.0.0", "::")  # noqa: S104 - found, not bound
    return f"{socket.gethostname()}:{port}" if everywhere else address


@contextlib.contextmanager
def bound_socket(listen: str) -> Iterator[tuple[socket.socket, str]]:
    """A socket bound to `host:port` (0: a free one), and its address.

    Raises StartupError when the address can't be bound.
    """
    host, _, port = listen.rpartition(":")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host.strip("[]"), int(port)))
        except (OSError, ValueError) as error:
            raise StartupError(f"can't listen on {listen}: {error}") from error
        yield listener, f"{host}:{listener.getsockname()[1]}"
