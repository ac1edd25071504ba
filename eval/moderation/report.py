"""The figures as tables, for people, and as JSON, for programs."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bench.figures import machine
from eval.face.report import table
from eval.moderation.arithmetic import Share
from eval.moderation.judging import EvasionFigures, SetFigures, Times


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that was measured."""

    policy_version: str
    sets: tuple[SetFigures, ...]
    evasions: EvasionFigures
    times: Times
    skipped: dict[str, str]


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure that was asked for."""

    name: str
    asked: str
    measured: str
    is_reached: bool


def goals(report: Report) -> list[Goal]:
    """What was asked for, of the sets that are present."""
    found = {figures.name: figures for figures in report.sets}
    asked: list[Goal] = []
    if harm := found.get("ChineseHarm dev"):
        recall, alarms = harm.counts.recall, harm.counts.false_alarm_rate
        asked.append(Goal("ChineseHarm dev: recall", "≥ 0.90", str(recall), recall.value >= 0.9))
        reached = alarms.value <= 0.03
        asked.append(Goal("ChineseHarm dev: false alarms", "≤ 0.03", str(alarms), reached))
    if cold := found.get("COLD dev"):
        f1 = cold.counts.f1
        asked.append(Goal("COLD dev: F1", "≥ 0.75", f"{f1:.3f}", f1 >= 0.75))
    if mixed := found.get("OpenAI moderation"):
        recall, precision = mixed.counts.recall, mixed.counts.precision
        asked.append(Goal("OpenAI: recall", "≥ 0.75", str(recall), recall.value >= 0.75))
        reached = precision.value >= 0.75
        asked.append(Goal("OpenAI: precision", "≥ 0.75", str(precision), reached))
    caught, wronged = report.evasions.caught, report.evasions.innocent_blocked
    asked.append(Goal("evasions caught", "≥ 0.90", str(caught), caught.value >= 0.9))
    asked.append(Goal("look-alikes blocked", "≤ 0.02", str(wronged), wronged.value <= 0.02))
    asked += _ordinary_goals(report.sets)
    for name, p95 in (
        ("clause, p95", report.times.clause_p95),
        ("clause by a policy of 200 phrases, p95", report.times.clause_by_policy_p95),
    ):
        asked.append(Goal(name, "≤ 15 ms", f"{p95:.1f} ms", p95 <= 15))
    longest = report.times.longest
    asked.append(Goal("20 000 characters", "≤ 50 ms", f"{longest:.1f} ms", longest <= 50))
    return asked


def _ordinary_goals(sets: Sequence[SetFigures]) -> list[Goal]:
    ordinary = [each for each in sets if "ordinary" in each.by_kind]
    blocked = sum(each.blocked.false_alarms for each in ordinary)
    flagged = Share(
        sum(each.counts.false_alarms for each in ordinary),
        sum(each.counts.false_alarm_rate.whole for each in ordinary),
    )
    return [
        Goal("ordinary texts blocked", "0", str(blocked), not blocked),
        Goal("ordinary texts flagged", "≤ 0.03", str(flagged), flagged.value <= 0.03),
    ]


def goals_table(report: Report) -> str:
    """Every goal and whether it is reached."""
    rows = [
        [goal.name, goal.asked, goal.measured, "yes" if goal.is_reached else "**no**"]
        for goal in goals(report)
    ]
    return table(["", "asked", "measured", "reached"], rows)


def _sets_table(sets: Sequence[SetFigures]) -> str:
    rows = [
        [
            each.name,
            each.language,
            str(each.counts.recall),
            str(each.counts.precision),
            _number(each.counts.f1),
            str(each.counts.false_alarm_rate),
            str(each.blocked.recall),
            str(each.blocked.false_alarm_rate),
        ]
        for each in sets
    ]
    head = [
        "set",
        "",
        "recall",
        "precision",
        "F1",
        "false alarms",
        "harmful blocked",
        "harmless blocked",
    ]
    return table(head, rows)


def _kinds_table(sets: Sequence[SetFigures]) -> str:
    rows = [
        [each.name, kind, str(share.whole), str(share)]
        for each in sets
        for kind, share in each.by_kind.items()
    ]
    return table(["set", "kind", "texts", "flagged"], rows)


def _curve_table(figures: SetFigures) -> str:
    rows = [
        [
            f"{point.threshold:.2f}",
            _number(point.counts.recall.value),
            _number(point.counts.precision.value),
            _number(point.counts.f1),
            _number(point.counts.false_alarm_rate.value),
        ]
        for point in figures.points
    ]
    return table(["threshold", "recall", "precision", "F1", "false alarms"], rows)


def _evasions_tables(figures: EvasionFigures) -> str:
    summary = table(
        ["", "share"],
        [
            ["clean sentences blocked", str(figures.clean_blocked)],
            ["evasions caught", str(figures.caught)],
            ["evasions blocked", str(figures.blocked)],
            ["innocent look-alikes blocked", str(figures.innocent_blocked)],
            ["innocent look-alikes flagged", str(figures.innocent_flagged)],
        ],
    )
    ways = [[way, str(share.whole), str(share)] for way, share in figures.by_way.items()]
    return summary + "\n" + table(["way", "evasions", "caught"], ways)


def markdown(report: Report) -> str:
    """All tables."""
    about = machine()
    curves = [
        f"### One threshold for all labels: {each.name}\n\n{_curve_table(each)}"
        for each in report.sets
        if each.counts.recall.whole
    ]
    notes = [f"* {name} was skipped: {reason}\n" for name, reason in report.skipped.items()]
    return "\n".join(
        [
            f"`{report.policy_version}`; {about['cpu']}, {about['cores']} cores. In brackets: "
            "Wilson intervals of 95 %. Flagged is REVIEW or BLOCK.\n",
            "### Goals\n\n" + goals_table(report),
            "### Sets\n\n" + _sets_table(report.sets),
            "### Kinds\n\n" + _kinds_table(report.sets),
            "### Evasions\n\n" + _evasions_tables(report.evasions),
            *curves,
            *notes,
        ]
    )


def as_json(report: Report) -> str:
    """All figures; what is not known is null."""
    return json.dumps(
        {"machine": machine(), **_without_nan(asdict(report))}, indent=1, ensure_ascii=False
    )


def _number(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3f}"


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(each) for each in value]
    return None if isinstance(value, float) and math.isnan(value) else value
