"""What a stream shows: its pictures and its sound, for everybody who takes them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from services.gateway.live.opus import OpusEncoder
from services.gateway.media import AudioChunk, Frame

VIEWER_LIMIT = 100
"""Items that may wait for a viewer; whoever is further behind loses them."""
RECORDER_LIMIT = 2_000
"""The same for one that should miss nothing: about half a minute."""


@dataclass(frozen=True, slots=True)
class OpusPacket:
    """Sound of 20 ms, encoded; its time is on the stream's timeline."""

    data: bytes
    pts_us: int


Shown = Frame | AudioChunk | OpusPacket
"""Pictures, the sound as samples, the sound as it is sent; all on the stream's timeline."""


class Subscription:
    """One taker of some kinds of items; iterate over it. Ends with the program."""

    def __init__(
        self, kinds: tuple[type[Shown], ...], limit: int, wish_keyframe: Callable[[], None]
    ) -> None:
        self._kinds = kinds
        self._limit = limit
        self._wish_keyframe = wish_keyframe
        self._waiting: deque[Shown] = deque()
        self._news = asyncio.Event()
        self._closed = False
        self._needs_keyframe = True
        self.lost = 0
        """How many items were dropped since nobody took them in time."""

    def offer(self, item: Shown) -> None:
        """Hands an item over; never waits."""
        if not isinstance(item, self._kinds):
            return
        if isinstance(item, Frame):
            if self._needs_keyframe and not item.keyframe:
                return
            self._needs_keyframe = False
        if len(self._waiting) >= self._limit:
            self.lost += len(self._waiting)
            self._waiting.clear()
            if Frame in self._kinds:
                # What follows can't be decoded without what was lost.
                self._needs_keyframe = True
                self._wish_keyframe()
                return
        self._waiting.append(item)
        self._news.set()

    def close(self) -> None:
        """Ends it; what waits is still handed out."""
        self._closed = True
        self._news.set()

    async def __aiter__(self) -> AsyncIterator[Shown]:
        while True:
            while self._waiting:
                yield self._waiting.popleft()
            if self._closed:
                return
            self._news.clear()
            await self._news.wait()


class Program:
    """Passes each item on to everybody at once; who is slow loses items and delays nobody."""

    def __init__(self) -> None:
        self.wish_keyframe: Callable[[], None] = lambda: None
        """Asks whoever draws for a keyframe."""
        self.on_audience: Callable[[], None] = lambda: None
        """Is called when somebody comes."""
        self._subscriptions: set[Subscription] = set()
        self._opus = OpusEncoder()
        self._closed = False

    @property
    def watched(self) -> bool:
        """Whether anybody takes anything."""
        return bool(self._subscriptions)

    def publish(self, item: Frame | AudioChunk) -> None:
        """Hands an item to everybody; sound also encoded."""
        self._offer(item)
        if isinstance(item, AudioChunk):
            for pts_us, data in self._opus.encode(item.pcm_s16le, item.start_us):
                self._offer(OpusPacket(data, pts_us))

    @contextmanager
    def subscribe(self, *kinds: type[Shown], limit: int = VIEWER_LIMIT) -> Iterator[Subscription]:
        """Takes items of these kinds while the block runs; pictures from the next keyframe on."""
        subscription = Subscription(kinds, limit, lambda: self.wish_keyframe())
        self._subscriptions.add(subscription)
        if self._closed:
            subscription.close()
        if Frame in kinds:
            self.wish_keyframe()
        self.on_audience()
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)

    def close(self) -> None:
        """Ends the program for everybody."""
        self._closed = True
        for subscription in self._subscriptions:
            subscription.close()

    def _offer(self, item: Shown) -> None:
        for subscription in self._subscriptions:
            subscription.offer(item)
