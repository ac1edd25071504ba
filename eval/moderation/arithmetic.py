"""Shares with their uncertainty, and what follows from counts of right and wrong."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

_Z = 1.959964
"""Of a confidence of 95 %."""


@dataclass(frozen=True, slots=True)
class Share:
    """How many of a number."""

    part: int
    whole: int

    @property
    def value(self) -> float:
        """The share; NaN of nothing."""
        return self.part / self.whole if self.whole else math.nan

    def interval(self) -> tuple[float, float]:
        """Wilson's interval of 95 % confidence; all of 0 to 1 for a share of nothing."""
        if not self.whole:
            return 0.0, 1.0
        n, p = self.whole, self.value
        middle = (p + _Z * _Z / (2 * n)) / (1 + _Z * _Z / n)
        reach = _Z / (1 + _Z * _Z / n) * math.sqrt(p * (1 - p) / n + _Z * _Z / (4 * n * n))
        return max(0.0, middle - reach), min(1.0, middle + reach)

    def __str__(self) -> str:
        if not self.whole:
            return "–"
        low, high = self.interval()
        return f"{self.value:.3f} ({low:.3f} to {high:.3f})"


@dataclass(frozen=True, slots=True)
class Counts:
    """Harmful and harmless texts, flagged and passed."""

    caught: int
    missed: int
    false_alarms: int
    let_pass: int

    @property
    def recall(self) -> Share:
        """Of the harmful: flagged."""
        return Share(self.caught, self.caught + self.missed)

    @property
    def precision(self) -> Share:
        """Of the flagged: harmful."""
        return Share(self.caught, self.caught + self.false_alarms)

    @property
    def false_alarm_rate(self) -> Share:
        """Of the harmless: flagged."""
        return Share(self.false_alarms, self.false_alarms + self.let_pass)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; NaN when nothing is harmful or flagged."""
        whole = 2 * self.caught + self.false_alarms + self.missed
        return 2 * self.caught / whole if whole else math.nan


def counts_of(pairs: Iterable[tuple[bool, bool]]) -> Counts:
    """Counts pairs of (is harmful, was flagged)."""
    tally = {(True, True): 0, (True, False): 0, (False, True): 0, (False, False): 0}
    for pair in pairs:
        tally[pair] += 1
    return Counts(tally[True, True], tally[True, False], tally[False, True], tally[False, False])


@dataclass(frozen=True, slots=True)
class Point:
    """What one threshold gives."""

    threshold: float
    counts: Counts


def curve(scored: Iterable[tuple[bool, float]], thresholds: Iterable[float]) -> list[Point]:
    """What each threshold would give, of pairs of (is harmful, score)."""
    pairs = list(scored)
    return [
        Point(each, counts_of((harmful, score >= each) for harmful, score in pairs))
        for each in thresholds
    ]
