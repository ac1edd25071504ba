"""Jobs over NATS JetStream.

A job is published once per id, taken by one consumer at a time, kept alive by heartbeats while it
is worked on, and redelivered when its consumer dies. What can't be done goes to the stream DEAD,
where an operator finds it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import nats
import structlog
from google.protobuf import json_format
from google.protobuf.message import Message
from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig, RetentionPolicy, StreamConfig
from nats.js.errors import APIError

from services.common.errors import DomainError, StartupError, Unavailable
from services.common.logging import REQUEST_ID_HEADER, current_request_id, request_scope
from services.common.telemetry import JOBS_TOTAL
from services.common.tls import Tls

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg
    from nats.js import JetStreamContext

log = structlog.get_logger()

JOBS_STREAM = "JOBS"
DEAD_STREAM = "DEAD"
MAX_PAYLOAD_BYTES = 16_000
DUPLICATE_WINDOW_S = 120
KEPT_DAYS = 180
_DAY_S = 86_400.0
FIRST_CONNECT_S = 30.0
_NAME_IN_USE = 10058
"""The server's code for a stream that exists with other settings."""
ACK_WAIT_S = 30.0
FETCH_S = 5.0
RETRY_DELAYS_S = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0)
"""Pauses before the second and later tries of a job; the last one repeats."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One handing-over of a job to a consumer."""

    payload: bytes
    attempt: int
    """1 at the first delivery; deliveries to consumers that died count."""


class RetryLater(Exception):
    """Raised by a job's handler: not now, again after `delay_s`; `cause` is for the log."""

    def __init__(self, delay_s: float, cause: str) -> None:
        super().__init__(cause)
        self.delay_s = delay_s
        self.cause = cause


_SECURE = "tls://"


class Discard(Exception):
    """Raised by a job's handler: it can never be done; the message says why."""


Handler = Callable[[Delivery], Awaitable[None]]


@asynccontextmanager
async def connect(
    url: str, *, name: str, tls: Tls | None = None, first_wait_s: float = FIRST_CONNECT_S
) -> AsyncIterator[Client]:
    """A connection that comes back by itself for as long as the block runs; drained at the end.

    With `tls` and a URL of `tls://`, both sides show their certificates.
    Raises Unavailable when no server answers within `first_wait_s`.
    """

    async def on_error(error: Exception) -> None:
        log.warning("nats.error", error=str(error))

    async def on_disconnect() -> None:
        log.warning("nats.disconnected")

    async def on_reconnect() -> None:
        log.info("nats.reconnected")

    try:
        async with asyncio.timeout(first_wait_s):
            client = await nats.connect(
                url,
                name=name,
                max_reconnect_attempts=-1,
                reconnect_time_wait=0.5,
                connect_timeout=5,
                tls=tls.context() if tls and url.startswith(_SECURE) else None,
                error_cb=on_error,
                disconnected_cb=on_disconnect,
                reconnected_cb=on_reconnect,
            )
    except (NatsError, OSError, TimeoutError) as error:
        raise Unavailable("the message server does not answer") from error
    try:
        yield client
    finally:
        # A server that is down, or goes down now, has nothing to be told.
        with suppress(NatsError, OSError):
            await (client.drain() if client.is_connected else client.close())


