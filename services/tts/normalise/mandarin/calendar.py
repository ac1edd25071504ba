"""Dates and years in Mandarin."""

from __future__ import annotations

import re

from services.tts.normalise.grammar import Rule, following, reads
from services.tts.normalise.mandarin.numbers import COUNTED, cardinal, digits

_TO = r"\s?[-–—~至到]\s?"
_LASTING = r"(?:历史|以?来|[以之]?前|[以之]?后|里|内|间|时间|寿命|以上|多|河东|河西)"
_UNIT_OR_COUNTED = re.compile(rf"\s?(?:{COUNTED}|[A-Za-z%‰℃℉°])")
_FIRST_SHORT_YEAR = 60


def _date(month: int, day: int) -> str | None:
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    return f"{cardinal(month)}月{cardinal(day)}日"


@reads(r"(\d{4})(?P<mark>[-/.])(\d{1,2})(?P=mark)(\d{1,2})(?:T(?=\d\d:\d\d)|(?!\d))")
def _numeric_date(match: re.Match[str]) -> str | None:
    """2026-11-24, 2026/11/24, 2026.11.24."""
    date = _date(int(match[3]), int(match[4]))
    return date and f"{digits(match[1])}年{date}"


@reads(r"((?:19|20)\d\d)[-/](1[0-2]|0?[1-9])(?![\d/.-]\d|\d)")
def _year_and_month(match: re.Match[str]) -> str | None:
    """2026-11, 2026/11."""
    if "-" in match[0] and len(match[2]) == 1:
        return None
    return f"{digits(match[1])}年{cardinal(int(match[2]))}月"


@reads(r"(1[0-2]|0?[1-9])/(3[01]|[12]\d|0?[1-9])(?![\d/])")
def _month_and_day(match: re.Match[str]) -> str | None:
    """11/24, where it can't well be a fraction."""
    day = int(match[2])
    is_date = match[0].startswith("0") or match[2].startswith("0") or day in (13, 14, 17, 19)
    is_date = is_date or (day > 20 and day not in (24, 25, 30))
    is_date = is_date or (int(match[1]) > 9 and day > 12)
    return _date(int(match[1]), day) if is_date else None


@reads(rf"([12]\d{{3}})(?:年?(?={_TO}[12]\d{{3}}年)|(?=年))")
def _year(match: re.Match[str]) -> str | None:
    """2026年, 2019—2024年; 1000年来 is a time, not a year."""
    lasts = re.match(rf"年{_LASTING}", following(match))
    if lasts and (match[1].endswith("00") or lasts[0].endswith("历史")):
        return None
    if match[1] == "1000":
        return None
    return digits(match[1]) + ("年" if match[0].endswith("年") else "")


@reads(rf"(\d\d)(?=年(?!代|级|{_LASTING}))")
def _short_year(match: re.Match[str]) -> str | None:
    """98年, 08年; 20年 is a time."""
    is_year = match[1].startswith("0") or (int(match[1]) > _FIRST_SHORT_YEAR and int(match[1]) % 10)
    return digits(match[1]) if is_year else None


@reads(r"([0-16-9][05])(?=后(?!天|年|个)|[、,，]?\s?\d[05]后)")
def _generation(match: re.Match[str]) -> str:
    """90后, 80、90后."""
    return digits(match[1])


@reads(r"(?:19|20)\d\d(?=[届款版级学赛财])|(?<=[(（])(?:19|20)\d\d(?=[)）])")
def _year_of(match: re.Match[str]) -> str:
    """2026届, 2026款, （2026）."""
    return digits(match[0])


@reads(r"(?:19\d\d|20[0-4]\d)(?=\s?[\u4e00-\u9fff])")
def _bare_year(match: re.Match[str]) -> str | None:
    """2026世界杯, but 2000人."""
    counts = match[0].endswith("000") or _UNIT_OR_COUNTED.match(match.string, match.end())
    return None if counts else digits(match[0])


RULES: tuple[Rule, ...] = (
    _numeric_date, _year_and_month, _month_and_day, _year, _short_year, _generation, _year_of,
    _bare_year,
)  # fmt: skip
"""Before times, amounts and plain numbers."""
