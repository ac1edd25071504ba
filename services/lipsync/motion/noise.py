"""Smooth random curves over time that never repeat and need no memory."""

from __future__ import annotations

import math

_MASK = (1 << 64) - 1


def hashed(seed: int, channel: int, index: int) -> float:
    """A number in [-1, 1) that the three arguments fix (SplitMix64 of their mixture)."""
    value = (seed * 0x9E3779B97F4A7C15 + channel * 0xD1B54A32D192ED03 + index) & _MASK
    value = (value + 0x9E3779B97F4A7C15) & _MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    value ^= value >> 31
    return value / (1 << 63) - 1.0


class SmoothNoise:
    """Value noise in [-1, 1]: random values at a steady rate, joined by quintic steps."""

    def __init__(self, seed: int, channel: int, rate_hz: float) -> None:
        self._seed = seed
        self._channel = channel
        self._rate_hz = rate_hz

    def at(self, at_us: int) -> float:
        """The curve's value at a time."""
        position = at_us * self._rate_hz / 1_000_000
        index = math.floor(position)
        x = position - index
        blend = x * x * x * (x * (6.0 * x - 15.0) + 10.0)
        left = hashed(self._seed, self._channel, index)
        right = hashed(self._seed, self._channel, index + 1)
        return left + (right - left) * blend


class Wander:
    """A sum of smooth noises of falling size and unrelated rates, in about [-1, 1]."""

    def __init__(self, seed: int, channel: int, rate_hz: float) -> None:
        # Ratios of the golden kind share no common period that an eye could find.
        self._octaves = tuple(
            (amplitude, SmoothNoise(seed, channel * 16 + number, rate_hz * ratio))
            for number, (amplitude, ratio) in enumerate(((0.6, 1.0), (0.28, 2.618), (0.12, 5.73)))
        )

    def at(self, at_us: int) -> float:
        """The curve's value at a time."""
        return sum(amplitude * noise.at(at_us) for amplitude, noise in self._octaves)
