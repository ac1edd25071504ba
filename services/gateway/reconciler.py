"""Finds jobs that no queue knows of any more and queues them again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

import structlog
from nats.errors import Error as NatsError

from services.common.errors import DomainError
from services.common.jetstream import JOBS_STREAM
from services.gateway.jobs import AVATARS, VIDEOS, Jobs
from services.gateway.ports import Videos

if TYPE_CHECKING:
    from nats.js import JetStreamContext

log = structlog.get_logger()

ItemT = TypeVar("ItemT")
ItemT_contra = TypeVar("ItemT_contra", contravariant=True)


class _Publish(Protocol[ItemT_contra]):
    async def __call__(self, item: ItemT_contra, /, *, again: str) -> None: ...


class Reconciler:
    """Compares what stands still in the catalog with what waits in the queue.

    Only when fewer messages wait than jobs stand still has one been lost. Which one, nobody knows:
    all are queued again, and a job that is delivered twice is done once, thanks to its lease.
    """

    def __init__(
        self, videos: Videos, jobs: Jobs, js: JetStreamContext, *, every_s: float, idle_s: int
    ) -> None:
        self._videos = videos
        self._jobs = jobs
        self._js = js
        self._every_s = every_s
        self._idle_s = idle_s

    async def run(self) -> None:
        """Looks again and again until cancelled."""
        while True:
            await asyncio.sleep(self._every_s)
            try:
                await self.look()
            except (DomainError, NatsError, OSError) as error:
                log.warning("reconcile.failed", error=str(error))

    async def look(self) -> None:
        """Queues lost jobs again."""
        stranded = await self._videos.stranded(idle_s=self._idle_s)
        await self._requeue(VIDEOS, stranded.videos, self._jobs.make_video)
        await self._requeue(AVATARS, stranded.avatars, self._jobs.prepare_avatar)

    async def _requeue(self, queue: str, items: Sequence[ItemT], publish: _Publish[ItemT]) -> None:
        if not items or await self._waiting(queue) >= len(items):
            return
        log.warning("jobs.requeued", queue=queue, count=len(items))
        # The queue may still know the job's id; workers that look at the same time agree on this.
        again = f".{int(time.time() // self._every_s)}"
        for item in items:
            await publish(item, again=again)

    async def _waiting(self, queue: str) -> int:
        """Messages of a queue that are not settled."""
        subject = f"jobs.{queue}"
        info = await self._js.stream_info(JOBS_STREAM, subjects_filter=subject)
        return (info.state.subjects or {}).get(subject, 0)
