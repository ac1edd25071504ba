"""What the sweeper finds of one kind of thing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Found:
    """What there is."""

    due: int
    """How many are to go."""
    oldest: datetime | None
    """Of all there are, or, where only strays are found, of those."""
