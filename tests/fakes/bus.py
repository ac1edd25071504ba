"""Queues and news in memory."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.message import Message

from services.common.errors import DomainError


@dataclass
class FakeQueue:
    """Keeps what is published, once for each message id."""

    published: list[tuple[str, Message, str]] = field(default_factory=list)
    error: DomainError | None = None

    async def publish(self, queue: str, message: Message, *, message_id: str) -> None:
        if self.error:
            raise self.error
        if all(known != message_id for _, _, known in self.published):
            self.published.append((queue, message, message_id))

    def of(self, queue: str) -> list[Any]:
        return [message for name, message, _ in self.published if name == queue]


@dataclass
class FakeBus:
    """Core NATS within one process, as far as News uses it."""

    is_connected: bool = True
    said: list[str] = field(default_factory=list)
    ears: dict[str, list[Callable[[Any], Awaitable[None]]]] = field(default_factory=dict)

    async def publish(self, subject: str, payload: bytes = b"") -> None:
        self.said.append(subject)
        for hear in list(self.ears.get(subject, ())):
            await hear(None)

    async def subscribe(
        self, subject: str, *, cb: Callable[[Any], Awaitable[None]]
    ) -> FakeSubscription:
        self.ears.setdefault(subject, []).append(cb)
        return FakeSubscription(self, subject, cb)


@dataclass
class FakeSubscription:
    """One ear."""

    bus: FakeBus
    subject: str
    cb: Callable[[Any], Awaitable[None]]

    async def unsubscribe(self) -> None:
        with suppress(ValueError):
            self.bus.ears[self.subject].remove(self.cb)


@dataclass
class FakeStrikes:
    """Counts in memory."""

    counts: dict[str, int] = field(default_factory=dict)

    async def begin(self, job_id: str) -> int:
        self.counts[job_id] = self.counts.get(job_id, 0) + 1
        return self.counts[job_id]

    async def end(self, job_id: str) -> None:
        self.counts[job_id] = max(0, self.counts.get(job_id, 0) - 1)
