"""What a controller sends into a drive while it is being said."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from typing import Generic, TypeVar

from services.common.errors import InvalidInput, Overloaded, TextTooLong
from services.gateway.live.phrases import RATE_HZ
from services.gateway.live.resampler import Resampler
from services.gateway.media import AudioChunk

ItemT = TypeVar("ItemT")

RATES_HZ = (16_000, 24_000, 48_000)
MAX_AHEAD_S = 60.0
"""How much sound may be sent ahead of what was taken up."""
_BYTES_PER_SAMPLE = 2


class _Inbox(Generic[ItemT]):
    """Items that one side puts in without waiting and the other takes out."""

    def __init__(self) -> None:
        self._items: deque[ItemT] = deque()
        self._news = asyncio.Event()
        self._closed = False

    def put(self, item: ItemT) -> None:
        self._items.append(item)
        self._news.set()

    def close(self) -> None:
        self._closed = True
        self._news.set()

    async def items(self) -> AsyncGenerator[ItemT, None]:
        while True:
            while self._items:
                yield self._items.popleft()
            if self._closed:
                return
            self._news.clear()
            await self._news.wait()


class TextInput:
    """A text that is being written, up to a limit of characters."""

    def __init__(self, max_characters: int) -> None:
        self._inbox: _Inbox[str] = _Inbox()
        self._max_characters = max_characters
        self._characters = 0

    def add(self, text: str) -> None:
        """Takes the next piece, which may break anywhere. Raises TextTooLong."""
        self._characters += len(text)
        if self._characters > self._max_characters:
            raise TextTooLong(f"a drive may have {self._max_characters} characters")
        self._inbox.put(text)

    def close(self) -> None:
        """The text is complete."""
        self._inbox.close()

    def pieces(self) -> AsyncGenerator[str, None]:
        """The text as it comes."""
        return self._inbox.items()


class SoundInput:
    """Mono PCM s16le that is being sent at one of RATES_HZ."""

    def __init__(self, rate_hz: int) -> None:
        if rate_hz not in RATES_HZ:
            raise InvalidInput(f"sample_rate must be one of {RATES_HZ}")
        self._inbox: _Inbox[bytes] = _Inbox()
        self._resampler = Resampler(rate_hz, RATE_HZ)
        self._bytes_per_s = rate_hz * _BYTES_PER_SAMPLE
        self._waiting_s = 0.0

    @property
    def credit_s(self) -> float:
        """How much more sound may be sent now, seconds."""
        return max(0.0, MAX_AHEAD_S - self._waiting_s)

    def add(self, pcm_s16le: bytes) -> None:
        """Takes the next samples. Raises InvalidInput, Overloaded (too far ahead)."""
        if len(pcm_s16le) % _BYTES_PER_SAMPLE:
            raise InvalidInput("sound must come in whole 16-bit samples")
        self._waiting_s += len(pcm_s16le) / self._bytes_per_s
        if self._waiting_s > MAX_AHEAD_S:
            raise Overloaded(f"sound may be sent at most {MAX_AHEAD_S:g} s ahead", retry_after_s=1)
        self._inbox.put(pcm_s16le)

    def close(self) -> None:
        """The sound is complete."""
        self._inbox.close()

    async def chunks(self) -> AsyncGenerator[AudioChunk, None]:
        """The sound at RATE_HZ as it comes."""
        async for pcm in self._inbox.items():
            self._waiting_s -= len(pcm) / self._bytes_per_s
            yield AudioChunk(self._resampler.add(pcm), RATE_HZ, 0)
        yield AudioChunk(self._resampler.rest(), RATE_HZ, 0)
