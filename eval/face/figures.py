"""What is measured of a drawn face, and what the product asks of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, median

NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Lifelike:
    """How a mouth moves with its own sound; lengths in inter-ocular distances."""

    deviation: float
    """Of the opening while the voice is heard."""
    speed: float
    """Of the opening while the voice is heard, a second."""
    seals: int
    """Sounds p, b and m."""
    shut: float
    shut_by_chance: float
    shut_lag_ms: float
    pause_deviation: float
    pause_opening: float
    blinks: int
    blink_ms: float
    """Median."""
    seconds: float


@dataclass(frozen=True, slots=True)
class Agreement:
    """How near a drawn mouth is to the real one; lengths in inter-ocular distances."""

    opening_r: float
    width_r: float
    protrusion_r: float
    opening_error: float
    width_error: float
    protrusion_error: float
    lips_distance: float
    """LMD: mean distance between their landmarks."""
    motion_distance: float
    """The same of how far each is from where it is on the whole."""
    offset_ms: float
    """How late the drawn mouth is."""
    best_r: float
    """Of the opening at that offset."""
    amplitude_ratio: float
    """Deviation of the opening, over the real one."""
    speed_ratio: float
    """Likewise its speed."""


@dataclass(frozen=True, slots=True)
class Look:
    """How drawn pictures look beside real ones."""

    sharpness: float
    """Of the mouth, over the real one."""
    seam: float
    """Edges around the mouth, over the real ones."""
    background_ssim: float
    """Away from the person, to the photo."""
    skin_r: float
    """How the light of the skin around the mouth changes, against the real one."""


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU time."""

    draw_ms: float
    encode_ms: float
    motion_ms: float
    build_cpu_s: float
    build_wall_s: float


@dataclass(frozen=True, slots=True)
class ClipFigures:
    """All that was measured with one clip."""

    name: str
    offset_ms: float
    """How late its mouth is in the file."""
    offset_known: bool
    """Otherwise it was taken from the drawn mouth, and the offset in `spoken` says nothing."""
    left_out: str | None
    """Why its lips don't count in the means."""
    real: Lifelike
    drawn: Lifelike
    spoken: Agreement
    """Driven by the sound."""
    spoken_look: Look
    """Against the photo."""
    redone: Agreement
    """Driven by the clip's own landmarks."""
    redone_look: Look
    """Against the clip."""
    trackers_r: float
    """Of the opening as the two trackers see it in the clip: where the ceiling of `redone` is."""
    cost: Cost


@dataclass(frozen=True, slots=True)
class Loudness:
    """How an opening goes with the voice's level."""

    r: float
    """The greatest correlation."""
    lag_ms: float
    """How late the opening is then."""


@dataclass(frozen=True, slots=True)
class PortraitFigures:
    """All that was measured of a portrait that says something."""

    name: str
    drawn: Lifelike
    loudness: Loudness
    look: Look
    """Against the photo."""
    cost: Cost


@dataclass(frozen=True, slots=True)
class Range:
    """Where a figure should lie."""

    low: float = -math.inf
    high: float = math.inf

    def holds(self, value: float) -> bool:
        """Whether the value lies in it."""
        return self.low <= value <= self.high

    def __str__(self) -> str:
        if math.isinf(self.low):
            return f"≤ {self.high:g}"
        return f"≥ {self.low:g}" if math.isinf(self.high) else f"{self.low:g} to {self.high:g}"


@dataclass(frozen=True, slots=True)
class Goal:
    """One figure over all clips, and what is asked of it."""

    name: str
    of: Callable[[Sequence[ClipFigures]], float]
    must: Range
    aim: Range

    def verdict(self, value: float) -> str:
        """Where a value stands."""
        if math.isnan(value):
            return "not measured"
        if self.aim.holds(value):
            return "aim"
        return "must" if self.must.holds(value) else "missed"


def mean_of(read: Callable[[ClipFigures], float]) -> Callable[[Sequence[ClipFigures]], float]:
    """The mean over the clips that tell it."""
    return lambda clips: _over(fmean, map(read, clips))


def median_of(read: Callable[[ClipFigures], float]) -> Callable[[Sequence[ClipFigures]], float]:
    """The median over the clips that tell it."""
    return lambda clips: _over(median, map(read, clips))


