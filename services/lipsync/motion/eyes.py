"""When the eyes blink and where they look."""

from __future__ import annotations

import math
import random

CLOSING_US = 70_000
SHUT_US = 45_000
OPENING_US = 120_000

# Intervals of a blink: log-normal, a median of 2.6 s and a mean of 2.9 s give about 20 a minute.
_INTERVAL_MEDIAN_S, _INTERVAL_SIGMA = 2.6, 0.5
_INTERVAL_MIN_S, _INTERVAL_MAX_S = 0.9, 8.0
_PHRASE_END_CHANCE = 0.55
_PHRASE_END_QUIET_US = 900_000

_FIXATION_MEDIAN_S, _FIXATION_SIGMA = 1.1, 0.5
_FIXATION_MIN_S, _FIXATION_MAX_S = 0.35, 3.5
_SACCADE_US = 40_000
_GAZE_SPREAD_X, _GAZE_SPREAD_Y = 0.07, 0.045
_GAZE_MAX = 0.18


class Blinks:
    """The lids of one face. Times asked must not fall."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._ended_us = 0
        self._begins_us = self._next(0)

    def phrase_ended(self, at_us: int) -> None:
        """Tells that the speaker pauses: a likely moment to blink."""
        rested = at_us - self._ended_us > _PHRASE_END_QUIET_US
        if rested and self._begins_us > at_us and self._chance.random() < _PHRASE_END_CHANCE:
            self._begins_us = at_us + self._chance.randrange(0, 160_000)

    def at(self, at_us: int) -> float:
        """How far the lids are shut, 0 to 1; every blink is fully shut in at least one frame."""
        since = at_us - self._begins_us
        if since >= CLOSING_US + SHUT_US + OPENING_US:
            self._begins_us = self._next(at_us)
            return 0.0
        if since <= 0:
            return 0.0
        if since < CLOSING_US:
            return _ease(since / CLOSING_US)
        opening = since - CLOSING_US - SHUT_US
        return 1.0 if opening <= 0 else 1.0 - _ease(opening / OPENING_US)

    def _next(self, at_us: int) -> int:
        interval_s = self._chance.lognormvariate(math.log(_INTERVAL_MEDIAN_S), _INTERVAL_SIGMA)
        interval_s = min(max(interval_s, _INTERVAL_MIN_S), _INTERVAL_MAX_S)
        self._ended_us = at_us
        return at_us + int(interval_s * 1_000_000)


class Gaze:
    """Small fixations around the viewer's eyes. Times asked must not fall."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._from = self._to = (0.0, 0.0)
        self._moves_us = self._fixation_us()

    def at(self, at_us: int) -> tuple[float, float]:
        """Where the eyes look, (right, down), in units of the expression."""
        since = at_us - self._moves_us
        if since >= _SACCADE_US:
            self._from = self._to
            self._to = self._target()
            self._moves_us = at_us + self._fixation_us()
            return self._from
        if since <= 0:
            return self._from
        blend = _ease(since / _SACCADE_US)
        (x0, y0), (x1, y1) = self._from, self._to
        return x0 + (x1 - x0) * blend, y0 + (y1 - y0) * blend

    def _fixation_us(self) -> int:
        fixation_s = self._chance.lognormvariate(math.log(_FIXATION_MEDIAN_S), _FIXATION_SIGMA)
        return int(min(max(fixation_s, _FIXATION_MIN_S), _FIXATION_MAX_S) * 1_000_000)

    def _target(self) -> tuple[float, float]:
        x, y = self._chance.gauss(0.0, _GAZE_SPREAD_X), self._chance.gauss(0.0, _GAZE_SPREAD_Y)
        return max(-_GAZE_MAX, min(_GAZE_MAX, x)), max(-_GAZE_MAX, min(_GAZE_MAX, y))


def _ease(x: float) -> float:
    return x * x * (3.0 - 2.0 * x)
