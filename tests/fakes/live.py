"""A paced animation without pictures: draws as far as it is let, idles where nothing is said."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

from services.gateway.media import (
    US_PER_S,
    AudioChunk,
    Clear,
    Cleared,
    Control,
    Cue,
    Drawn,
    DrawUntil,
    Frame,
    KeyframeRequest,
    UtteranceEnd,
    UtteranceEnded,
    UtteranceStart,
    UtteranceStarted,
)
from services.gateway.ports import AnimationConfig

_BYTES_PER_SAMPLE = 2


class FakeOwners:
    """Every stream is this gateway's."""

    @asynccontextmanager
    async def held(self, stream_id: str) -> AsyncIterator[None]:
        yield


class PacedAnimation:
    """The rules of a paced animation; what was said comes back at its place on the timeline."""

    def __init__(self, config: AnimationConfig) -> None:
        self._fps = config.fps
        self._rate_hz = config.sample_rate_hz
        self._pending: deque[str | bytes | None] = deque()
        self._speaking = ""
        self._frame = 0
        self._keyframe = True

    async def draw(self, cues: AsyncGenerator[Cue | Control, None]) -> AsyncGenerator[Drawn, None]:
        async for cue in cues:
            if isinstance(cue, Clear):
                for event in self._cleared():
                    yield event
            elif isinstance(cue, DrawUntil):
                while self._us(self._frame + 1) <= cue.until_us:
                    for event in self._next():
                        yield event
            else:
                self._take(cue)

    def _take(self, cue: Cue | Control) -> None:
        match cue:
            case UtteranceStart(utterance_id, _):
                self._pending.append(utterance_id)
            case AudioChunk():
                self._pending.append(cue.pcm_s16le)
            case UtteranceEnd():
                self._pending.append(None)
            case KeyframeRequest():
                self._keyframe = True
            case _:
                pass

    def _us(self, frame: int) -> int:
        return frame * US_PER_S // self._fps

    def _next(self) -> list[Drawn]:
        at_us = self._us(self._frame)
        size = self._rate_hz // self._fps * _BYTES_PER_SAMPLE
        before: list[Drawn] = []
        after: list[Drawn] = []
        sound = b""
        while self._pending and (len(sound) < size or self._pending[0] is None):
            item = self._pending.popleft()
            now_us = at_us + len(sound) // _BYTES_PER_SAMPLE * US_PER_S // self._rate_hz
            if isinstance(item, str):
                self._speaking = item
                before.append(UtteranceStarted(item, now_us))
            elif item is None:
                after.append(UtteranceEnded(self._speaking, now_us))
                self._speaking = ""
            else:
                room = size - len(sound)
                sound += item[:room]
                if item[room:]:
                    self._pending.appendleft(item[room:])
        self._frame += 1
        keyframe, self._keyframe = self._keyframe or self._frame % self._fps == 1, False
        return [
            *before,
            Frame(b"frame %d" % (self._frame - 1), at_us, keyframe),
            AudioChunk(sound.ljust(size, b"\0"), self._rate_hz, at_us),
            *after,
        ]

    def _cleared(self) -> list[Drawn]:
        now_us = self._us(self._frame)
        names = [self._speaking] if self._speaking else []
        names += [item for item in self._pending if isinstance(item, str)]
        self._pending.clear()
        self._speaking = ""
        return [*(UtteranceEnded(name, now_us, cleared=True) for name in names), Cleared(now_us)]
