"""The rules of how long things are kept, made up."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from services.gateway.retention import Retention, Rule

KEPT = Rule("videos", "videos", "S3", None, "its owner deletes it", "the call itself", "they are")
SWEPT = Rule("audit", "the audit", "SQL", 15_552_000, "it was done", "the sweeper", "to look")


@dataclass
class FakeRetention:
    """Two rules, swept once."""

    told: Retention = field(
        default_factory=lambda: Retention([KEPT, SWEPT], datetime(2026, 11, 26, tzinfo=UTC))
    )

    async def retention(self) -> Retention:
        return self.told
