"""Which gateway a stream lives on: claims with a lease in a JetStream bucket.

A claim tells where a stream lives; it is no lock. Only the gateway that made a stream claims it,
and whether the stream has ended is for the catalog to say. The lease is spent like this: a claim
outlives its last renewal by a half of it; the other half is for the sweeper to be sure.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import structlog
from nats.errors import Error as NatsError
from nats.js.errors import APIError, KeyNotFoundError

from services.common.errors import StartupError, Unavailable

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.js.kv import KeyValue

log = structlog.get_logger()

BUCKET = "stream-owners"
_STREAM = f"KV_{BUCKET}"
_PREFIX = f"$KV.{BUCKET}."
_NAME_IN_USE = 10058
"""The server's code for a bucket that exists with other settings."""
_ANSWER_S = 2.0
_MAX_DUPLICATE_WINDOW_S = 120.0


@dataclass(frozen=True, slots=True)
class Claims:
    """What a bucket knew at one moment."""

    stream_ids: frozenset[str]
    """Streams that are claimed, or were given up within the last half of a lease."""
    bucket_made_at: datetime | None
    """Tells one bucket from the next: a new one knows nothing of earlier claims."""


class KvOwners:
    """Claims of this gateway, known to all; one that is not renewed in time is gone."""

    def __init__(self, client: Client, address: str, *, lease_s: float, replicas: int = 1) -> None:
        self._js = client.jetstream(timeout=_ANSWER_S)
        self._address = address
        self._claim_s = lease_s / 2
        self._renewal_s = lease_s / 8
        self._replicas = replicas
        self._bucket: KeyValue | None = None
        self._reachable = True

    async def ensure(self) -> None:
        """Creates the bucket or brings it to this lease; every process may call it at once.

        Raises StartupError when the server refuses what it should be like.
        """
        try:
            await self._open()
        except APIError as error:
            raise StartupError(
                f"the message server refuses the bucket {BUCKET}: {error.description}"
            ) from error

    @asynccontextmanager
    async def held(self, stream_id: str) -> AsyncIterator[None]:
        """Claims a stream while the block runs; goes on without NATS, unseen by other gateways."""
        await self._claim(stream_id)
        renewing = asyncio.create_task(self._renew(stream_id))
        try:
            yield
        finally:
            renewing.cancel()
            await asyncio.wait({renewing})
            await self._give_up(stream_id)

    async def owner_of(self, stream_id: str) -> str | None:
        """`host:port` of the gateway that a stream lives on; None: it lives nowhere.

        Raises Unavailable.
        """
        try:
            entry = await (await self._open()).get(stream_id)
        except KeyNotFoundError:
            return None
        except (NatsError, OSError) as error:
            raise self._lost_sight(error) from error
        return (entry.value or b"").decode() or None

    async def claims(self) -> Claims:
        """All claims. Raises Unavailable."""
        try:
            await self._open()
            info = await self._js.stream_info(_STREAM, subjects_filter=f"{_PREFIX}>")
        except (NatsError, OSError) as error:
            raise self._lost_sight(error) from error
        subjects = info.state.subjects or {}
        ids = frozenset(subject.removeprefix(_PREFIX) for subject in subjects)
        return Claims(ids, info.created)

    async def _renew(self, stream_id: str) -> None:
        while True:
            await asyncio.sleep(self._renewal_s)
            await self._claim(stream_id)

    async def _claim(self, stream_id: str) -> None:
        try:
            await (await self._open()).put(stream_id, self._address.encode())
        except (NatsError, OSError) as error:
            self._lost_sight(error)
        else:
            self._reachable = True

    async def _give_up(self, stream_id: str) -> None:
        """Ends a claim at once; when that fails it runs out."""
        try:
            await (await self._open()).delete(stream_id)
        except (NatsError, OSError) as error:
            self._lost_sight(error)

    def _lost_sight(self, error: Exception) -> Unavailable:
        """Makes the next call look for the bucket again: it may be gone with its server."""
        self._bucket = None
        if self._reachable:
            log.warning("owners.unreachable", error=str(error))
        self._reachable = False
        return Unavailable("the message server does not answer", retry_after_s=2)

    async def _open(self) -> KeyValue:
        if self._bucket is None:
            try:
                self._bucket = await self._js.create_key_value(
                    bucket=BUCKET, ttl=self._claim_s, replicas=self._replicas
                )
            except APIError as error:
                if error.err_code != _NAME_IN_USE:
                    raise
                self._bucket = await self._adapted()
        return self._bucket

    async def _adapted(self) -> KeyValue:
        """The bucket that another lease, or another number of replicas, has made."""
        config = (await self._js.stream_info(_STREAM)).config
        await self._js.update_stream(
            config,
            max_age=self._claim_s,
            duplicate_window=min(self._claim_s, _MAX_DUPLICATE_WINDOW_S),
            num_replicas=self._replicas,
        )
        return await self._js.key_value(BUCKET)
