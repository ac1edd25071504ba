"""Times of day in English."""

from __future__ import annotations

import re

from services.tts.normalise.english.numbers import cardinal
from services.tts.normalise.grammar import Rule, preceding, reads

_HALF = r"(?P<half>[AaPp])\.?[Mm]\b(?:\.(?=\s+[a-z(]|,))?"


def _half(letter: str | None) -> str:
    return f" {letter.lower()}.m" if letter else ""


@reads(rf"([01]?\d|2[0-4]):([0-5]\d)(?::([0-5]\d)(?:\.\d{{1,9}})?)?(?![\d:])(?:\ ?{_HALF})?")
def _clock(match: re.Match[str]) -> str:
    """10:30 AM, 14:05, 12:00."""
    hour, minute, half = int(match[1]), int(match[2]), match["half"]
    spoken = _hour_and_minute(hour, minute, half)
    if match[3] and int(match[3]):
        spoken += f" and {cardinal(int(match[3]))} second{'s' if int(match[3]) != 1 else ''}"
    return spoken + _half(half)


def _hour_and_minute(hour: int, minute: int, half: str | None) -> str:
    if minute:
        return f"{cardinal(hour)} {'oh ' if minute < 10 else ''}{cardinal(minute)}"
    if half:
        return cardinal(hour)
    if hour in (0, 24):
        return "midnight"
    return f"{cardinal(hour)} o'clock" if hour <= 12 else f"{cardinal(hour)} hundred"


@reads(rf"(1[0-2]|0?[1-9])(?P<range>\ ?[-–]\ ?(1[0-2]|0?[1-9]))?\ ?{_HALF}")
def _hour(match: re.Match[str]) -> str:
    """7pm, 7 p.m., 9-11am."""
    spoken = cardinal(int(match[1]))
    if match["range"]:
        spoken += f" to {cardinal(int(match[3]))}"
    return spoken + _half(match["half"])


@reads(r"Z\b")
def _universal(match: re.Match[str]) -> str | None:
    """The Z after a time."""
    return "U.T.C" if re.search(r":\d\d$|\.\d{1,9}$", preceding(match)) else None


RULES: tuple[Rule, ...] = (_clock, _hour, _universal)
"""Before amounts and plain numbers."""
