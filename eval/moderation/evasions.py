"""The evasion suite: sentences that are refused, their disguises, and innocent look-alikes."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

SUITE = Path(__file__).with_name("evasions.toml")


@dataclass(frozen=True, slots=True)
class Evasion:
    """A disguised sentence."""

    text: str
    way: str


@dataclass(frozen=True, slots=True)
class Case:
    """A sentence that is refused, what is done to it, and what only looks like it."""

    clean: str
    language: str
    label: str
    evasions: tuple[Evasion, ...]
    innocent: tuple[str, ...]


def read_suite(path: Path = SUITE) -> tuple[Case, ...]:
    """All cases of a file."""
    data = tomllib.loads(path.read_text("utf-8"))
    return tuple(
        Case(
            case["clean"],
            case["language"],
            case["label"],
            tuple(Evasion(text, way) for way, texts in case["evasions"].items() for text in texts),
            tuple(case.get("innocent", ())),
        )
        for case in data["case"]
    )
