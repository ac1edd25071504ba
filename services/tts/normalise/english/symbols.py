"""What single characters are called in English, and which only shape the sentence."""

from __future__ import annotations

import re
import unicodedata

from services.tts.normalise.english.numbers import cardinal, ordinal
from services.tts.normalise.grammar import Rule, any_of, following, preceding, reads
from services.tts.normalise.markup import is_of_tag

# fmt: off
_NAMES = {
    "&": "and", "+": "plus", "=": "equals", "@": "at", "%": "percent", "×": "times",
    "÷": "divided by", "±": "plus or minus", "≈": "is about", "≠": "is not equal to",
    "≤": "is at most", "≥": "is at least", "→": "to", "⇒": "to", "∞": "infinity",
    "√": "the square root of",
    "°": "degrees", "§": "section", "№": "number", "$": "dollars", "£": "pounds", "€": "euros",
    "¥": "yen", "¢": "cents", "‰": "per mille", "\\": "backslash",
    "C++": "C plus plus", "C#": "C sharp", "F#": "F sharp", ".NET": "dot net", "->": "to",
    "=>": "to", ">=": "is at least", "<=": "is at most", "!=": "is not equal to", "==": "equals",
    "∑": "the sum of", "∫": "the integral of", "∂": "partial",
}
_GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "θ": "theta",
    "λ": "lambda", "μ": "mu", "π": "pi", "ρ": "rho", "σ": "sigma", "τ": "tau", "φ": "phi",
    "χ": "kai", "ψ": "psi", "ω": "omega", "Δ": "delta", "Σ": "sigma", "Ω": "omega", "Φ": "phi",
}
_PAUSES = {
    "–": "—", "•": ",", "|": ",", "·": ",", "[": "(", "]": ")", "{": "(", "}": ")", "«": '"',
    "»": '"', "„": '"', "，": ",", "、": ",", "。": ".", "！": "!", "？": "?", "；": ";", "：": ":",
    "（": "(", "）": ")",
}
# fmt: on
_ENDS_A_NUMBER = re.compile(
    r"[\d½¼¾](?:\ ?(?:[A-Za-z]{1,4}|[%°€£¥$']|°[CF]|[ap]\.m\.)?|\ (?:[AaPp]\.?[Mm]\.?)?\ )$"
)
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_SPOKEN_MARKS = "\"'“”()-—,.;:!?…"


@reads(r"[-–—~]\ ?(?=[$£€¥+-]?\.?\d)")
def _between_numbers(match: re.Match[str]) -> str | None:
    """10-20, 5 km–10 km, 9am-5pm: to. -5: minus. ~5: about. F-16: nothing."""
    if _ENDS_A_NUMBER.search(preceding(match)):
        return "minus " if re.match(r"[\d.]{1,12}\ ?=", following(match)) else "to "
    if match[0] == "~":
        return "about "
    if match[0] == "-":
        return " " if re.search(r"[^\W\d_]$", preceding(match)) else "minus "
    return None


@reads(r"[+±](?=[$£€¥]?\.?\d)")
def _sign(match: re.Match[str]) -> str:
    """+5, ±3."""
    return "plus " if match[0] == "+" else "plus or minus "


@reads(r"([<>])\ ?(?=([-+]?[$£€¥]?\.?\d)|[A-Za-z(])")
def _compared(match: re.Match[str]) -> str | None:
    """<5, > 10, 3 < x; not the end of a tag, as in <b>5."""
    of_number = match[2] or re.search(r"\d\ ?$", preceding(match, 2))
    if not of_number or is_of_tag(match):
        return None
    return "less than " if match[1] == "<" else "more than "


@reads(r"[*x]\ ?(?=\d)")
def _times(match: re.Match[str]) -> str | None:
    """3 x 4, 1920x1080, 2*3."""
    between = re.search(r"\d\ ?$", preceding(match))
    return ("by " if match[0][0] == "x" else "times ") if between else None


@reads(r"\^\ ?(?=\d)")
def _power(match: re.Match[str]) -> str:
    """2^10."""
    return "to the power of "


@reads(r"(?<=[\w)])(⁻?)([⁰¹²³⁴-⁹]{1,6})")
def _superscript(match: re.Match[str]) -> str:
    """x², 10⁻⁶."""
    if match[0] in "²³":
        return "squared" if match[0] == "²" else "cubed"
    power = ordinal(int(match[2].translate(_SUPERSCRIPTS)))
    return f"to the {'minus ' if match[1] else ''}{power}"


@reads(r"(?<=\d),(?=\d)")
def _comma(match: re.Match[str]) -> str:
    """1,2,3."""
    return ", "


@reads(r"(?<=[^\W\d_])–(?=[^\W\d_])")
def _joint(match: re.Match[str]) -> str:
    """Paris–Dakar."""
    return " "


@reads(r"-(?=\ )|(?<=\ )-(?=[^\W\d_])|-{2,80}|[–—]{1,80}")
def _dash(match: re.Match[str]) -> str | None:
    """A hyphen with space around it is a dash."""
    if match[0] == "-" and (preceding(match, 1) != " " or following(match, 1) != " "):
        return None
    return "—"


@reads(rf"(?:{any_of(_NAMES)})")
def _named(match: re.Match[str]) -> str | None:
    """&, =, C++."""
    if match[0] in ("C++", "C#", "F#", ".NET") and preceding(match, 1).isalnum():
        return None
    return _NAMES[match[0]]


@reads(r"\.(?=[a-z])")
def _dot(match: re.Match[str]) -> str | None:
    """node.js, report.pdf."""
    return "dot " if re.search(r"(?:[a-z]{2}|\d|\)|_)$", preceding(match)) else None


@reads(r"([!?,;:.])\1{1,200}|…{2,200}|[!?]{3,200}")
def _repeated(match: re.Match[str]) -> str:
    """!!!, ....., ?!?!"""
    if match[0][0] in ".…":
        return "…"
    return "?" if "?" in match[0] else match[0][0]


@reads(r"\S")
def _other(match: re.Match[str]) -> str | None:
    """Greek letters, numerals of other kinds, and what isn't said at all."""
    char = match[0]
    if char in _SPOKEN_MARKS:
        return None
    if char in _PAUSES:
        return _PAUSES[char]
    if char in _GREEK and not re.search(r"[\u0370-\u03ff]$", preceding(match)):
        return _GREEK[char]
    if char.isalpha() and not char.isnumeric():
        return None
    value = unicodedata.numeric(char, -1.0)
    if value >= 0 and value == int(value):
        return cardinal(int(value))
    within = preceding(match, 1).isalnum() and following(match, 1).isalnum()
    return " " if within else ""


RULES: tuple[Rule, ...] = (
    _between_numbers, _sign, _compared, _times, _power, _superscript, _comma,
    _joint, _dash, _named, _dot, _repeated, _other,
)  # fmt: skip
"""Last."""
