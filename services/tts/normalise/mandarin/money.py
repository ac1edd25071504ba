"""Money in Mandarin."""

from __future__ import annotations

import re

from services.tts.normalise.grammar import Rule, any_of, reads
from services.tts.normalise.mandarin.numbers import NUMBER, cardinal, counted

# fmt: off
_SYMBOLS = {
    "¥": "元", "$": "美元", "US$": "美元", "€": "欧元", "£": "英镑", "HK$": "港元", "NT$": "新台币",
    "A$": "澳元", "C$": "加元", "S$": "新加坡元", "₩": "韩元", "₹": "卢比", "₽": "卢布",
}
CODES = {
    "CNY": "元", "RMB": "元", "USD": "美元", "EUR": "欧元", "GBP": "英镑", "HKD": "港元",
    "TWD": "新台币", "AUD": "澳元", "CAD": "加元", "SGD": "新加坡元", "JPY": "日元", "KRW": "韩元",
    "INR": "卢比", "RUB": "卢布", "CHF": "瑞士法郎",
}
"""What the codes of currencies are called."""
_SCALES = {"k": "千", "m": "百万", "mn": "百万", "million": "百万", "b": "十亿", "bn": "十亿",
           "billion": "十亿", "万": "万", "亿": "亿", "千": "千", "百万": "百万", "千万": "千万",
           "十万": "十万", "百亿": "百亿", "千亿": "千亿", "万亿": "万亿"}
# fmt: on
_YUAN = "元"
_TO = r"\s?[-–—~～至到]\s?"
_SCALE = rf"(?:\s?(?P<scale>(?i:{any_of(_SCALES)})(?:(?<![A-Za-z])|(?![A-Za-z]))))?"
_ANY = _SYMBOLS | CODES


@reads(
    rf"(?P<symbol>{any_of(_ANY)})\s?(?P<number>{NUMBER})"
    rf"(?:{_TO}(?:(?P=symbol))?(?P<upper>{NUMBER}))?{_SCALE}(?:\s?(?:元|美元|欧元|英镑|港元|日元))?"
)
def _symbol_first(match: re.Match[str]) -> str:
    """¥5.20, ￥1,000, $5, $1.5亿."""
    return _said(match, _ANY[match["symbol"]])


@reads(
    rf"(?P<number>{NUMBER})(?:{_TO}(?P<upper>{NUMBER}))?{_SCALE}"
    rf"\s?(?P<symbol>(?:{any_of(CODES)})(?![A-Za-z])|[€£₩₹₽¥]|\$(?!\d))"
)
def _symbol_last(match: re.Match[str]) -> str:
    """100USD, 3万RMB."""
    return _said(match, _ANY[match["symbol"]])


@reads(r"(\d{1,12}\.\d{1,2})元")
def _yuan(match: re.Match[str]) -> str:
    """5.20元."""
    return _jiao_and_fen(match[1])


@reads(r"(\d{1,8})\.(\d)块(?:钱)?")
def _kuai(match: re.Match[str]) -> str:
    """5.5块."""
    return f"{counted(match[1])}块{cardinal(int(match[2]))}"


def _said(match: re.Match[str], currency: str) -> str:
    scale = _SCALES[match["scale"].lower()] if match["scale"] else ""
    upper = match["upper"]
    if upper:
        return f"{counted(match['number'])}到{counted(upper)}{scale}{currency}"
    if not scale and currency == _YUAN and re.search(r"\.\d{1,2}$", match["number"]):
        return _jiao_and_fen(match["number"].replace(",", ""))
    number = match["number"]
    if "." in number:
        number = number.rstrip("0").rstrip(".")
    return f"{counted(number)}{scale}{currency}"


def _jiao_and_fen(number: str) -> str:
    """Yuan with their tenths and hundredths."""
    whole, _, fraction = number.partition(".")
    jiao, fen = int(fraction[0]), int(fraction[1:] or "0")
    spoken = f"{counted(whole)}元" if int(whole) or not (jiao or fen) else ""
    if jiao:
        spoken += f"{cardinal(jiao)}角"
    elif fen and spoken:
        spoken += "零"
    return f"{spoken}{cardinal(fen)}分" if fen else spoken


RULES: tuple[Rule, ...] = (_symbol_first, _symbol_last, _yuan, _kuai)
"""Before measures and plain numbers."""
