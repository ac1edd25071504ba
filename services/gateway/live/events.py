"""What the controllers of a stream are told, each in the order in which it happened."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from services.common.ids import new_id

_LIMIT = 1_000
"""Events that may wait for a listener; one that is further behind is let go."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in a stream."""

    type: str
    fields: Mapping[str, object] = field(default_factory=dict)
    id: str = field(default_factory=lambda: new_id("ev"))

    def as_json(self) -> dict[str, object]:
        """As it is sent."""
        return {"type": self.type, "event_id": self.id, **self.fields}


class Listener:
    """Iterate over it for the events; it ends with the stream, or when it fell too far behind."""

    def __init__(self) -> None:
        self.fell_behind = False
        self._waiting: deque[Event] = deque()
        self._news = asyncio.Event()
        self._closed = False

    def offer(self, event: Event) -> None:
        """Hands an event over; never waits."""
        if len(self._waiting) >= _LIMIT:
            self.fell_behind = self._closed = True
        else:
            self._waiting.append(event)
        self._news.set()

    def close(self) -> None:
        """Ends it; what waits is still handed out."""
        self._closed = True
        self._news.set()

    async def __aiter__(self) -> AsyncIterator[Event]:
        while True:
            while self._waiting:
                yield self._waiting.popleft()
            if self._closed:
                return
            self._news.clear()
            await self._news.wait()


class Events:
    """Passes events on to all who listen."""

    def __init__(self) -> None:
        self._listeners: set[Listener] = set()
        self._closed = False

    def tell(self, type_: str, **fields: object) -> None:
        """Tells everybody."""
        event = Event(type_, fields)
        for listener in self._listeners:
            listener.offer(event)

    @contextmanager
    def listen(self) -> Iterator[Listener]:
        """Hears everything that happens while the block runs."""
        listener = Listener()
        self._listeners.add(listener)
        if self._closed:
            listener.close()
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    def close(self) -> None:
        """Nothing more happens."""
        self._closed = True
        for listener in self._listeners:
            listener.close()
