"""Working days, as a country's public holidays leave them.

The days come from `holidays` (MIT). It tells the same as `chinese-calendar` (MIT) of every day from
2010 to 2026, make-up working days included; beyond China it knows other countries, beyond the last
decree the statutory holidays, and it is typed. China's government decrees each year's holidays late
in the year before. Past the last decree that the library knows, statutory holidays and weekends
stand, without the swapped days: that is said in the log and counted in a metric.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import structlog
from holidays import HolidayBase, country_holidays

from services.common.errors import StartupError
from services.common.telemetry import UNDECREED_DUE_DATES_TOTAL

log = structlog.get_logger()

_DAY = timedelta(days=1)
_DECREED_EACH_YEAR = frozenset({"CN"})
_LAST_SECOND = time(23, 59, 59)


class WorkingDays:
    """The working days of one country in one time zone."""

    def __init__(self, region: str, zone: str) -> None:
        """Raises StartupError when the country, by ISO 3166-1, or the zone is not known."""
        try:
            self._zone = ZoneInfo(zone)
            self._days: HolidayBase = country_holidays(region)
        except (ZoneInfoNotFoundError, NotImplementedError, ValueError) as error:
            raise StartupError(f"no calendar of {region} in {zone}: {error}") from error
        self._last_decree: int | None = None
        if region in _DECREED_EACH_YEAR:
            self._last_decree = max(self._days.special_public_holidays)

    def due(self, since: datetime, days: int) -> datetime:
        """The end of the last of so many working days, the first being the day after `since`."""
        day = self.day_of(since)
        while days:
            day += _DAY
            days -= self._days.is_working_day(day)
        if not self.is_certain(day):
            UNDECREED_DUE_DATES_TOTAL.inc()
            log.warning("working_days.not_decreed", year=day.year)
        return datetime.combine(day, _LAST_SECOND, self._zone)

    def day_of(self, moment: datetime) -> date:
        """The day that it is then."""
        return moment.astimezone(self._zone).date()

    def left(self, now: datetime, due_at: datetime) -> int:
        """How many working days begin after today and not after the day when something is due."""
        day, last = self.day_of(now), self.day_of(due_at)
        days = 0
        while day < last:
            day += _DAY
            days += self._days.is_working_day(day)
        return days

    def is_certain(self, day: date) -> bool:
        """Whether the holidays of that year have been decreed, as far as this version knows."""
        return self._last_decree is None or day.year <= self._last_decree
