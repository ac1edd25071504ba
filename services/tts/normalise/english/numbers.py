"""Numbers in English words."""

from __future__ import annotations

_BELOW_TWENTY = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
).split()
_TENS = "zero ten twenty thirty forty fifty sixty seventy eighty ninety".split()
_SCALES = ("", "thousand", "million", "billion", "trillion")
_MAX_DIGITS = 3 * len(_SCALES)


def digits(number: str) -> str:
    """Every digit by itself; anything else in the number is passed over."""
    return " ".join(_BELOW_TWENTY[int(digit)] for digit in number if digit.isdecimal())


def cardinal(number: int) -> str:
    """A whole number from zero below a quadrillion; greater ones are read digit by digit."""
    if number >= 10**_MAX_DIGITS:
        return digits(str(number))
    if number == 0:
        return _BELOW_TWENTY[0]
    words = []
    for power in reversed(range(len(_SCALES))):
        group = number // 1000**power % 1000
        if group:
            words += [_below_thousand(group), _SCALES[power]]
    return " ".join(words).strip()


def decimal(number: str) -> str:
    """A number as written, with or without thousands separators and a fraction."""
    whole, point, fraction = number.replace(",", "").partition(".")
    spoken = cardinal(int(whole or "0")) if len(whole) <= _MAX_DIGITS else digits(whole)
    return f"{spoken} point {digits(fraction)}" if point else spoken


def _below_thousand(number: int) -> str:
    hundreds, rest = divmod(number, 100)
    words = [_BELOW_TWENTY[hundreds], "hundred"] if hundreds else []
    if rest >= 20:
        tens, ones = divmod(rest, 10)
        words.append(f"{_TENS[tens]}-{_BELOW_TWENTY[ones]}" if ones else _TENS[tens])
    elif rest:
        words.append(_BELOW_TWENTY[rest])
    return " ".join(words)
