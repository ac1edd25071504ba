"""How requests of people are answered, as the operator decides it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from services.storage.retention.rules import Rule


@dataclass(frozen=True, slots=True)
class Rules:
    """What the operator decides."""

    region: str
    """Whose working days count, ISO 3166-1."""
    time_zone: str
    repeats_allowed: int
    """Of one kind on the same data in thirty days."""
    archives_kept: timedelta
    place: str
    """Where the data are; empty: not said."""
    processors: tuple[str, ...]
    """Who else processes them."""
    keeping: tuple[Rule, ...]
    """How long what is kept."""
