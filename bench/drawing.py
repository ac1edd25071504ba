"""What a frame costs: drawing and encoding, on one thread, without any service around it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2

from bench.drawing_first_frame import first_frames
from bench.figures import Figure
from services.common.models import ModelStore
from services.lipsync.app import open_studio
from services.lipsync.encoder import H264Encoder, default_bitrate_bps
from services.lipsync.expression import Expression
from services.lipsync.motion.articulation import TARGETS
from services.lipsync.settings import LipsyncSettings
from services.lipsync.visemes import VisemeShape

_FPS = 25
_FRAMES = 250
_WARM_UP = 25
_MS = 1000.0


@dataclass
class _Stopwatch:
    """CPU seconds of this process, all threads."""

    cpu_s: float = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        start = time.process_time()
        yield
        self.cpu_s += time.process_time() - start


def drawing(home: Path) -> list[Figure]:
    """CPU time of drawing the demo portrait and encoding it, and how long callers wait."""
    cv2.setNumThreads(1)
    portrait = ModelStore(home).path("demo-portrait").read_bytes()
    settings = LipsyncSettings(home=home, storage_address="none")
    studio = open_studio(settings)
    start = time.perf_counter()
    pack = studio.build(portrait, lambda _: None)
    figures = [Figure("prepare an avatar", time.perf_counter() - start, "s")]
    for side, budgets in ((512, ((15, 5), (3, 1.5))), (1080, ((None, None), (None, None)))):
        renderer = studio.renderer(pack, side, side)
        encoder = H264Encoder(side, side, _FPS, default_bitrate_bps(side, side, _FPS))
        draw, encode = _Stopwatch(), _Stopwatch()
        for number in range(-_WARM_UP, _FRAMES):
            if number == 0:
                draw.cpu_s = encode.cpu_s = 0.0
            with draw.running():
                picture = renderer.render(speaking_face(number))
            with encode.running():
                encoder.encode(picture)
        size = f"{side}×{side}"
        for name, watch, (must, aim) in zip(
            ("draw", "encode"), (draw, encode), budgets, strict=True
        ):
            value = watch.cpu_s / _FRAMES * _MS
            figures.append(Figure(f"{name} {size}, CPU a frame", value, "ms", must, aim))
    return [*figures, *first_frames(studio, portrait, settings)]


def speaking_face(number: int) -> Expression:
    """A mouth on its way from one viseme to the next, as in speech."""
    shapes = (VisemeShape.AA, VisemeShape.SS, VisemeShape.OU, VisemeShape.IH)
    at, share = divmod(number % (4 * len(shapes)), 4)
    one, other = TARGETS[shapes[at]], TARGETS[shapes[(at + 1) % len(shapes)]]
    return Expression(mouth=one + (other - one) * (share / 4), blink=float(number % 50 < 3))
