"""How loud the voice is, as its listeners feel it: against its own usual level."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

HOP_US = 10_000
AUDIO_HORIZON_US = 80_000
"""How much sound after an instant bears on what is said of it."""
SILENCE_DBFS = -55.0
"""What is softer is never a voice."""

_FULL_SCALE = 32768.0
_FLOOR_DBFS = -90.0
_LEVEL_PERCENTILE = 90.0
_LEVEL_MEMORY_HOPS = 1_000
_SMOOTH_HOPS = 5
# Between these the voice fades into silence, relative to its level.
_FADE_FROM_DB, _FADE_TO_DB = -26.0, -38.0
_FADE_HOPS = 3
_HISTORY_HOPS = _LEVEL_MEMORY_HOPS + 100
# A voice this much under its level opens the mouth least.
_SOFT_DB = 22.0
_GAIN_SOFT, _GAIN_LOUD = 0.4, 1.15


class LoudnessTrack:
    """The short-time level of one timeline's sound. Times are microseconds on the timeline.

    `at` and `gain_at` depend on sound up to `AUDIO_HORIZON_US` after the time asked, never on more.
    """

    def __init__(self, sample_rate_hz: int) -> None:
        self._hop_samples = sample_rate_hz * HOP_US // 1_000_000
        self._rest = np.zeros(0, np.int16)
        self._first_hop = 0
        self._levels_db = np.zeros(0, np.float32)

    def append(self, samples: NDArray[np.int16]) -> None:
        """Adds the next sound."""
        samples = np.concatenate((self._rest, samples))
        hops = len(samples) // self._hop_samples
        used, self._rest = np.split(samples, [hops * self._hop_samples])
        blocks = used.reshape(hops, self._hop_samples).astype(np.float32) / _FULL_SCALE
        power = np.mean(blocks * blocks, axis=1)
        levels = 10.0 * np.log10(power + 10.0 ** (_FLOOR_DBFS / 10.0))
        self._levels_db = np.concatenate((self._levels_db, levels.astype(np.float32)))

    def cut(self, at_us: int) -> None:
        """Forgets the sound from that time on; the next sound continues there."""
        self._rest = self._rest[:0]
        self._levels_db = self._levels_db[: max(0, at_us // HOP_US - self._first_hop)]
        missing = at_us // HOP_US - self._first_hop - len(self._levels_db)
        if missing > 0:
            silence = np.full(missing, _FLOOR_DBFS, np.float32)
            self._levels_db = np.concatenate((self._levels_db, silence))

    def trim(self, before_us: int) -> None:
        """Forgets what no longer bears on `before_us` or later."""
        drop = min(before_us // HOP_US - self._first_hop - _HISTORY_HOPS, len(self._levels_db))
        if drop > 0:
            self._levels_db = self._levels_db[drop:]
            self._first_hop += drop

    def decibels(self, from_us: int, to_us: int) -> NDArray[np.float32]:
        """The level of each 10 ms in a span, dBFS; shorter where there is no sound."""
        first = max(0, from_us // HOP_US - self._first_hop)
        return self._levels_db[first : max(first, to_us // HOP_US - self._first_hop)]

    def usual_level(self, at_us: int) -> float | None:
        """The voice's own level around that time, dBFS; None while it has been silent."""
        heard = self.decibels(at_us - _LEVEL_MEMORY_HOPS * HOP_US, at_us + AUDIO_HORIZON_US)
        voiced = heard[heard > SILENCE_DBFS]
        return float(np.percentile(voiced, _LEVEL_PERCENTILE)) if len(voiced) else None

    def relative_db(self, at_us: int) -> float:
        """How far the voice is above (or below) its usual level; very low in silence."""
        level = self.usual_level(at_us)
        if level is None:
            return _FLOOR_DBFS
        around = self._around(at_us, _SMOOTH_HOPS)
        return float(np.convolve(around, np.full(3, 1 / 3), "valid").max()) - level

    def presence_at(self, at_us: int) -> float:
        """1 while the voice is there, 0 in silence; a stop's closure does not count as silence."""
        level = self.usual_level(at_us)
        if level is None:
            return 0.0
        around = self._around(at_us, _SMOOTH_HOPS + _FADE_HOPS) - level
        loudest = np.lib.stride_tricks.sliding_window_view(around, 2 * _SMOOTH_HOPS).max(axis=1)
        faded = (loudest - _FADE_TO_DB) / (_FADE_FROM_DB - _FADE_TO_DB)
        return float(np.clip(faded, 0.0, 1.0).mean())

    def _around(self, at_us: int, half_hops: int) -> NDArray[np.float32]:
        heard = self.decibels(at_us - half_hops * HOP_US, at_us + half_hops * HOP_US)
        # What is not there yet will be silence: sound of an open utterance is always there.
        around = np.full(2 * half_hops, _FLOOR_DBFS, np.float32)
        around[: len(heard)] = heard
        return around

    def gain_at(self, at_us: int) -> float:
        """How far the mouth opens for the same vowel: 1 at the voice's usual level."""
        softness = np.clip(1.0 + self.relative_db(at_us) / _SOFT_DB, 0.0, 1.2)
        return float(np.clip(_GAIN_SOFT + (1.0 - _GAIN_SOFT) * softness, 0.0, _GAIN_LOUD))
