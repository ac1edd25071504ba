from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from services.lipsync.expression import MOUTH_SHAPES
from services.lipsync.motion.voice import DELAY_US, LOOKAHEAD_US, STEP_US, VoiceReader

pytestmark = pytest.mark.unit


class EchoingNetwork:
    """Opens the jaw by how loud the newest spectra are, and remembers how often it was asked."""

    def __call__(
        self, seen: NDArray[np.float32], memory: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        mouth = np.zeros((1, len(MOUTH_SHAPES)), np.float32)
        mouth[0, 0] = seen[0, -160:].mean()
        mouth[0, 1] = memory[0, 0, 0]
        return mouth, memory + np.float32(1.0)


@pytest.fixture
def sound(voice: Callable[..., bytes]) -> Callable[[int], NDArray[np.int16]]:
    return lambda rate_hz: np.frombuffer(voice(2_000_000, rate_hz), "<i2")


@pytest.mark.parametrize("rate_hz", [16_000, 24_000, 48_000])
def test_the_pieces_do_not_matter(sound: Callable[[int], NDArray[np.int16]], rate_hz: int) -> None:
    samples = sound(rate_hz)
    whole = VoiceReader(EchoingNetwork(), rate_hz).read(samples)
    reader = VoiceReader(EchoingNetwork(), rate_hz)
    cuts = np.sort(np.random.default_rng(3).integers(0, len(samples), 60))

    pieces = np.concatenate([reader.read(piece) for piece in np.split(samples, cuts)])

    np.testing.assert_array_equal(whole, pieces)
    assert len(whole) == pytest.approx(2_000_000 / STEP_US, abs=1)


@pytest.mark.parametrize("rate_hz", [16_000, 24_000, 48_000])
def test_a_mouth_is_told_once_its_horizon_is_heard(
    sound: Callable[[int], NDArray[np.int16]], rate_hz: int
) -> None:
    at_us = 1_000_000
    known = (at_us + LOOKAHEAD_US) * rate_hz // 1_000_000
    samples = sound(rate_hz)

    mouths = VoiceReader(EchoingNetwork(), rate_hz).read(samples[:known])

    last_us = len(mouths) * STEP_US - DELAY_US
    assert last_us >= at_us


def test_other_rates_sound_alike() -> None:
    at_s = np.arange(48_000) / 48_000
    hum = (8000 * np.sin(2 * np.pi * 440 * at_s) * np.sin(2 * np.pi * 2 * at_s)).astype(np.int16)

    slow, fast = (
        VoiceReader(EchoingNetwork(), rate_hz).read(hum[:: 48_000 // rate_hz])[5:40, 0]
        for rate_hz in (16_000, 48_000)
    )

    assert float(np.abs(slow - fast).mean()) < 0.1


def test_the_memory_is_the_utterances_own(sound: Callable[[int], NDArray[np.int16]]) -> None:
    network = EchoingNetwork()
    samples = sound(16_000)

    first, second = (VoiceReader(network, 16_000).read(samples) for _ in range(2))

    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(first[:4, 1], [0.0, 1.0, 2.0, 3.0])
