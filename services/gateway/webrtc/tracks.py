"""A program as tracks for aiortc, which packs what is encoded already; one pair for each viewer."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import ExitStack
from fractions import Fraction
from typing import Any

import av
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

from services.gateway.live.program import OpusPacket, Program, Shown
from services.gateway.media import US_PER_S, Frame

# In these time bases aiortc takes times as they are.
_PICTURE_HZ = 90_000
_SOUND_HZ = 48_000


class Timeline:
    """Relates the program's time to the wall clock, the same for both tracks of a viewer."""

    def __init__(self) -> None:
        self._origin_s: float | None = None

    def wall_s(self, pts_us: int) -> float:
        """When that was shown, Unix time; the first call sets what now is."""
        if self._origin_s is None:
            self._origin_s = time.time() - pts_us / US_PER_S
        return self._origin_s + pts_us / US_PER_S


class ProgramTrack(MediaStreamTrack):
    """One kind of a program's packets, from when they are first asked for."""

    _taken: type[Shown]
    _rate_hz: int

    def __init__(self, program: Program, timeline: Timeline) -> None:
        super().__init__()
        self.sent_bytes = 0
        self.wall_s = 0.0
        """When the last packet was shown, Unix time; 0 before the first."""
        self._program = program
        self._timeline = timeline
        self._subscribed = ExitStack()
        self._items: AsyncIterator[Shown] | None = None

    async def recv(self) -> av.Packet[Any]:
        """The next packet when it is time to send it; MediaStreamError when there is none."""
        if self.readyState != "live":
            raise MediaStreamError
        if self._items is None:
            subscription = self._subscribed.enter_context(self._program.subscribe(self._taken))
            self._items = aiter(subscription)
        try:
            data, pts_us = _content(await anext(self._items))
        except StopAsyncIteration:
            self.stop()
            raise MediaStreamError from None
        self.sent_bytes += len(data)
        self.wall_s = self._timeline.wall_s(pts_us)
        packet: av.Packet[Any] = av.Packet(data)
        packet.pts = (pts_us * self._rate_hz + US_PER_S // 2) // US_PER_S
        packet.time_base = Fraction(1, self._rate_hz)
        return packet

    def stop(self) -> None:
        """Takes nothing more from the program."""
        self._subscribed.close()
        super().stop()


class PictureTrack(ProgramTrack):
    """The program's pictures."""

    kind = "video"
    _taken = Frame
    _rate_hz = _PICTURE_HZ


class SoundTrack(ProgramTrack):
    """The program's sound."""

    kind = "audio"
    _taken = OpusPacket
    _rate_hz = _SOUND_HZ


def _content(item: Shown) -> tuple[bytes, int]:
    if isinstance(item, Frame):
        return item.access_unit, item.pts_us
    assert isinstance(item, OpusPacket)  # noqa: S101 - all that is subscribed to
    return item.data, item.pts_us
