"""Times of day, ratios and scores in Mandarin."""

from __future__ import annotations

import re

from services.tts.normalise.grammar import Rule, following, preceding, reads
from services.tts.normalise.mandarin.numbers import cardinal, counted

_HALF = r"(?P<half>[AaPp])\.?[Mm](?![A-Za-z\d])\.?"
_PART_OF_DAY_BEFORE = re.compile(
    r"(?:凌晨|清晨|早[上晨]|[上中下]午|傍晚|晚上|今晚|[深半]夜)的?\s?$"
)
_COMPARED_BEFORE = re.compile(
    r"(?:比例|比分|比率|赔率|配比|[以按胜负平赢输]|战胜|击败|领先|打成|战成)[^\d，。,;；]{0,3}$"
)
_COMPARED_AFTER = re.compile(
    r"\s?(?:的(?:比例|比分|优势|成绩)|战胜|击败|大胜|险胜|完胜|小胜|逆转|领先|落后|获胜|取胜|淘汰|负于|不敌|战平)"
)


def _is_compared(match: re.Match[str]) -> bool:
    return bool(
        _COMPARED_BEFORE.search(preceding(match)) or _COMPARED_AFTER.match(following(match))
    )


@reads(r"(\d{1,3})[-:：](\d{1,3})(?![\d:：-])")
def _score(match: re.Match[str]) -> str | None:
    """比分3:1, 以3-1获胜."""
    if not _is_compared(match):
        return None
    return f"{cardinal(int(match[1]))}比{cardinal(int(match[2]))}"


@reads(
    r"([01]?\d|2[0-4])[:：]([0-5]\d)(?:[:：]([0-5]\d)(?:\.\d{1,9})?)?(?![\d:：])"
    rf"(?:\s?{_HALF})?"
)
def _clock(match: re.Match[str]) -> str:
    """10:30, 14:05, 10:30 AM, 08:00:05."""
    hour, minute = int(match[1]), int(match[2])
    spoken = _part_of_day(hour, match) + _hour(hour)
    if match[3]:
        return f"{spoken}{_two(minute)}分{_two(int(match[3]))}秒"
    if minute == 30 and hour <= 12:
        return f"{spoken}半"
    return f"{spoken}{_two(minute)}分" if minute else spoken


@reads(rf"(1[0-2]|0?[1-9])(?:\s?[-–—~～至到]\s?(?P<upper>1[0-2]|0?[1-9]))?\s?{_HALF}")
def _half_day(match: re.Match[str]) -> str:
    """7pm, 9 a.m., 9-11am."""
    hour, upper = int(match[1]), match["upper"]
    spoken = f"{cardinal(hour)}到{_hour(int(upper))}" if upper else _hour(hour)
    return _part_of_day(int(upper or hour), match) + spoken


@reads(r"(\d{1,4})[:：∶](\d{1,4})(?![\d:：])")
def _ratio(match: re.Match[str]) -> str:
    """3:1, 16:9."""
    return f"{cardinal(int(match[1]))}比{cardinal(int(match[2]))}"


def _hour(hour: int) -> str:
    return f"{counted(str(hour))}点"


def _two(number: int) -> str:
    return f"零{cardinal(number)}" if 0 < number < 10 else cardinal(number)


def _part_of_day(hour: int, match: re.Match[str]) -> str:
    """What the letters of a twelve-hour clock are in Chinese, unless it has been said before."""
    half = match["half"]
    if half is None or _PART_OF_DAY_BEFORE.search(preceding(match)):
        return ""
    if half in "Aa":
        return "凌晨" if hour < 6 or hour == 12 else "上午"
    if hour == 12:
        return "中午"
    return "下午" if hour < 6 else "晚上"


RULES: tuple[Rule, ...] = (_score, _clock, _half_day, _ratio)
"""Before amounts and plain numbers."""
