"""Dates, years and decades in English."""

from __future__ import annotations

import re

from services.tts.normalise.english.numbers import cardinal, ordinal, plural, year
from services.tts.normalise.grammar import Rule, following, preceding, reads

# fmt: off
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)
_DAYS = {
    "Mon": "Monday", "Tue": "Tuesday", "Tues": "Tuesday", "Wed": "Wednesday", "Thu": "Thursday",
    "Thur": "Thursday", "Thurs": "Thursday", "Fri": "Friday", "Sat": "Saturday", "Sun": "Sunday",
}
# fmt: on
_BY_NAME = {name[:length]: name for name in _MONTHS for length in (3, len(name))}
_BY_NAME["Sept"] = "September"

_MONTH = rf"(?P<month>{'|'.join(sorted(_BY_NAME, key=len, reverse=True))})\b\.?"
_DAY = r"(?P<day>3[01]|[12]\d|0?[1-9])(?!\d)"
_YEAR = r"(?P<year>[12]\d{3})(?!\d)"
_COUNTED = (
    r"people|users?|times|words?|points?|items?|calories|dollars|euros|pounds|miles|meters|metres"
    r"|years|months|weeks|days|hours|minutes|seconds|steps|pages|copies|units|employees|members"
    r"|students|volts|watts|grams|and|or"
)
_IN_A_YEAR = re.compile(
    r"\b(?:in|since|by|from|until|till|before|after|during|of|for|circa|year|early|late|mid"
    r"|between|and|to|through|spring|summer|autumn|fall|winter|AD|[Cc]a?\.)[ -]$"
    r"|[(©]$"
)
_DATED = re.compile(r"\b(?:on|by|until|since|from|before|after|due|dated?|to|till)[: ]{1,2}$", re.I)


def _date(month: int, day: int, year_number: int | None) -> str | None:
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    spoken = f"{_MONTHS[month - 1]} {ordinal(day)}"
    return spoken if year_number is None else f"{spoken}, {year(year_number)}"


@reads(r"(\d{4})(?P<mark>[-/.])(\d{1,2})(?P=mark)(\d{1,2})(?:T(?=\d\d:\d\d)|(?!\d))")
def _year_first(match: re.Match[str]) -> str | None:
    """2026-11-24, 2026/11/24, and the date of 2026-11-24T14:05."""
    spoken = _date(int(match[3]), int(match[4]), int(match[1]))
    return f"{spoken}, " if spoken and match[0].endswith("T") else spoken


@reads(r"(\d{1,2})(?P<mark>[-/.])(\d{1,2})(?P=mark)(\d{4}|\d{2})(?![\d.]\d|\d)")
def _year_last(match: re.Match[str]) -> str | None:
    """11/24/2026, 24/11/2026 and 24.11.26; the month comes first where both could be one."""
    if match["mark"] == "-" and len(match[4]) == 2:
        return None
    first, second, last = int(match[1]), int(match[3]), int(match[4])
    full = last if len(match[4]) == 4 else last + (1900 if last > 60 else 2000)
    european = match["mark"] == "." and second <= 12
    if european:
        return _date(second, first, full)
    return _date(first, second, full) or _date(second, first, full)


@reads(r"(1[0-2]|0?[1-9])/(3[01]|[12]\d|0?[1-9])(?![\d/])")
def _without_year(match: re.Match[str]) -> str | None:
    """On 11/24."""
    return _date(int(match[1]), int(match[2]), None) if _DATED.search(preceding(match)) else None


@reads(rf"{_MONTH}\ ?{_DAY}(?:st|nd|rd|th)?(?![:.]\d|%)(?:,?\ {_YEAR})?")
def _month_first(match: re.Match[str]) -> str | None:
    """Nov 24, 2026; November 24th."""
    return _named_date(match)


