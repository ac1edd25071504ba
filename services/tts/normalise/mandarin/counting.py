"""Numbers that count, order, divide or compare, in Mandarin."""

from __future__ import annotations

import re

from services.tts.normalise.grammar import Rule, preceding, reads
from services.tts.normalise.mandarin.numbers import (
    COUNTED,
    NUMBER,
    cardinal,
    counted,
    decimal,
    dialled,
    digits,
)

_VULGAR = {
    "½": (1, 2), "⅓": (1, 3), "⅔": (2, 3), "¼": (1, 4), "¾": (3, 4), "⅕": (1, 5), "⅖": (2, 5),
    "⅗": (3, 5), "⅘": (4, 5), "⅙": (1, 6), "⅚": (5, 6), "⅛": (1, 8), "⅜": (3, 8), "⅝": (5, 8),
    "⅞": (7, 8), "⅐": (1, 7), "⅑": (1, 9), "⅒": (1, 10),
}  # fmt: skip
_ROMAN_VALUES = {"I": 1, "V": 5, "X": 10}


@reads(r"(?<=第)\d{1,16}(?![.,]?\d)")
def _ordinal(match: re.Match[str]) -> str:
    """第3, 第2个."""
    return cardinal(int(match[0]))


@reads(r"(?<=第)[IVX]{1,6}(?![A-Za-z])")
def _roman(match: re.Match[str]) -> str:
    """第IV章."""
    values = [_ROMAN_VALUES[letter] for letter in match[0]]
    pairs = zip(values, [*values[1:], 0], strict=True)
    return cardinal(sum(-one if one < then else one for one, then in pairs))


@reads(r"(?:[Nn][Oo]\.\ ?|№\ ?)(\d{1,16})(?![.,]?\d)")
def _number_sign(match: re.Match[str]) -> str:
    """No.1."""
    return f"第{cardinal(int(match[1]))}"


@reads(r"#(\d{1,16})(?![.,]?\d)")
def _hash(match: re.Match[str]) -> str:
    """#5."""
    return f"{cardinal(int(match[1]))}号"


@reads(r"24/7(?!\d)")
def _always(match: re.Match[str]) -> str:
    """24/7."""
    return "全天候"


@reads(r"(?:(\d{1,6})(?:又|\s))?(\d{1,8})/(\d{1,8})(?![\d/])")
def _fraction(match: re.Match[str]) -> str:
    """1/2, 3又3/4."""
    whole = f"{cardinal(int(match[1]))}又" if match[1] else ""
    return f"{whole}{cardinal(int(match[3]))}分之{cardinal(int(match[2]))}"


@reads(rf"(\d{{1,6}})?([{''.join(_VULGAR)}])")
def _vulgar_fraction(match: re.Match[str]) -> str:
    """½, 3¾."""
    over, under = _VULGAR[match[2]]
    whole = f"{cardinal(int(match[1]))}又" if match[1] else ""
    return f"{whole}{cardinal(under)}分之{cardinal(over)}"


@reads(rf"({NUMBER})(?:([kK])|([mM]))(?![A-Za-z])")
def _shortened(match: re.Match[str]) -> str:
    """10k, 5M."""
    return counted(match[1]) + ("千" if match[2] else "百万")


@reads(rf"({NUMBER})(?=(?:\s?[-–—~～至到、]\s?\d{{1,15}})?\s?{COUNTED})")
def _count(match: re.Match[str]) -> str | None:
    """2个, 2~3天: 两."""
    return None if _is_name(match[0]) else counted(match[1])


@reads(NUMBER)
def _number(match: re.Match[str]) -> str | None:
    """42; 3.14."""
    return None if _is_name(match[0]) else decimal(match[0])


@reads(r"\.(\d{1,20})(?!\d)")
def _below_one(match: re.Match[str]) -> str | None:
    """.5."""
    follows_a_word = re.search(r"[\w.]$", preceding(match)) is not None
    return None if follows_a_word else f"零点{digits(match[1])}"


@reads(r"\d++(?:\.(\d++))?")
def _digits(match: re.Match[str]) -> str:
    """What is too long to count."""
    return dialled(match[0].partition(".")[0]) + (f"点{digits(match[1])}" if match[1] else "")


def _is_name(number: str) -> bool:
    whole = number.partition(".")[0]
    return whole.startswith("0") and len(whole) > 1


RULES: tuple[Rule, ...] = (
    _roman, _number_sign, _hash, _always, _fraction, _vulgar_fraction, _shortened, _count, _number,
    _below_one, _digits,
)  # fmt: skip
"""After everything that has numbers in it."""

ORDINAL = _ordinal
"""Before what counts."""
