"""Money in English."""

from __future__ import annotations

import re
from dataclasses import dataclass

from services.tts.normalise.english.numbers import NUMBER, cardinal, decimal
from services.tts.normalise.grammar import Rule, any_of, preceding, reads


@dataclass(frozen=True, slots=True)
class _Currency:
    one: str
    many: str
    cent: str | None = None
    cents: str | None = None


def _dollar(place: str = "") -> _Currency:
    return _Currency(f"{place} dollar".strip(), f"{place} dollars".strip(), "cent", "cents")


# fmt: off
_EURO = _Currency("euro", "euros", "cent", "cents")
_POUND = _Currency("pound", "pounds", "penny", "pence")
_YEN, _YUAN, _WON = _Currency("yen", "yen"), _Currency("yuan", "yuan"), _Currency("won", "won")
_RUPEE, _RUBLE = _Currency("rupee", "rupees"), _Currency("ruble", "rubles")
_SYMBOLS = {
    "$": _dollar(), "US$": _dollar("U.S"), "C$": _dollar("Canadian"), "CA$": _dollar("Canadian"),
    "A$": _dollar("Australian"), "AU$": _dollar("Australian"), "NZ$": _dollar("New Zealand"),
    "HK$": _dollar("Hong Kong"), "S$": _dollar("Singapore"), "NT$": _dollar("Taiwan"),
    "£": _POUND, "€": _EURO, "¥": _YEN, "₩": _WON, "₹": _RUPEE, "₽": _RUBLE,
}
_CODES = {
    "USD": _dollar("U.S"), "CAD": _dollar("Canadian"), "AUD": _dollar("Australian"),
    "NZD": _dollar("New Zealand"), "HKD": _dollar("Hong Kong"), "SGD": _dollar("Singapore"),
    "TWD": _dollar("Taiwan"), "GBP": _POUND, "EUR": _EURO, "JPY": _YEN, "CNY": _YUAN,
    "RMB": _YUAN, "KRW": _WON, "INR": _RUPEE, "RUB": _RUBLE, "CHF": _Currency("franc", "francs"),
}
_SCALES = {
    "k": "thousand", "m": "million", "mn": "million", "b": "billion", "bn": "billion",
    "t": "trillion", "tn": "trillion", "thousand": "thousand", "million": "million",
    "billion": "billion", "trillion": "trillion",
}
_PER = {
    "h": "hour", "hr": "hour", "hour": "hour", "d": "day", "day": "day", "wk": "week",
    "week": "week", "mo": "month", "month": "month", "yr": "year", "year": "year", "kg": "kilogram",
    "lb": "pound", "gal": "gallon", "person": "person", "night": "night", "user": "user",
    "unit": "unit", "GB": "gigabyte", "kWh": "kilowatt hour", "seat": "seat", "share": "share",
}
# fmt: on
_SCALE = (
    r"(?:[ -]?(?P<scale>(?:thousand|million|billion|trillion)\b)"
    r"|(?P<short>(?:[kmbt]|mn|bn|tn)\b))?"
)
_SHARE = rf"(?:\ ?/\ ?(?P<per>(?:{any_of(_PER)})\b))?"


@reads(
    rf"(?P<symbol>{any_of(_SYMBOLS | _CODES)})\ ?(?P<number>{NUMBER}|\.\d\d(?!\d))"
    rf"(?:\ ?[-–]\ ?(?:(?P=symbol)\ ?)?(?P<upper>{NUMBER}))?(?i:{_SCALE}){_SHARE}"
)
def _symbol_first(match: re.Match[str]) -> str:
    """$5.20, £3m, US$1,000, $10-20, $1.5 billion, $20/hr."""
    return _said(match, (_SYMBOLS | _CODES)[match["symbol"]])


@reads(
    rf"(?P<number>{NUMBER})(?:\ ?[-–]\ ?(?P<upper>{NUMBER}))?(?i:{_SCALE})"
    rf"\ ?(?P<symbol>(?:{any_of(_CODES)})\b|[€£¥₩₹₽]|\$(?!\d)){_SHARE}"
)
def _symbol_last(match: re.Match[str]) -> str:
    """20 USD, 1,000€."""
    return _said(match, (_SYMBOLS | _CODES)[match["symbol"]])


@reads(rf"({NUMBER})\ ?¢")
def _cents(match: re.Match[str]) -> str:
    """99¢."""
    return f"{decimal(match[1])} {'cent' if match[1] == '1' else 'cents'}"


def _said(match: re.Match[str], currency: _Currency) -> str:
    scale = match["scale"] or match["short"]
    # "A five-dollar note": a sum that describes is in the singular.
    describes = re.search(r"\b[Aa]n?\ $", preceding(match)) is not None
    if scale:
        noun = currency.one if describes else currency.many
        tail = f" {_SCALES[scale.lower()]} {noun}"
        lower, upper = decimal(match["number"]), match["upper"] and decimal(match["upper"])
        spoken = f"{lower} to {upper}{tail}" if upper else lower + tail
    elif not match["upper"]:
        spoken = _sum(match["number"], currency, describes)
    elif "." in match["number"] + match["upper"]:
        spoken = f"{_sum(match['number'], currency)} to {_sum(match['upper'], currency)}"
    else:
        spoken = f"{decimal(match['number'])} to {_sum(match['upper'], currency)}"
    return f"{spoken} per {_PER[match['per']]}" if match["per"] else spoken


def _sum(number: str, currency: _Currency, describes: bool = False) -> str:
    """A sum with its hundredths, where the currency has them."""
    whole, _, fraction = number.replace(",", "").partition(".")
    noun = currency.one if whole == "1" or describes else currency.many
    units = f"{cardinal(int(whole or '0'))} {noun}"
    if len(fraction) != 2 or currency.cent is None:
        return f"{decimal(number)} {currency.many}" if fraction else units
    if not int(fraction):
        return units
    cents = f"{cardinal(int(fraction))} {currency.cent if fraction == '01' else currency.cents}"
    return f"{units} and {cents}" if int(whole or "0") else cents


RULES: tuple[Rule, ...] = (_symbol_first, _symbol_last, _cents)
"""Before measures and plain numbers."""
