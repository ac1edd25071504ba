"""The figures as tables, for people, and as JSON, for programs."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from bench.figures import machine
from eval.face.figures import (
    DRAWING_GOALS,
    MOTION_GOALS,
    ClipFigures,
    Goal,
    Lifelike,
    PortraitFigures,
)

Column = tuple[str, Callable[[ClipFigures], str]]


def _shut(figures: Lifelike) -> str:
    if not figures.seals:
        return ""
    return f"{figures.shut:.2f} ({figures.shut_by_chance:.2f}) of {figures.seals}"


def _number(value: float, form: str) -> str:
    return "" if math.isnan(value) else format(value, form)


def _offset(clip: ClipFigures) -> str:
    return _number(clip.spoken.offset_ms, "+.0f") if clip.offset_known else "?"


SPOKEN: tuple[Column, ...] = (
    ("clip", lambda c: c.name + (" *" if c.left_out else "")),
    ("r opening", lambda c: _number(c.spoken.opening_r, ".2f")),
    ("width", lambda c: _number(c.spoken.width_r, ".2f")),
    ("protrusion", lambda c: _number(c.spoken.protrusion_r, ".2f")),
    (
        "errors",
        lambda c: (
            f"{c.spoken.opening_error:.3f} {c.spoken.width_error:.3f} "
            f"{c.spoken.protrusion_error:.3f}"
        ),
    ),
    ("LMD (motion)", lambda c: f"{c.spoken.lips_distance:.3f} ({c.spoken.motion_distance:.3f})"),
    ("offset, ms", _offset),
    ("amplitude", lambda c: _number(c.spoken.amplitude_ratio, ".2f")),
    ("speed (real)", lambda c: f"{c.drawn.speed:.2f} ({c.real.speed:.2f})"),
    ("p b m shut (by chance)", lambda c: _shut(c.drawn)),
    ("really", lambda c: _shut(c.real)),
    (
        "pauses: deviation, opening",
        lambda c: f"{c.drawn.pause_deviation:.4f} {c.drawn.pause_opening:.3f}",
    ),
)
DRAWN: tuple[Column, ...] = (
    ("clip", lambda c: c.name),
    ("redone: r opening", lambda c: _number(c.redone.opening_r, ".3f")),
    ("both trackers", lambda c: _number(c.trackers_r, ".3f")),
    ("width", lambda c: _number(c.redone.width_r, ".2f")),
    ("protrusion", lambda c: _number(c.redone.protrusion_r, ".2f")),
    ("LMD (motion)", lambda c: f"{c.redone.lips_distance:.3f} ({c.redone.motion_distance:.3f})"),
    ("amplitude", lambda c: _number(c.redone.amplitude_ratio, ".2f")),
    ("sharpness", lambda c: _number(c.redone_look.sharpness, ".2f")),
    ("seam", lambda c: _number(c.redone_look.seam, ".2f")),
    ("skin r", lambda c: _number(c.redone_look.skin_r, ".2f")),
    ("photo: sharpness", lambda c: _number(c.spoken_look.sharpness, ".2f")),
    ("seam", lambda c: _number(c.spoken_look.seam, ".2f")),
    ("background", lambda c: _number(c.spoken_look.background_ssim, ".3f")),
    ("blinks", lambda c: f"{c.drawn.blinks} ({c.real.blinks}) in {c.drawn.seconds:.0f} s"),
    ("ms", lambda c: _number(c.drawn.blink_ms, ".0f")),
    (
        "draw, encode, move, ms",
        lambda c: f"{c.cost.draw_ms:.1f} {c.cost.encode_ms:.1f} {c.cost.motion_ms:.1f}",
    ),
    ("build, s", lambda c: _number(c.cost.build_cpu_s, ".2f")),
)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def clips_table(columns: Sequence[Column], clips: Sequence[ClipFigures]) -> str:
    """One row for each clip."""
    return table([name for name, _ in columns], [[of(c) for _, of in columns] for c in clips])


def goals_of(clips: Sequence[ClipFigures]) -> list[tuple[Goal, float]]:
    """Every goal with its value over the clips that tell it."""
    by_lips = [clip for clip in clips if clip.left_out is None]
    return [(goal, goal.of(by_lips)) for goal in MOTION_GOALS] + [
        (goal, goal.of(clips)) for goal in DRAWING_GOALS
    ]


def goals_table(clips: Sequence[ClipFigures]) -> str:
    """Every goal, what was measured, and which of its bounds holds."""
    rows = [
        [goal.name, f"{value:.3g}", str(goal.must), str(goal.aim), goal.verdict(value)]
        for goal, value in goals_of(clips)
    ]
    return table(["over all clips", "measured", "must", "aim", "reached"], rows)


def markdown(clips: Sequence[ClipFigures], skipped: dict[str, str]) -> str:
    """All tables."""
    about = machine()
    parts = [
        f"{about['cpu']}, {about['cores']} cores.\n",
        "Driven by the clip's own sound:\n\n" + clips_table(SPOKEN, clips),
        "Drawing:\n\n" + clips_table(DRAWN, clips),
        goals_table(clips),
    ]
    notes = [f"* {clip.name}: {clip.left_out}" for clip in clips if clip.left_out]
    notes += [f"{name} was skipped: {reason}" for name, reason in skipped.items()]
    return "\n".join([*parts, *(f"{note}\n" for note in notes)])


def as_json(clips: Sequence[ClipFigures], skipped: dict[str, str]) -> str:
    """All figures; what is not known is null."""
    report = {
        "machine": machine(),
        "goals": [
            {"name": goal.name, "value": value, "reached": goal.verdict(value)}
            for goal, value in goals_of(clips)
        ],
        "clips": [asdict(clip) for clip in clips],
        "skipped": skipped,
    }
    return json.dumps(_without_nan(report), indent=1)


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_without_nan(each) for each in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def portrait_row(figures: PortraitFigures) -> list[str]:
    """A row for a portrait that says something, without a clip to compare with."""
    life, look = figures.drawn, figures.look
    return [
        figures.name,
        _shut(life),
        _number(life.shut_lag_ms, "+.0f"),
        f"{figures.loudness.r:.2f} at {figures.loudness.lag_ms:+.0f}",
        f"{life.deviation:.3f}",
        f"{life.speed:.2f}",
        f"{life.pause_deviation:.4f}",
        f"{life.pause_opening:.3f}",
        f"{look.seam:.2f}",
        _number(look.background_ssim, ".3f"),
        f"{life.blinks} in {life.seconds:.0f} s",
        _number(life.blink_ms, ".0f"),
        f"{figures.cost.draw_ms:.1f}",
        f"{figures.cost.build_cpu_s:.2f}",
    ]


PORTRAIT_HEAD = (
    "",
    "p b m shut (by chance)",
    "their lag, ms",
    "r with loudness at ms",
    "deviation",
    "speed",
    "in pauses",
    "opening in pauses",
    "seam",
    "background",
    "blinks",
    "ms",
    "draw, ms",
    "build, s",
)