def pooled(
    read: Callable[[ClipFigures], float], weight: Callable[[ClipFigures], float]
) -> Callable[[Sequence[ClipFigures]], float]:
    """The mean over what was seen in all clips, each clip counting as often as its weight says."""

    def over(clips: Sequence[ClipFigures]) -> float:
        told = [clip for clip in clips if weight(clip) > 0 and not math.isnan(read(clip))]
        total = sum(map(weight, told))
        return sum(read(clip) * weight(clip) for clip in told) / total if total else NAN

    return over


def _over(gathered: Callable[[Sequence[float]], float], values: Iterable[float]) -> float:
    told = [value for value in values if not math.isnan(value)]
    return gathered(told) if told else NAN


def _blinks_a_minute(clips: Sequence[ClipFigures]) -> float:
    return 60.0 * sum(c.drawn.blinks for c in clips) / max(sum(c.drawn.seconds for c in clips), 1.0)


def _known_offset_ms(clip: ClipFigures) -> float:
    return clip.spoken.offset_ms if clip.offset_known else NAN


MOTION_GOALS = (
    Goal(
        "r of opening, mean",
        mean_of(lambda c: c.spoken.opening_r),
        Range(low=0.60),
        Range(low=0.70),
    ),
    Goal("offset, ms, median", median_of(_known_offset_ms), Range(-30, 30), Range(-15, 15)),
    Goal(
        "amplitude ratio, mean",
        mean_of(lambda c: c.spoken.amplitude_ratio),
        Range(0.7, 1.3),
        Range(0.8, 1.2),
    ),
    Goal(
        "mouth speed a second, mean",
        mean_of(lambda c: c.drawn.speed),
        Range(0.45, 0.90),
        Range(0.52, 0.84),
    ),
    Goal(
        "p b m shut",
        pooled(lambda c: c.drawn.shut, lambda c: c.drawn.seals),
        Range(low=0.93),
        Range(low=0.97),
    ),
    Goal(
        "shut by chance",
        pooled(lambda c: c.drawn.shut_by_chance, lambda c: c.drawn.seals),
        Range(high=0.50),
        Range(high=0.45),
    ),
    Goal(
        "deviation in pauses",
        mean_of(lambda c: c.drawn.pause_deviation),
        Range(high=0.010),
        Range(high=0.005),
    ),
    Goal(
        "opening in pauses",
        mean_of(lambda c: c.drawn.pause_opening),
        Range(high=0.03),
        Range(high=0.02),
    ),
)
"""For the motion from sound; over the clips that lips can be judged by."""

DRAWING_GOALS = (
    Goal(
        "redone: r of opening, mean",
        mean_of(lambda c: c.redone.opening_r),
        Range(low=0.95),
        Range(low=0.97),
    ),
    Goal(
        "redone: motion LMD, mean",
        mean_of(lambda c: c.redone.motion_distance),
        Range(high=0.03),
        Range(high=0.02),
    ),
    Goal(
        "redone: sharpness of the mouth over the clip's, mean",
        mean_of(lambda c: c.redone_look.sharpness),
        Range(0.75, 1.3),
        Range(0.85, 1.15),
    ),
    Goal(
        "redone: seam, mean",
        mean_of(lambda c: c.redone_look.seam),
        Range(high=1.6),
        Range(high=1.2),
    ),
    Goal(
        "photo: seam, mean",
        mean_of(lambda c: c.spoken_look.seam),
        Range(high=1.6),
        Range(high=1.4),
    ),
    Goal(
        "photo: SSIM of the background, mean",
        mean_of(lambda c: c.spoken_look.background_ssim),
        Range(low=0.95),
        Range(low=0.97),
    ),
    Goal("blinks a minute", _blinks_a_minute, Range(10, 30), Range(15, 25)),
    Goal(
        "length of a blink, ms, median",
        median_of(lambda c: c.drawn.blink_ms),
        Range(high=220),
        Range(80, 200),
    ),
    Goal(
        "drawing a frame, CPU ms, mean",
        mean_of(lambda c: c.cost.draw_ms),
        Range(high=10),
        Range(high=5),
    ),
    Goal(
        "building an avatar, CPU s, mean",
        mean_of(lambda c: c.cost.build_cpu_s),
        Range(high=5),
        Range(high=2),
    ),
)
"""For drawing; over all clips."""
