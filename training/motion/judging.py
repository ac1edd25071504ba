"""How well what the network tells follows mouths that were filmed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from training.motion.examples import STEP_S, Filmed, told_s
from training.motion.losses import LOWER, UPPER
from training.motion.network import run
from training.motion.shapes import Shapes
from training.motion.sound import plain, steps_of

_SEARCH_STEPS = 18
Curve = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Judged:
    """One clip; lengths in inter-ocular distances."""

    name: str
    seconds: float
    r: float
    """Of the inner lips' opening, with no lag."""
    lag_ms: float
    """At which the opening would correlate best; positive: the network is late."""
    best_r: float
    amplitude: float
    """Standard deviation of the opening over that of the person."""
    speed: float
    """Mean of the opening's speed, a second."""
    seen_speed: float


def told_opening(network: nn.ModuleDict, person: Filmed, shapes: Shapes) -> tuple[Curve, Curve]:
    """When, and how far the shapes that are told open the lips."""
    steps = steps_of(plain(person.sound).samples)
    with torch.no_grad():
        told = run(network, torch.from_numpy(steps)[None]).shapes[0].numpy()
    opens = shapes.moves[:, LOWER, 1] - shapes.moves[:, UPPER, 1]
    return told_s(len(steps)), np.maximum(told.astype(np.float64), 0.0) @ opens


def judged(at_s: Curve, told: Curve, person: Filmed) -> Judged:
    """Compares curves over the clip's pictures."""
    grid = np.arange(max(at_s[0], person.at_s[0]), min(at_s[-1], person.at_s[-1]), STEP_S)
    seen = np.interp(grid, person.at_s, person.opening)
    mine = np.interp(grid, at_s, told)
    lags = range(-_SEARCH_STEPS, _SEARCH_STEPS + 1)
    correlations = [_at_lag(mine, seen, lag) for lag in lags]
    best = int(np.argmax(correlations))
    return Judged(
        person.name,
        len(grid) * STEP_S,
        correlations[_SEARCH_STEPS],
        (best - _SEARCH_STEPS) * STEP_S * 1000.0,
        correlations[best],
        float(mine.std() / seen.std()),
        float(np.abs(np.diff(mine)).mean() / STEP_S),
        float(np.abs(np.diff(seen)).mean() / STEP_S),
    )


def _at_lag(mine: Curve, seen: Curve, lag: int) -> float:
    """The correlation when `mine` is taken `lag` steps later."""
    inner = seen[_SEARCH_STEPS:-_SEARCH_STEPS]
    moved = mine[_SEARCH_STEPS + lag : len(mine) - _SEARCH_STEPS + lag]
    return float(np.corrcoef(moved, inner)[0, 1])


def table(rows: Sequence[Judged]) -> str:
    """The clips and their mean, as Markdown."""
    head = "| clip | s | r | best r at ms | amplitude | speed | filmed speed |\n"
    head += "|---|---|---|---|---|---|---|\n"
    lines = [
        f"| {row.name} | {row.seconds:.1f} | {row.r:.2f} | {row.best_r:.2f} at {row.lag_ms:+.0f} "
        f"| {row.amplitude:.2f} | {row.speed:.2f} | {row.seen_speed:.2f} |"
        for row in rows
    ]
    r, lag = np.mean([row.r for row in rows]), np.median([row.lag_ms for row in rows])
    amplitude, speed = (
        np.median([getattr(row, name) for row in rows]) for name in ("amplitude", "speed")
    )
    last = f"| mean r, else median | | {r:.3f} | {lag:+.0f} | {amplitude:.2f} | {speed:.2f} | |"
    return head + "\n".join([*lines, last]) + "\n"
