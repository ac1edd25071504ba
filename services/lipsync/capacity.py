"""How many animations this process draws at full pace; more are refused at the door."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from services.common.errors import Overloaded
from services.lipsync.encoder import H264Encoder, default_bitrate_bps
from services.lipsync.expression import Expression
from services.lipsync.motion.articulation import TARGETS
from services.lipsync.studio import PictureStudio
from services.lipsync.visemes import VisemeShape

_RETRY_AFTER_S = 2.0
_SIDE, _FPS = 512, 25
_FRAMES, _WARM_UP = 30, 5
_TRANSPARENT_COST = 1.6
"""VP9 of colours and alpha, beside H.264 of colours; drawing costs the same."""
_SHARE = 0.8
"""Of the threads' time that is given away; the rest is for what else they do."""


@dataclass(frozen=True, slots=True)
class Format:
    """Size and pace of an animation."""

    width: int
    height: int
    fps: int
    transparent: bool = False

    @property
    def weight(self) -> float:
        """What it costs, in opaque animations of 512×512 at 25 pictures a second."""
        weight = self.width * self.height * self.fps / (_SIDE * _SIDE * _FPS)
        return weight * _TRANSPARENT_COST if self.transparent else weight


class Capacity:
    """Room for animations, counted in those of 512×512 at 25 pictures a second.

    One that finds the room empty is always let in, whatever it costs. For one event loop.
    """

    def __init__(self, room: float) -> None:
        self.room = room
        self._taken = 0.0

    @contextmanager
    def taken(self, wanted: Format) -> Iterator[None]:
        """Takes room while the block runs; raises Overloaded when there is none."""
        weight = wanted.weight
        if self._taken and self._taken + weight > self.room:
            raise Overloaded("no room for another animation", retry_after_s=_RETRY_AFTER_S)
        self._taken += weight
        try:
            yield
        finally:
            self._taken = max(0.0, self._taken - weight)


def measured_room(studio: PictureStudio, portrait: bytes, threads: int) -> float:
    """How much room there is on so many threads, by drawing and encoding a speaking face.

    CPU time is measured, so that other work at the start does not make the room smaller; takes
    about a second.
    """
    pack = studio.build(portrait, lambda _: None)
    renderer = studio.renderer(pack, _SIDE, _SIDE)
    encoder = H264Encoder(_SIDE, _SIDE, _FPS, default_bitrate_bps(_SIDE, _SIDE, _FPS))
    open_, shut = (
        Expression(mouth=TARGETS[VisemeShape.AA]),
        Expression(mouth=TARGETS[VisemeShape.PP]),
    )
    start_s = 0.0
    for number in range(-_WARM_UP, _FRAMES):
        if number == 0:
            start_s = time.thread_time()
        encoder.encode(renderer.render(open_ if number % 6 < 3 else shut))
    frame_s = (time.thread_time() - start_s) / _FRAMES
    return max(1.0, _SHARE * threads / (frame_s * _FPS))
