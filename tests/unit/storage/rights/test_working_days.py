"""Fifteen working days, over China's holidays and the working weekends that make up for them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from prometheus_client import REGISTRY

from services.common.errors import StartupError
from services.storage.rights.working_days import WorkingDays

CHINA = WorkingDays("CN", "Asia/Shanghai")


def due(since: str, days: int = 15) -> str:
    """When something is due, as Shanghai's wall clock says."""
    return CHINA.due(datetime.fromisoformat(since), days).strftime("%Y-%m-%d %H:%M:%S")


def undecreed() -> float:
    return REGISTRY.get_sample_value("vultus_undecreed_due_dates_total") or 0.0


@pytest.mark.parametrize(
    ("since", "last_day"),
    [
        # 15 plain working days: three weeks.
        ("2026-06-22T10:00+08:00", "2026-07-13"),
        # Spring Festival: 15 to 23 February off; Saturdays 14 and 28 February are worked.
        ("2026-02-09T10:00+08:00", "2026-03-06"),
        # National Day: 1 to 7 October off; Sunday 20 September and Saturday 10 October are worked,
        # and 25 September is Mid-Autumn.
        ("2026-09-18T10:00+08:00", "2026-10-15"),
        # On a Friday that is off.
        ("2026-10-02T10:00+08:00", "2026-10-27"),
    ],
)
def test_holidays_do_not_count_and_working_weekends_do(since: str, last_day: str) -> None:
    assert due(since) == f"{last_day} 23:59:59"


def test_the_days_are_those_of_the_zone() -> None:
    # Eleven at night in Shanghai, and half past midnight there.
    assert due("2026-06-22T15:00+00:00", 1) == "2026-06-23 23:59:59"
    assert due("2026-06-22T16:30+00:00", 1) == "2026-06-24 23:59:59"
    assert CHINA.due(datetime(2026, 6, 22, tzinfo=UTC), 1).utcoffset() == timedelta(hours=8)


def test_what_is_left_is_counted_in_working_days() -> None:
    due_at = CHINA.due(datetime.fromisoformat("2026-02-09T10:00+08:00"), 15)
    left = [
        CHINA.left(datetime.fromisoformat(f"2026-{day}T09:00+08:00"), due_at)
        for day in ("02-09", "02-14", "02-20", "02-28", "03-05", "03-06", "03-20")
    ]
    assert left == [15, 10, 10, 5, 1, 0, 0]


def test_beyond_the_last_decree_the_statutory_days_stand_and_that_is_counted() -> None:
    before = undecreed()
    assert due("2026-12-30T10:00+08:00", 2) == "2027-01-04 23:59:59"
    assert undecreed() == before + 1
    assert not CHINA.is_certain(date(2027, 1, 4))
    assert due("2026-11-26T10:00+08:00") == "2026-12-17 23:59:59"
    assert undecreed() == before + 1


def test_other_countries_have_their_own() -> None:
    germany = WorkingDays("DE", "Europe/Berlin")
    since = datetime.fromisoformat("2026-12-24T10:00+01:00")
    assert germany.due(since, 1).date() == date(2026, 12, 28)
    assert germany.is_certain(date(2040, 1, 1))


@pytest.mark.parametrize(("region", "zone"), [("XX", "Asia/Shanghai"), ("CN", "Asia/Nowhere")])
def test_a_calendar_that_there_is_not_stops_the_start(region: str, zone: str) -> None:
    with pytest.raises(StartupError):
        WorkingDays(region, zone)
