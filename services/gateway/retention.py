"""What is kept for how long, as the gateway sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Rule:
    """How long one kind of thing is kept."""

    name: str
    what: str
    where: str
    kept_s: int | None
    """None: until what `since` says."""
    since: str
    by: str
    why: str


@dataclass(frozen=True, slots=True)
class Retention:
    """All rules."""

    rules: Sequence[Rule]
    swept_at: datetime | None
    """When things were last deleted by them; None: never."""


class RetentionRecord(Protocol):
    """The rules of storage."""

    async def retention(self) -> Retention:
        """All rules. Raises Unavailable."""