@reads(rf"{_DAY}(?:st|nd|rd|th)?(?P<of>\ of)?[ -]{_MONTH}(?:,?[ -]{_YEAR})?")
def _day_first(match: re.Match[str]) -> str | None:
    """24 November 2026; the 24th of November."""
    if match["of"]:
        spoken = f"{ordinal(int(match['day']))} of {_BY_NAME[match['month']]}"
        return f"{spoken}, {year(int(match['year']))}" if match["year"] else spoken
    return _named_date(match)


def _named_date(match: re.Match[str]) -> str:
    spoken = f"{_BY_NAME[match['month']]} {ordinal(int(match['day']))}"
    return f"{spoken}, {year(int(match['year']))}" if match["year"] else spoken


@reads(rf"{_MONTH}(?P<comma>,?)\ {_YEAR}")
def _month_and_year(match: re.Match[str]) -> str:
    """Nov 2026."""
    return f"{_BY_NAME[match['month']]}{match['comma']} {year(int(match['year']))}"


@reads(rf"({'|'.join(_DAYS)})\b\.?(?=,?\ (?:{'|'.join(_BY_NAME)}|\d{{1,2}}\b))")
def _weekday(match: re.Match[str]) -> str:
    """Tue, Nov 24."""
    return _DAYS[match[1]]


@reads(rf"({'|'.join(_DAYS)})\.?\ ?[-–]\ ?({'|'.join(_DAYS)})\b")
def _weekdays(match: re.Match[str]) -> str:
    """Mon–Fri."""
    return f"{_DAYS[match[1]]} to {_DAYS[match[2]]}"


@reads(rf"({'|'.join(n for n in _BY_NAME if _BY_NAME[n] != n)})\.(?!\w)")
def _short_month(match: re.Match[str]) -> str:
    """Nov. by itself."""
    return _BY_NAME[match[1]]


@reads(r"(?:(1[0-9]|20)(\d0)|'?([2-9]0))'?s(?!\w)")
def _decade(match: re.Match[str]) -> str:
    """1990s, '90s, 80s, 1900s, 2000s."""
    century, tens = match[1], int(match[2] or match[3])
    if century is None:
        return plural(cardinal(tens))
    if tens:
        return f"{cardinal(int(century))} {plural(cardinal(tens))}"
    return "two thousands" if century == "20" else f"{cardinal(int(century))} hundreds"


@reads(r"'(\d\d)(?![\d'\w])")
def _short_year(match: re.Match[str]) -> str | None:
    """The summer of '69."""
    if not _IN_A_YEAR.search(preceding(match)):
        return None
    return year(1900 + int(match[1])).removeprefix("nineteen ")


@reads(r"(1[1-9]\d\d|20\d\d)\s?[-–/]\s?(1[1-9]\d\d|20\d\d|\d\d)(?![\d/:-])")
def _years(match: re.Match[str]) -> str | None:
    """2019–2024, 2019-20, 2023/24."""
    first, last = int(match[1]), int(match[2])
    if len(match[2]) == 2 and last <= first % 100:
        return None
    said_last = cardinal(last) if last < 100 else year(last)
    return f"{year(first)}{' ' if '/' in match[0] else ' to '}{said_last}"


@reads(r"(?:1\d|20)\d\d(?![,.%:/°]?\d|%)")
def _bare_year(match: re.Match[str]) -> str | None:
    """In 1845; 1999 and 2026 anywhere but before what is counted."""
    counted = re.compile(rf"[ -](?:{_COUNTED})\b").match(match.string, match.end())
    if _IN_A_YEAR.search(preceding(match)) and not counted:
        return year(int(match[0]))
    likely = 1900 <= int(match[0]) < 2100 and not counted
    return year(int(match[0])) if likely and following(match, 1) != "-" else None


RULES: tuple[Rule, ...] = (
    _year_first, _year_last, _without_year, _month_first, _day_first, _month_and_year, _weekday,
    _weekdays, _short_month, _decade, _short_year, _years, _bare_year,
)  # fmt: skip
"""Before times, amounts and plain numbers."""
