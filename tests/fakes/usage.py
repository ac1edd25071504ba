"""What accounts use, in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from services.common.errors import InvalidInput, QuotaUsedUp
from services.gateway.usage import Quota, UsageOfDay

_MAX_DAYS = 400


@dataclass
class FakeUsage:
    """Speech is counted; the rest is what a test says."""

    now: Callable[[], datetime]
    known: dict[tuple[str, date], UsageOfDay] = field(default_factory=dict)
    told: set[tuple[str, str]] = field(default_factory=set)
    limits: list[Quota] = field(default_factory=list)
    """Of every account."""
    failures: list[Exception] = field(default_factory=list)
    """Raised by the next recordings, one each."""

    async def record_speech(self, account_id: str, usage_id: str, *, duration_ms: int) -> None:
        if self.failures:
            raise self.failures.pop(0)
        if (account_id, usage_id) in self.told:
            return
        self.told.add((account_id, usage_id))
        today = self.now().date()
        used = self.known.get((account_id, today), UsageOfDay(today))
        more = replace(used, speech_ms=used.speech_ms + duration_ms)
        self.known[account_id, today] = more

    async def require_speech(self, account_id: str) -> None:
        for quota in self.limits:
            used_up = quota.limit is not None and quota.used >= quota.limit
            if quota.name == "speech_s_a_month" and used_up:
                raise QuotaUsedUp(
                    "no more speech",
                    quota=quota.name,
                    limit=str(quota.limit),
                    used=str(quota.used),
                    resets_at="2100-02-01T00:00:00+00:00",
                )

    async def days(self, account_id: str, first: date, last: date) -> Sequence[UsageOfDay]:
        if not 0 <= (last - first).days < _MAX_DAYS:
            raise InvalidInput(f"ask for 1 to {_MAX_DAYS} days")
        mine = [day for (owner, _), day in self.known.items() if owner == account_id]
        return sorted((day for day in mine if first <= day.day <= last), key=lambda day: day.day)

    async def quotas(self, account_id: str) -> Sequence[Quota]:
        return self.limits
