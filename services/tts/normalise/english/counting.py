"""Numbers that count, order, divide, compare or name, in English."""

from __future__ import annotations

import re

from services.tts.normalise.english.numbers import (
    NUMBER,
    cardinal,
    decimal,
    digits,
    label,
    ordinal,
    plural,
)
from services.tts.normalise.grammar import Rule, any_of, preceding, reads

_VULGAR = {
    "½": (1, 2), "⅓": (1, 3), "⅔": (2, 3), "¼": (1, 4), "¾": (3, 4), "⅕": (1, 5), "⅖": (2, 5),
    "⅗": (3, 5), "⅘": (4, 5), "⅙": (1, 6), "⅚": (5, 6), "⅛": (1, 8), "⅜": (3, 8), "⅝": (5, 8),
    "⅞": (7, 8), "⅐": (1, 7), "⅑": (1, 9), "⅒": (1, 10),
}  # fmt: skip
_FIXED = {
    "24/7": "twenty-four seven",
    "9/11": "nine eleven",
    "50/50": "fifty-fifty",
    "20/20": "twenty twenty",
}
_MILLIONS = {"M": "million", "mn": "million", "bn": "billion", "tn": "trillion"}
_NAMED = re.compile(
    r"\b(?:room|flight|suite|apartment|apt\.?|gate|route|highway|interstate|bus|train|error|boeing"
    r"|airbus|unit|platform|channel|agent|studio|building)[ -](?:number |no\.? |#)?$",
    re.IGNORECASE,
)
_SPELLED = re.compile(
    r"\b(?:pin|code|zip|zip code|postcode|extension|ext\.?|order|ticket|account|serial|password"
    r"|isbn|id|call|dial|tracking)(?: number| no\.?)?(?: is)?[:# ]{1,2}$",
    re.IGNORECASE,
)
_DENOMINATORS = (2, 3, 4, 5, 6, 7, 8, 9, 12, 16, 32, 64)
_LONG = 8


@reads(r"(\d{1,12})(?:st|nd|rd|th)(?!\w)|(\d{1,3}(?:,\d{3}){1,4})(?:st|nd|rd|th)(?!\w)")
def _ordinal(match: re.Match[str]) -> str:
    """1st, 22nd."""
    return ordinal(int((match[1] or match[2]).replace(",", "")))


@reads(rf"(?:{any_of(_FIXED)})(?![/.,]?\d)")
def _fixed(match: re.Match[str]) -> str:
    """24/7."""
    return _FIXED[match[0]]


@reads(r"(?:(\d{1,6})[ -])?(\d{1,4})/(\d{1,4})(?![\d/])")
def _fraction(match: re.Match[str]) -> str | None:
    """1/2, 3 3/4, 8/10."""
    over, under = int(match[2]), int(match[3])
    if over < under and under in _DENOMINATORS:
        spoken = _divided(over, under)
        return f"{cardinal(int(match[1]))} and {spoken}" if match[1] else spoken
    if match[1]:
        return None
    return f"{cardinal(over)} {'out of' if under in (10, 100) else 'over'} {cardinal(under)}"


@reads(rf"(?:(\d{{1,6}})\ ?)?([{''.join(_VULGAR)}])")
def _vulgar_fraction(match: re.Match[str]) -> str:
    """½, 3¾."""
    spoken = _divided(*_VULGAR[match[2]])
    return f"{cardinal(int(match[1]))} and {spoken}" if match[1] else spoken


@reads(r"(\d{1,3}):(\d{1,3})(?![\d:])")
def _ratio(match: re.Match[str]) -> str:
    """3:1, 16:9."""
    return f"{cardinal(int(match[1]))} to {cardinal(int(match[2]))}"


@reads(rf"({NUMBER})(?:({any_of(_MILLIONS)})|([kK]))(?!\w)")
def _shortened(match: re.Match[str]) -> str:
    """5M, 2bn, 10K."""
    return f"{decimal(match[1])} {_MILLIONS[match[2]] if match[2] else 'K'}"


@reads(r"(480|720|1080|1440|2160)([pi])\b")
def _picture_height(match: re.Match[str]) -> str:
    """1080p."""
    return f"{label(match[1])} {match[2].upper()}"


@reads(r"\d{1,3}(?:\ \d{3}){0,3}\ 000(?!\d)")
def _spaced_thousands(match: re.Match[str]) -> str:
    """1 000 000."""
    return cardinal(int(match[0].replace(" ", "")))


@reads(r"(?<=[A-Za-z])(\d{1,15})(s\b)?(?!\d|\.\d)|(?<=[A-Za-z]-)(\d{1,15})(?!\d|\.\d)")
def _code(match: re.Match[str]) -> str:
    """MP3, G20, F-16, COVID-19."""
    spoken = label(match[1] or match[3])
    return plural(spoken) if match[2] else spoken


@reads(r"\d{1,15}(?![.,]?\d)")
def _name(match: re.Match[str]) -> str | None:
    """Room 304, flight 1234, PIN 0042."""
    before = preceding(match, 24)
    if _SPELLED.search(before):
        return digits(match[0])
    return label(match[0]) if _NAMED.search(before) else None


@reads(r"\d{1,15}(?:\.\d{1,15}){2,8}(?!\.?\d)")
def _version(match: re.Match[str]) -> str:
    """2.0.1."""
    return " point ".join(cardinal(int(part)) for part in match[0].split("."))


@reads(rf"{NUMBER}")
def _number(match: re.Match[str]) -> str | None:
    """1,000,000; 3.14; 42."""
    whole = match[0].partition(".")[0]
    is_name = len(whole) >= _LONG and whole.isdecimal() and not whole.endswith("000")
    return None if is_name or (whole.startswith("0") and len(whole) > 1) else decimal(match[0])


@reads(r"\.(\d{1,20})(?!\d)")
def _below_one(match: re.Match[str]) -> str | None:
    """.5."""
    follows_a_word = re.search(r"[\w.]$", preceding(match)) is not None
    return None if follows_a_word else f"point {digits(match[1])}"


@reads(r"\d++(?:\.(\d++))?")
def _digits(match: re.Match[str]) -> str:
    """007; what is too long to count."""
    return digits(match[0].partition(".")[0]) + (f" point {digits(match[1])}" if match[1] else "")


def _divided(over: int, under: int) -> str:
    part = {2: "half", 4: "quarter"}.get(under, ordinal(under))
    if over == 1:
        return f"{'a' if under in (2, 4) else 'one'} {part}"
    return f"{cardinal(over)} {'halves' if under == 2 else f'{part}s'}"


RULES: tuple[Rule, ...] = (
    _ordinal, _fixed, _fraction, _vulgar_fraction, _ratio, _shortened, _picture_height,
    _spaced_thousands, _code, _name, _version, _number, _below_one, _digits,
)  # fmt: skip
"""After everything that has numbers in it."""
