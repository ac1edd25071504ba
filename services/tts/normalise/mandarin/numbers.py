"""Numbers in Chinese characters."""

from __future__ import annotations

_DIGITS = "零一二三四五六七八九"
_UNITS = ("", "十", "百", "千")
_SCALES = ("", "万", "亿", "万亿")
_MAX_DIGITS = 4 * len(_SCALES)


def digits(number: str) -> str:
    """Every digit by itself; anything else in the number is passed over."""
    return "".join(_DIGITS[int(digit)] for digit in number if digit.isdecimal())


def cardinal(number: int) -> str:
    """A whole number from zero below 10^16; greater ones are read digit by digit."""
    if number >= 10**_MAX_DIGITS:
        return digits(str(number))
    if number == 0:
        return _DIGITS[0]
    spoken, gap = "", False
    for power in reversed(range(len(_SCALES))):
        group = number // 10000**power % 10000
        if group:
            zero = _DIGITS[0] if spoken and (gap or group < 1000) else ""
            spoken += zero + _below_ten_thousand(group) + _SCALES[power]
        gap = not group
    return spoken.removeprefix("一") if spoken.startswith("一十") else spoken


def decimal(number: str) -> str:
    """A number as written, with or without thousands separators and a fraction."""
    whole, point, fraction = number.replace(",", "").partition(".")
    spoken = cardinal(int(whole or "0")) if len(whole) <= _MAX_DIGITS else digits(whole)
    return f"{spoken}点{digits(fraction)}" if point else spoken


def _below_ten_thousand(number: int) -> str:
    spoken, gap = "", False
    for power in reversed(range(4)):
        digit = number // 10**power % 10
        if digit:
            spoken += _DIGITS[0] if spoken and gap else ""
            spoken += _DIGITS[digit] + _UNITS[power]
        gap = not digit
    return spoken
