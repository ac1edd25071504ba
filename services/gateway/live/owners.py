"""Which gateway a stream lives on: claims with a lease in a JetStream bucket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import structlog
from nats.errors import Error as NatsError
from nats.js.errors import KeyNotFoundError

from services.common.errors import Unavailable

if TYPE_CHECKING:
    from nats.js import JetStreamContext
    from nats.js.kv import KeyValue

log = structlog.get_logger()

BUCKET = "stream-owners"


class KvOwners:
    """Claims of this gateway, known to all; one that is not renewed for `lease_s` is gone."""

    def __init__(
        self, js: JetStreamContext, address: str, *, lease_s: float, replicas: int = 1
    ) -> None:
        self._js = js
        self._address = address
        self._lease_s = lease_s
        self._replicas = replicas
        self._bucket: KeyValue | None = None

    @asynccontextmanager
    async def held(self, stream_id: str) -> AsyncIterator[None]:
        """Claims a stream while the block runs; goes on without NATS, unseen by other gateways."""
        await self._claim(stream_id)
        renewing = asyncio.create_task(self._renew(stream_id))
        try:
            yield
        finally:
            renewing.cancel()
            with suppress(NatsError, OSError):
                await (await self._open()).delete(stream_id)

    async def owner_of(self, stream_id: str) -> str | None:
        """`host:port` of the gateway that a stream lives on; None: it lives nowhere.

        Raises Unavailable.
        """
        try:
            entry = await (await self._open()).get(stream_id)
        except KeyNotFoundError:
            return None
        except (NatsError, OSError) as error:
            raise Unavailable("the message server does not answer", retry_after_s=2) from error
        return (entry.value or b"").decode() or None

    async def _renew(self, stream_id: str) -> None:
        while True:
            await asyncio.sleep(self._lease_s / 3)
            await self._claim(stream_id)

    async def _claim(self, stream_id: str) -> None:
        try:
            await (await self._open()).put(stream_id, self._address.encode())
        except (NatsError, OSError) as error:
            log.warning("owners.unreachable", stream_id=stream_id, error=str(error))

    async def _open(self) -> KeyValue:
        if self._bucket is None:
            self._bucket = await self._js.create_key_value(
                bucket=BUCKET, ttl=self._lease_s, replicas=self._replicas
            )
        return self._bucket
