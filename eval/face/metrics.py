"""How near one mouth's curves are to another's, and how lifelike a mouth moves by itself.

Curves have `CURVE_HZ` values a second; lengths are in inter-ocular distances.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval.face.curves import CURVE_HZ, Curve
from services.lipsync.visemes import Viseme

CLOSED = 0.025
"""Lips are shut when they are this close to the closest that they ever come."""
CLOSED_WITHIN_S = 0.04
"""How far from a sound lips may still be shut for it."""
SEARCH_S = 0.3
"""How far apart two mouths are looked for to fit."""
CLOSURE_SEARCH_S = 0.15
"""How far from a sound its closure is looked for."""

_CLOSEST_SHARE = 0.03
_FLAT = 1e-9
_LEVEL_CLOSURE = 0.003


def pearson(one: Curve, other: Curve) -> float:
    """The correlation of two curves; NaN where one is flat."""
    if min(one.std(), other.std()) < _FLAT:
        return float("nan")
    return float(np.corrcoef(one, other)[0, 1])


def error(one: Curve, other: Curve) -> float:
    """The mean distance between two curves."""
    return float(np.abs(one - other).mean())


def landmark_distance(one: Curve, other: Curve) -> float:
    """The mean distance between the points of two faces [n, points, 2]."""
    return float(np.linalg.norm(one - other, axis=-1).mean())


def motion_distance(one: Curve, other: Curve) -> float:
    """The same, of how far each point is from where it is on the whole: motion without place."""
    return landmark_distance(one - one.mean(axis=0), other - other.mean(axis=0))


def best_fit(one: Curve, other: Curve, reach_s: float = SEARCH_S) -> tuple[float, float]:
    """The greatest correlation of two curves, and how many milliseconds `one` is later then.

    Finer than the curves' own steps, by a parabola through the peak.
    """
    reach = round(reach_s * CURVE_HZ)
    inner = other[reach:-reach]
    fits = np.array(
        [pearson(one[shift : shift + len(inner)], inner) for shift in range(2 * reach + 1)]
    )
    if np.isnan(fits).any():
        return float("nan"), float("nan")
    peak = int(fits.argmax())
    between = 0.0
    if 0 < peak < 2 * reach:
        before, at, after = fits[peak - 1 : peak + 2]
        between = 0.5 * (before - after) / min(before - 2 * at + after, -_FLAT)
    return float(fits[peak]), (peak + between - reach) * 1000.0 / CURVE_HZ


def speed(curve: Curve, where: NDArray[np.bool_] | None = None) -> float:
    """The mean distance that a curve goes in a second, everywhere or at some places."""
    steps = np.abs(np.gradient(curve)) * CURVE_HZ
    return float(steps.mean() if where is None else steps[where].mean())


@dataclass(frozen=True, slots=True)
class Closures:
    """How lips shut for p, b and m."""

    sounds: int
    shut: float
    """The share of them at which the lips are shut; NaN without any."""
    by_chance: float
    """The same share for stretches of the voice as long, wherever they lie."""
    lag_ms: float
    """When the lips are closest, against the middle of the sound; median."""


def closures(opening: Curve, voiced: NDArray[np.bool_], seals: Sequence[Viseme]) -> Closures:
    """How an opening goes with the sounds of shut lips, all from the same time 0."""
    closed = opening < float(np.quantile(opening, _CLOSEST_SHARE)) + CLOSED
    spans = [_span(seal, len(opening)) for seal in seals]
    kept = [(seal, span) for seal, span in zip(seals, spans, strict=True) if span is not None]
    if not kept:
        return Closures(0, float("nan"), float("nan"), float("nan"))
    usual = int(np.median([span.stop - span.start for _, span in kept]))
    voice = closed[voiced]
    chance = float("nan")
    if len(voice) >= usual:
        stretches = np.lib.stride_tricks.sliding_window_view(voice, usual)
        chance = float(stretches.any(axis=-1).mean())
    return Closures(
        len(kept),
        float(np.mean([closed[span].any() for _, span in kept])),
        chance,
        float(np.median([_closure_ms(opening, seal) for seal, _ in kept])),
    )


def _span(seal: Viseme, length: int) -> slice | None:
    """Where a sound is made, or nearly; None where the curve does not reach."""
    margin = round(CLOSED_WITHIN_S * CURVE_HZ)
    first = max(0, seal.start_us * CURVE_HZ // 1_000_000 - margin)
    last = seal.end_us * CURVE_HZ // 1_000_000 + margin
    return slice(first, last + 1) if last < length else None


def _closure_ms(opening: Curve, seal: Viseme) -> float:
    middle = (seal.start_us + seal.end_us) / 2e6 * CURVE_HZ
    reach = round(CLOSURE_SEARCH_S * CURVE_HZ)
    first = max(0, int(middle) - reach)
    near = opening[first : int(middle) + reach + 1]
    closest = np.flatnonzero(near <= near.min() + _LEVEL_CLOSURE)
    return float((first + closest.mean() - middle) * 1000.0 / CURVE_HZ)


@dataclass(frozen=True, slots=True)
class Stillness:
    """A mouth in pauses; NaN without any."""

    deviation: float
    """Of the opening within a pause, median."""
    opening: float
    """Median over pauses."""


def stillness(opening: Curve, pauses: Sequence[slice]) -> Stillness:
    """How still and how shut a mouth is while nothing is said."""
    kept = [opening[pause] for pause in pauses if len(opening[pause]) > 1]
    if not kept:
        return Stillness(float("nan"), float("nan"))
    return Stillness(
        float(np.median([part.std() for part in kept])),
        float(np.median([part.mean() for part in kept])),
    )