class JobQueue:
    """Durable jobs on the subjects `jobs.<queue>`, each kept on `replicas` servers.

    Whatever becomes of it, a message is gone `kept_days` after it was published.
    """

    def __init__(self, client: Client, *, replicas: int = 1, kept_days: int = KEPT_DAYS) -> None:
        self._js: JetStreamContext = client.jetstream(timeout=5)
        self._replicas = replicas
        self._max_age_s = kept_days * _DAY_S

    async def ensure_streams(self) -> None:
        """Creates the streams or updates them; every process may call it at once.

        Raises StartupError when the server refuses what they should be like.
        """
        await self._ensure(
            StreamConfig(
                name=JOBS_STREAM,
                subjects=["jobs.>"],
                retention=RetentionPolicy.WORK_QUEUE,
                max_age=self._max_age_s,
                duplicate_window=DUPLICATE_WINDOW_S,
                num_replicas=self._replicas,
            )
        )
        await self._ensure(
            StreamConfig(
                name=DEAD_STREAM,
                subjects=["dead.>"],
                max_age=self._max_age_s,
                num_replicas=self._replicas,
            )
        )

    async def _ensure(self, config: StreamConfig) -> None:
        try:
            try:
                await self._js.add_stream(config)
            except APIError as error:
                if error.err_code != _NAME_IN_USE:
                    raise
                await self._js.update_stream(config)
        except APIError as error:
            raise StartupError(
                f"the message server refuses the stream {config.name}: {error.description}"
            ) from error

    async def publish(self, queue: str, message: Message, *, message_id: str) -> None:
        """Stores a job; the same id within two minutes is stored once. Raises Unavailable."""
        headers = {"Nats-Msg-Id": message_id}
        if request_id := current_request_id():
            headers[REQUEST_ID_HEADER] = request_id
        payload = to_json(message)
        try:
            await self._js.publish(f"jobs.{queue}", payload, headers=headers)
        except (NatsError, OSError) as error:
            raise Unavailable("the job queue does not answer; try again") from error

    async def consume(
        self, queue: str, handler: Handler, *, ack_wait_s: float = ACK_WAIT_S
    ) -> None:
        """Handles the queue's jobs one at a time until cancelled.

        A cancelled handler gives its job back at once; further processes share the work.
        """
        subscription: JetStreamContext.PullSubscription | None = None
        try:
            while True:
                _heed_cancellation()
                try:
                    if subscription is None:
                        subscription = await self._subscribe(queue, ack_wait_s)
                    messages = await subscription.fetch(1, timeout=FETCH_S)
                except TimeoutError:
                    continue
                except (NatsError, OSError) as error:
                    log.warning("queue.unreachable", queue=queue, error=str(error))
                    subscription = None
                    await asyncio.sleep(1)
                    continue
                for message in messages:
                    await self._handle(queue, message, handler, ack_wait_s / 3)
        finally:
            # A job that is given back must not come to a consumer that is going, too.
            if subscription is not None:
                await asyncio.shield(_settle(subscription.unsubscribe()))

    async def _subscribe(self, queue: str, ack_wait_s: float) -> JetStreamContext.PullSubscription:
        config = ConsumerConfig(
            ack_policy=AckPolicy.EXPLICIT, ack_wait=ack_wait_s, max_deliver=-1, max_ack_pending=256
        )
        return await self._js.pull_subscribe(
            f"jobs.{queue}", durable=queue, stream=JOBS_STREAM, config=config
        )

    async def _handle(self, queue: str, message: Msg, handler: Handler, heartbeat_s: float) -> None:
        try:
            _heed_cancellation()
        except asyncio.CancelledError:
            await _settle(message.nak(delay=0))
            raise
        delivery = Delivery(message.data, message.metadata.num_delivered or 1)
        with request_scope((message.headers or {}).get(REQUEST_ID_HEADER)):
            async with _heartbeat(message, heartbeat_s):
                outcome = await self._outcome(queue, delivery, handler, message)
        JOBS_TOTAL.labels(queue, outcome).inc()

    async def _outcome(self, queue: str, delivery: Delivery, handler: Handler, message: Msg) -> str:
        try:
            await handler(delivery)
        except asyncio.CancelledError:
            await asyncio.shield(_settle(message.nak(delay=0)))
            raise
        except RetryLater as retry:
            log.warning("job.retry", queue=queue, delay_s=retry.delay_s, cause=retry.cause)
            await _settle(message.nak(delay=retry.delay_s))
            return "retried"
        except Discard as reason:
            await self._bury(queue, message, str(reason))
            return "dead"
        except Exception as error:
            log.exception("job.failed", queue=queue, attempt=delivery.attempt)
            delay_s = retry_delay_s(delivery.attempt)
            await _settle(message.nak(delay=delay_s))
            return "unavailable" if isinstance(error, DomainError) and error.retryable else "error"
        await _settle(message.ack())
        return "done"

    async def _bury(self, queue: str, message: Msg, reason: str) -> None:
        headers = {**(message.headers or {}), "Vultus-Reason": reason}
        headers.pop("Nats-Msg-Id", None)
        log.error("job.dead", queue=queue, reason=reason)
        await self._js.publish(f"dead.{queue}", message.data, headers=headers)
        await _settle(message.term())


def retry_delay_s(attempt: int) -> float:
    """The pause after the given attempt (1 is the first)."""
    return RETRY_DELAYS_S[min(attempt, len(RETRY_DELAYS_S)) - 1]


def _heed_cancellation() -> None:
    """Raises CancelledError when the task was cancelled and nobody noticed.

    nats-py waits with asyncio.wait_for, which, before Python 3.12, loses a cancellation that comes
    together with a result (https://github.com/python/cpython/issues/86296).
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def to_json(message: Message) -> bytes:
    """A message as the JSON that travels over NATS; raises ValueError above 16 kB."""
    payload = json_format.MessageToJson(message, indent=None).encode()
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise ValueError(f"{len(payload)} bytes are too many for NATS: send a reference")
    return payload


async def _settle(settled: Awaitable[None]) -> None:
    """Sends an acknowledgement; when that fails the job simply comes again."""
    try:
        await settled
    except (NatsError, OSError) as error:
        log.warning("job.unsettled", error=str(error))


@asynccontextmanager
async def _heartbeat(message: Msg, interval_s: float) -> AsyncIterator[None]:
    async def beat() -> None:
        while True:
            await asyncio.sleep(interval_s)
            await _settle(message.in_progress())

    task = asyncio.ensure_future(beat())
    try:
        yield
    finally:
        task.cancel()
