"""`python -m services.gateway.worker`: makes the videos and avatars, sends the webhooks.

Any number of workers share the queues. On SIGTERM a worker gives its jobs back and ends.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx

from services.common.grpc_server import serve_grpc
from services.common.jetstream import JobQueue, connect
from services.common.runtime import run_service
from services.gateway.avatar_job import AvatarJobs
from services.gateway.clients.peers import Clients, approvals_of, open_clients
from services.gateway.http.notices import notice_json
from services.gateway.http.views import video_json
from services.gateway.jobs import AVATARS, VIDEOS, WEBHOOKS, Jobs, News
from services.gateway.mailer import SmtpMailer
from services.gateway.moderation.approval import Approvals
from services.gateway.notice_job import NoticeJobs
from services.gateway.pipeline import Services
from services.gateway.reconciler import Reconciler
from services.gateway.settings import WorkerSettings
from services.gateway.standing import Gate
from services.gateway.strikes import KvStrikes
from services.gateway.video_job import Peers, VideoJobs
from services.gateway.webhooks import Sender, WebhookJobs

if TYPE_CHECKING:
    from nats.aio.client import Client

_Work = Callable[[], Coroutine[Any, Any, None]]


@asynccontextmanager
async def serve(settings: WorkerSettings) -> AsyncIterator[str]:
    """Works until the block ends; then gives back what is not done. Serves only health."""
    async with (
        connect(settings.nats_url, name="worker", tls=settings.tls) as nats,
        open_clients(settings) as clients,
        httpx.AsyncClient(timeout=settings.webhook_timeout_s, trust_env=False) as web,
        serve_grpc(
            settings.listen,
            {},
            drain_timeout_s=0,
            tls=settings.tls,
            health_listen=settings.health_listen,
        ) as endpoint,
    ):
        queue = JobQueue(nats, replicas=settings.nats_replicas, kept_days=settings.nats_kept_days)
        await queue.ensure_streams()
        async with _running(_work(settings, nats, queue, clients, web)):
            await endpoint.set_serving(True)
            yield endpoint.address


def _work(
    settings: WorkerSettings,
    nats: Client,
    queue: JobQueue,
    clients: Clients,
    web: httpx.AsyncClient,
) -> list[_Work]:
    """Everything that runs side by side."""
    js, jobs, news = nats.jetstream(), Jobs(queue), News(nats)
    strikes = KvStrikes(js, replicas=settings.nats_replicas)
    approvals = approvals_of(clients, jobs, news)
    videos = VideoJobs(_peers(clients, approvals, jobs, news, strikes), settings)
    avatars = AvatarJobs(
        clients.avatars,
        clients.animator,
        clients.objects,
        strikes,
        approvals.reviews,
        max_attempts=settings.max_attempts,
        max_strikes=settings.max_strikes,
    )
    sender = Sender(web, allow_private=settings.webhook_private_addresses)
    webhooks = WebhookJobs(
        clients.videos, clients.accounts, sender, video_json, Gate(clients.standings)
    )
    reconciler = Reconciler(
        clients.videos, jobs, js, every_s=settings.reconcile_s, idle_s=settings.stranded_s
    )
    mailer = SmtpMailer(settings) if settings.smtp_address else None
    notices = NoticeJobs(clients.notices, sender, mailer, notice_json)
    return [
        notices.run,
        *(lambda: queue.consume(VIDEOS, videos.handle) for _ in range(settings.parallel_videos)),
        lambda: queue.consume(AVATARS, avatars.handle),
        *(
            lambda: queue.consume(WEBHOOKS, webhooks.handle)
            for _ in range(settings.parallel_webhooks)
        ),
        reconciler.run,
    ]


def _peers(
    clients: Clients, approvals: Approvals, jobs: Jobs, news: News, strikes: KvStrikes
) -> Peers:
    """Whom video jobs talk to."""

    async def ready() -> bool:
        return all((await clients.health.serving()).values())

    return Peers(
        videos=clients.videos,
        avatars=clients.avatars,
        assets=clients.assets,
        objects=clients.objects,
        services=Services(clients.speaker, clients.animator, clients.recorder),
        approvals=approvals,
        jobs=jobs,
        news=news,
        strikes=strikes,
        ready=ready,
    )


@asynccontextmanager
async def _running(work: list[_Work]) -> AsyncIterator[None]:
    """All of it runs while the block does; one that breaks ends the block."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(job()) for job in work]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()


if __name__ == "__main__":
    sys.exit(run_service("gateway.worker", WorkerSettings, serve))
