"""A measured figure beside its budget, and how all of them are shown."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

_CPU_INFO = Path("/proc/cpuinfo")


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value; it should be at most `must`, and is hoped to be at most `aim`."""

    name: str
    value: float
    unit: str
    must: float | None = None
    aim: float | None = None

    @property
    def verdict(self) -> str:
        """Where the value stands against its budget."""
        if self.must is not None and self.value > self.must:
            return "over"
        if self.aim is not None and self.value > self.aim:
            return "within"
        return "" if self.must is None else "at its aim"


def machine() -> dict[str, str | int]:
    """What the figures were measured on."""
    model = platform.processor() or platform.machine()
    if _CPU_INFO.is_file():
        lines = _CPU_INFO.read_text("utf-8").splitlines()
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
        model = names[0] if names else model
    return {
        "cpu": model,
        "cores": len(os.sched_getaffinity(0)),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def save(figures: Iterable[Figure], file: Path) -> None:
    """Writes the figures and the machine as JSON."""
    report = {"machine": machine(), "figures": [asdict(figure) for figure in figures]}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(report, indent=1), "utf-8")


def show(figures: Sequence[Figure], console: Console) -> None:
    """Prints the table, the machine above it."""
    about = machine()
    console.print(f"{about['cpu']}, {about['cores']} cores, Python {about['python']}")
    table = Table("what", "measured", "must", "aim", "")
    for figure in figures:
        table.add_row(
            figure.name,
            f"{figure.value:.2f} {figure.unit}",
            _limit(figure.must, figure.unit),
            _limit(figure.aim, figure.unit),
            figure.verdict,
        )
    console.print(table)


def _limit(value: float | None, unit: str) -> str:
    return "" if value is None else f"≤ {value:g} {unit}"
