"""Faces without pixels, so that motion and timing can be tested alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from services.lipsync.animation import Animation, Clock, Event
from services.lipsync.encoder import EncodedFrame
from services.lipsync.expression import MOUTH_SHAPES, Expression
from services.lipsync.motion.articulation import CLOSE, JAW
from services.lipsync.motion.spectrum import BANDS


class RecordingRenderer:
    """Keeps every expression that it was asked to draw."""

    def __init__(self) -> None:
        self.expressions: list[Expression] = []

    def render(self, expression: Expression) -> NDArray[np.uint8]:
        self.expressions.append(expression)
        return np.zeros((2, 2, 3), np.uint8)

    @property
    def mouths(self) -> NDArray[np.float32]:
        """Shape [frames, 12]."""
        return np.stack([expression.mouth for expression in self.expressions])


class CountingEncoder:
    """Names each access unit by its number."""

    def __init__(self) -> None:
        self.frames = 0
        self.keyframe_requests: list[int] = []
        self.bitrates: list[tuple[int, int]] = []

    def encode(self, rgb: NDArray[np.uint8]) -> EncodedFrame:
        self.frames += 1
        return EncodedFrame(str(self.frames - 1).encode(), keyframe=self.frames == 1)

    def request_keyframe(self) -> None:
        self.keyframe_requests.append(self.frames)

    def set_bitrate(self, bitrate_bps: int) -> None:
        self.bitrates.append((self.frames, bitrate_bps))


class OnsetNetwork:
    """Hears an "m" of 80 ms at every onset of sound after silence, then an open jaw."""

    def __call__(
        self, seen: NDArray[np.float32], memory: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        loud = float(seen[0, -BANDS:].mean()) > -1.5
        steps = float(memory[0, 0, 0]) + 1.0 if loud else 0.0
        mouth = np.zeros((1, len(MOUTH_SHAPES)), np.float32)
        mouth[0, CLOSE] = 0.0 < steps <= 4.0
        mouth[0, JAW] = steps > 4.0
        remembered = memory.copy()
        remembered[0, 0, 0] = steps
        return mouth, remembered


class Stage:
    """An animation with everything around it in reach."""

    def __init__(
        self, fps: int = 25, sample_rate_hz: int = 24_000, seed: int = 1, *, paced: bool = False
    ) -> None:
        self.clock = Clock(fps, sample_rate_hz)
        self.renderer = RecordingRenderer()
        self.encoder = CountingEncoder()
        self.animation = Animation(
            self.clock, seed, self.renderer, self.encoder, OnsetNetwork(), paced=paced
        )

    def draw_ready(self) -> list[Event]:
        events: list[Event] = []
        while self.animation.ready:
            events.extend(self.animation.draw())
        return events

    def draw_all(self) -> list[Event]:
        self.animation.finish()
        events = self.draw_ready()
        assert self.animation.done
        return [*events, *self.animation.last_markers()]


def _voice(duration_us: int, sample_rate_hz: int, seed: int = 0) -> bytes:
    count = duration_us * sample_rate_hz // 1_000_000
    swell = 0.6 - 0.4 * np.cos(np.arange(count) / sample_rate_hz * 2 * np.pi * 4)
    noise = np.random.default_rng(seed).normal(0, 2500, count)
    return (noise * swell).clip(-32767, 32767).astype("<i2").tobytes()


@pytest.fixture
def voice() -> Callable[..., bytes]:
    """Makes noise as loud as a voice that swells and fades four times a second, PCM s16le."""
    return _voice


@pytest.fixture
def new_stage() -> type[Stage]:
    """Makes stages of any rates."""
    return Stage


@pytest.fixture
def stage() -> Stage:
    """A stage at 25 frames and 24 000 samples a second."""
    return Stage()
