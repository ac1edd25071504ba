"""Counts how often a job broke its worker, so that a poison job is told from an unlucky one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import structlog
from nats.errors import Error as NatsError
from nats.js.errors import KeyNotFoundError

if TYPE_CHECKING:
    from nats.js import JetStreamContext
    from nats.js.kv import KeyValue

log = structlog.get_logger()

BUCKET = "strikes"
_KEPT_S = 7 * 24 * 3600.0


class Strikes(Protocol):
    """The count of a job is raised when it begins and lowered when it ends in an orderly way."""

    async def begin(self, job_id: str) -> int:
        """How often the job was begun without an orderly end, this time included."""

    async def end(self, job_id: str) -> None:
        """The job came to an orderly end, good or bad, for now or for ever."""


class KvStrikes:
    """Strikes in a JetStream bucket; when that does not answer a job counts as new."""

    def __init__(self, js: JetStreamContext, *, replicas: int = 1) -> None:
        self._js = js
        self._replicas = replicas
        self._bucket: KeyValue | None = None

    async def begin(self, job_id: str) -> int:
        """How often the job was begun without an orderly end, this time included."""
        try:
            count = await self._count(job_id) + 1
            await (await self._open()).put(job_id, str(count).encode())
        except (NatsError, OSError) as error:
            log.warning("strikes.unreachable", error=str(error))
            return 1
        return count

    async def end(self, job_id: str) -> None:
        """The job came to an orderly end."""
        try:
            count = await self._count(job_id) - 1
            await (await self._open()).put(job_id, str(max(count, 0)).encode())
        except (NatsError, OSError) as error:
            log.warning("strikes.unreachable", error=str(error))

    async def _count(self, job_id: str) -> int:
        try:
            entry = await (await self._open()).get(job_id)
        except KeyNotFoundError:
            return 0
        return int(entry.value or b"0")

    async def _open(self) -> KeyValue:
        if self._bucket is None:
            self._bucket = await self._js.create_key_value(
                bucket=BUCKET, ttl=_KEPT_S, replicas=self._replicas
            )
        return self._bucket
