"""Work for the queues and news for the listeners."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Protocol, TypeVar

import structlog
from google.protobuf import json_format
from google.protobuf.message import Message
from nats.errors import Error as NatsError
from vultus.events.v1 import events_pb2 as events

from services.common.ids import new_id
from services.common.jetstream import Delivery, Discard, to_json
from services.gateway.records import Avatar, Video

if TYPE_CHECKING:
    from nats.aio.msg import Msg

log = structlog.get_logger()

MessageT = TypeVar("MessageT", bound=Message)

VIDEOS = "videos"
AVATARS = "avatars"
WEBHOOKS = "webhooks"


class Publisher(Protocol):
    """Stores jobs: common's JobQueue."""

    async def publish(self, queue: str, message: Message, *, message_id: str) -> None:
        """Stores a job once for each message id. Raises Unavailable."""


class Jobs:
    """Puts work into the queues. Every method raises Unavailable when the queue does not answer."""

    def __init__(self, queue: Publisher) -> None:
        self._queue = queue

    async def make_video(self, video: Video, *, again: str = "") -> None:
        """A worker is to make this video; the queue takes it once for each value of `again`."""
        job = events.VideoJob(account_id=video.account_id, video_id=video.id)
        await self._queue.publish(VIDEOS, job, message_id=f"{video.id}{again}")

    async def prepare_avatar(self, avatar: Avatar, *, again: str = "") -> None:
        """A worker is to build this avatar; the queue takes it once for each value of `again`."""
        job = events.AvatarJob(account_id=avatar.account_id, avatar_id=avatar.id)
        await self._queue.publish(AVATARS, job, message_id=f"{avatar.id}{again}")

    async def tell_owner(self, video: Video, *, now_s: int, replay: bool = False) -> None:
        """The owner's endpoint is to be told that the video ended, if it has one.

        A replay bears the same `webhook-id`, so that the receiver can tell.
        """
        if not video.webhook_url:
            return
        message_id = f"msg_{video.id.removeprefix('vd_')}"
        job = events.WebhookJob(
            account_id=video.account_id,
            video_id=video.id,
            message_id=message_id,
            first_try_at_s=now_s,
        )
        once = new_id("rp") if replay else message_id
        await self._queue.publish(WEBHOOKS, job, message_id=once)


class Subscription(Protocol):
    """An ear on the bus."""

    async def unsubscribe(self) -> None:
        """Closes it."""


class Bus(Protocol):
    """Core NATS: a nats client."""

    @property
    def is_connected(self) -> bool:
        """Whether the server can be reached now."""

    async def publish(self, subject: str, payload: bytes) -> None:
        """Says something to whoever listens."""

    async def subscribe(
        self, subject: str, *, cb: Callable[[Msg], Awaitable[None]]
    ) -> Subscription:
        """Listens."""


class News:
    """What listeners learn at once; whoever misses it reads the catalog."""

    def __init__(self, client: Bus) -> None:
        self._client = client

    @property
    def connected(self) -> bool:
        """Whether the message server can be reached now."""
        return bool(self._client.is_connected)

    async def video_changed(self, video: Video) -> None:
        """Tells that a video changed."""
        subject = f"events.videos.{video.account_id}.{video.id}"
        await self._say(subject, events.VideoChanged(video_id=video.id))

    async def review_decided(self, account_id: str, review_id: str) -> None:
        """Tells that a person decided on a content."""
        subject = f"events.reviews.{account_id}.{review_id}"
        await self._say(subject, events.ReviewDecided(review_id=review_id))

    async def video_cancelled(self, video: Video) -> None:
        """Tells a video's worker to stop."""
        await self._say(f"control.videos.{video.id}", events.VideoCancelled(video_id=video.id))

    @asynccontextmanager
    async def on_change(
        self, account_id: str, video_id: str, act: Callable[[], None]
    ) -> AsyncIterator[None]:
        """Calls `act` at each change of a video while the block runs."""
        async with self._listening(f"events.videos.{account_id}.{video_id}", act):
            yield

    @asynccontextmanager
    async def on_decision(
        self, account_id: str, review_id: str, act: Callable[[], None]
    ) -> AsyncIterator[None]:
        """Calls `act` when a person decides on a content, while the block runs."""
        async with self._listening(f"events.reviews.{account_id}.{review_id}", act):
            yield

    @asynccontextmanager
    async def on_cancel(self, video_id: str, act: Callable[[], None]) -> AsyncIterator[None]:
        """Calls `act` when a video's worker is to stop, while the block runs."""
        async with self._listening(f"control.videos.{video_id}", act):
            yield

    @asynccontextmanager
    async def _listening(self, subject: str, act: Callable[[], None]) -> AsyncIterator[None]:
        async def heard(_: Msg) -> None:
            act()

        subscription = None
        try:
            subscription = await self._client.subscribe(subject, cb=heard)
        except (NatsError, OSError) as error:
            log.warning("news.deaf", subject=subject, error=str(error))
        try:
            yield
        finally:
            if subscription is not None:
                await self._quietly(subscription.unsubscribe())

    async def _say(self, subject: str, message: Message) -> None:
        await self._quietly(self._client.publish(subject, to_json(message)))

    async def _quietly(self, said: Awaitable[None]) -> None:
        try:
            await said
        except (NatsError, OSError) as error:
            log.warning("news.unsaid", error=str(error))


def parse_job(delivery: Delivery, message: MessageT) -> MessageT:
    """The job that a delivery holds; raises Discard when it can't be read."""
    try:
        return json_format.Parse(delivery.payload, message, ignore_unknown_fields=True)
    except (json_format.ParseError, UnicodeDecodeError) as error:
        raise Discard("the job can't be read") from error
