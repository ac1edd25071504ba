"""What is used, and how much of it an account may."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum


class UsageKind(StrEnum):
    """What is counted, in which unit."""

    SPEECH_MS = "speech_ms"
    """Sound made of texts: answered at once, or heard in streams."""
    VIDEO_MS = "video_ms"
    """Videos that were finished."""
    STREAM_MS = "stream_ms"
    """Streams, from live to their end."""
    BYTE_HOURS = "byte_hours"
    """Stored files: their bytes, once an hour."""
    VIDEOS = "videos"
    """How many videos were finished."""
    STREAMS = "streams"
    """How many streams have ended that were live."""


@dataclass(frozen=True, slots=True)
class UsageOfDay:
    """What an account used on one day."""

    day: date
    """In UTC."""
    quantities: dict[UsageKind, int]


class QuotaName(StrEnum):
    """What can be limited."""

    VIDEOS_AT_ONCE = "videos_at_once"
    STREAMS_AT_ONCE = "streams_at_once"
    VIDEO_S_A_MONTH = "video_s_a_month"
    STREAM_S_A_MONTH = "stream_s_a_month"
    SPEECH_S_A_MONTH = "speech_s_a_month"
    STORED_BYTES = "stored_bytes"


@dataclass(frozen=True, slots=True)
class Quota:
    """One limit of an account, and how much of it is used."""

    name: QuotaName
    limit: int | None
    """None: there is none."""
    used: int
    resets_at: datetime | None
    """For what is counted by the month: when the next begins, in UTC."""
    is_own: bool
    """Whether it was set for this account."""


Limits = dict[QuotaName, int | None]
"""What holds for accounts for which nothing else was set; what is left out has no limit."""
