"""What accounts use, and how much of it they may, as the gateway sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class UsageOfDay:
    """What an account used on one day."""

    day: date
    """In UTC."""
    speech_ms: int = 0
    video_ms: int = 0
    stream_ms: int = 0
    byte_hours: int = 0
    videos: int = 0
    streams: int = 0


@dataclass(frozen=True, slots=True)
class Quota:
    """One limit of an account."""

    name: str
    limit: int | None
    """None: there is none."""
    used: int
    resets_at: datetime | None
    """For what is counted by the month."""
    is_own: bool
    """Whether it was set for this account."""


class Usage(Protocol):
    """The record of what is used. Every method may raise Unavailable."""

    async def record_speech(self, account_id: str, usage_id: str, *, duration_ms: int) -> None:
        """Counts speech that was made, once under one id."""

    async def require_speech(self, account_id: str) -> None:
        """Returns when more speech may be made. Raises QuotaUsedUp."""

    async def days(self, account_id: str, first: date, last: date) -> Sequence[UsageOfDay]:
        """What was used, for each day on which something was, oldest first. Raises InvalidInput."""

    async def quotas(self, account_id: str) -> Sequence[Quota]:
        """Every limit, and how much of it is used."""
