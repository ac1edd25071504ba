"""Percentages and measures in English."""

from __future__ import annotations

import re

from services.tts.normalise.english.numbers import NUMBER, cardinal, decimal
from services.tts.normalise.grammar import Rule, any_of, following, preceding, reads

# fmt: off
_REGULAR = {
    "km": "kilometer", "m": "meter", "cm": "centimeter", "mm": "millimeter", "nm": "nanometer",
    "μm": "micrometer", "mi": "mile", "yd": "yard", "kg": "kilogram", "g": "gram",
    "mg": "milligram", "μg": "microgram", "mcg": "microgram", "lb": "pound", "lbs": "pound",
    "oz": "ounce", "l": "liter", "L": "liter", "ml": "milliliter", "mL": "milliliter",
    "gal": "gallon", "ha": "hectare", "s": "second", "sec": "second", "secs": "second",
    "ms": "millisecond", "μs": "microsecond", "ns": "nanosecond", "min": "minute",
    "mins": "minute", "h": "hour", "hr": "hour", "hrs": "hour", "yrs": "year", "yr": "year",
    "W": "watt", "kW": "kilowatt", "MW": "megawatt", "GW": "gigawatt", "Wh": "watt hour",
    "kWh": "kilowatt hour", "MWh": "megawatt hour", "V": "volt", "mV": "millivolt",
    "kV": "kilovolt", "mA": "milliamp", "mAh": "milliamp hour", "Ω": "ohm", "kΩ": "kilohm",
    "J": "joule", "kJ": "kilojoule", "kcal": "kilocalorie", "cal": "calorie", "Pa": "pascal",
    "kPa": "kilopascal", "hPa": "hectopascal", "MPa": "megapascal", "dB": "decibel",
    "B": "byte", "KB": "kilobyte", "kB": "kilobyte", "MB": "megabyte", "GB": "gigabyte",
    "TB": "terabyte", "PB": "petabyte", "px": "pixel", "MP": "megapixel", "°": "degree",
    "km²": "square kilometer", "m²": "square meter", "cm²": "square centimeter",
    "km2": "square kilometer", "m2": "square meter", "m³": "cubic meter", "m3": "cubic meter",
    "cm³": "cubic centimeter", "mi²": "square mile", "x": "time", "pts": "point",
}
_IRREGULAR = {
    "ft": ("foot", "feet"), "sq ft": ("square foot", "square feet"), "in": ("inch", "inches"),
    "ft²": ("square foot", "square feet"), "sq mi": ("square mile", "square miles"),
    "m/s²": ("meter per second squared", "meters per second squared"),
    "mph": ("mile per hour", "miles per hour"),
}
_SAME = {
    "Hz": "hertz", "kHz": "kilohertz", "MHz": "megahertz", "GHz": "gigahertz", "THz": "terahertz",
    "°C": "degrees Celsius", "℃": "degrees Celsius", "°F": "degrees Fahrenheit",
    "℉": "degrees Fahrenheit", "psi": "P.S.I", "rpm": "R.P.M", "dpi": "D.P.I",
    "fps": "frames per second", "kph": "kilometers per hour", "kmh": "kilometers per hour",
    "bps": "bits per second", "kbps": "kilobits per second", "Kbps": "kilobits per second",
    "Mbps": "megabits per second", "Gbps": "gigabits per second", "ppm": "parts per million",
    "bpm": "beats per minute", "%": "percent", "‰": "per mille",
}
_PER = _REGULAR | {
    "hour": "hour", "day": "day", "week": "week", "month": "month", "year": "year",
    "minute": "minute", "second": "second", "person": "person", "user": "user", "dL": "deciliter",
    "ft": "foot",
}
# fmt: on
_NOUNS = (
    {symbol: (name, f"{name}s") for symbol, name in _REGULAR.items()}
    | {symbol: (name, name) for symbol, name in _SAME.items()}
    | _IRREGULAR
)
# These are words or names too: only glued to the number are they units.
_GLUED = {"in", "B", "x", "J", "s"}
_APART = any_of(set(_NOUNS) - _GLUED)


@reads(
    rf"(?<![A-Za-z])(?P<number>{NUMBER})(?:[ -]?(?P<unit>{_APART})|(?P<glued>{any_of(_GLUED)}))"
    rf"(?:/(?P<per>{any_of(_PER)}))?(?![\w²³])"
)
def _measure(match: re.Match[str]) -> str | None:
    """5 km, 20°C, 3.5GB, 100 km/h, 5%."""
    one, many = _NOUNS[match["unit"] or match["glued"]]
    number = match["number"]
    describes = re.search(r"\b[Aa]n?\ $", preceding(match)) is not None
    if describes and following(match, 1) not in (" ", "-"):
        describes = False
    spoken = f"{decimal(number)} {one if number == '1' or describes else many}"
    return f"{spoken} per {_PER[match['per']]}" if match["per"] else spoken


@reads(r"([3-8])['′]\s?(1[01]|\d)(?:[\"″]|''|(?![\d'′]))")
def _feet_and_inches(match: re.Match[str]) -> str:
    """5'10"."""
    return f"{cardinal(int(match[1]))} foot {cardinal(int(match[2]))}"


@reads(r"(\d{1,3})\ ?ft\.?\ ?(1[01]|\d)\ ?in(?:\b\.?)")
def _feet_then_inches(match: re.Match[str]) -> str:
    """6 ft 2 in."""
    inches = "inch" if match[2] == "1" else "inches"
    return f"{cardinal(int(match[1]))} feet {cardinal(int(match[2]))} {inches}"


RULES: tuple[Rule, ...] = (_feet_then_inches, _measure, _feet_and_inches)
"""After money and times, before plain numbers."""
