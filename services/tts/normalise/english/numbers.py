"""Numbers in English words, as Americans say them."""

from __future__ import annotations

NUMBER = r"(?:\d{1,3}(?:,\d{3}){1,4}(?!,?\d)|\d{1,15}(?!,\d{3}(?!\d)))(?:\.\d{1,20})?(?!\d)"
"""A number as it is written, with or without thousands separators and a fraction."""

# fmt: off
_BELOW_TWENTY = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
    "nineteen",
)
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth",
    "nine": "ninth", "twelve": "twelfth",
}
# fmt: on
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
    """A number as `NUMBER` finds it."""
    whole, point, fraction = number.replace(",", "").partition(".")
    spoken = cardinal(int(whole or "0"))
    return f"{spoken} point {digits(fraction)}" if point else spoken


def ordinal(number: int) -> str:
    """The number's place in a row: first, twenty-second."""
    spoken = cardinal(number)
    cut = max(spoken.rfind(" "), spoken.rfind("-")) + 1
    head, last = spoken[:cut], spoken[cut:]
    if last.endswith("y"):
        return f"{head}{last[:-1]}ieth"
    return head + _ORDINALS.get(last, f"{last}th")


def year(number: int) -> str:
    """A year, in pairs where people say pairs: nineteen oh five, two thousand five."""
    century, rest = divmod(number, 100)
    if not 10 <= century <= 99 or (century % 10 == 0 and rest < 10):
        return cardinal(number)
    return f"{cardinal(century)} {_pair(rest)}"


def label(number: str) -> str:
    """A number that names rather than counts, as of a room, a flight or a model."""
    if number.startswith("0") or len(number) > 4:
        return digits(number)
    if len(number) == 4:
        return year(int(number))
    hundreds, rest = divmod(int(number), 100)
    return f"{cardinal(hundreds)} {_pair(rest)}" if hundreds else cardinal(rest)


def plural(word: str) -> str:
    """More than one of a number word: nineties, sixes, threes."""
    if word.endswith("y"):
        return f"{word[:-1]}ies"
    return f"{word}es" if word.endswith("x") else f"{word}s"


def _pair(number: int) -> str:
    if number == 0:
        return "hundred"
    return cardinal(number) if number >= 10 else f"oh {cardinal(number)}"


def _below_thousand(number: int) -> str:
    hundreds, rest = divmod(number, 100)
    words = [_BELOW_TWENTY[hundreds], "hundred"] if hundreds else []
    if rest >= 20:
        tens, ones = divmod(rest, 10)
        words.append(f"{_TENS[tens]}-{_BELOW_TWENTY[ones]}" if ones else _TENS[tens])
    elif rest:
        words.append(_BELOW_TWENTY[rest])
    return " ".join(words)
