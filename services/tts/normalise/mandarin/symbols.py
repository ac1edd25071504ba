"""What single characters are called in Mandarin, and which only shape the sentence."""

from __future__ import annotations

import re
import unicodedata

from services.tts.normalise.grammar import Rule, any_of, following, preceding, reads
from services.tts.normalise.mandarin.numbers import cardinal
from services.tts.normalise.markup import is_of_tag

# fmt: off
_NAMES = {
    "&": "和", "+": "加", "=": "等于", "@": "艾特", "%": "百分号", "×": "乘", "÷": "除以",
    "±": "正负",
    "≈": "约等于", "≠": "不等于", "≤": "小于等于", "≥": "大于等于", "→": "到", "∞": "无穷大",
    "√": "根号",
    "°": "度", "℃": "摄氏度", "℉": "华氏度", "№": "号", "$": "美元", "£": "英镑", "€": "欧元",
    "¥": "元",
    "‰": "千分号", ">=": "大于等于", "<=": "小于等于", "!=": "不等于", "==": "等于", "->": "到",
    "=>": "到",
    "α": "阿尔法", "β": "贝塔", "γ": "伽马", "δ": "德尔塔", "Δ": "德尔塔", "λ": "拉姆达", "μ": "缪",
    "π": "派",
    "σ": "西格马", "θ": "西塔", "ω": "欧米伽", "Ω": "欧米伽", "φ": "斐",
}
_PAUSES = {
    "/": "、", "|": "，", "•": "，", "[": "（", "]": "）",
    "［": "（", "］": "）", "{": "（", "}": "）", "«": "“", "»": "”",
    "–": "—", "~": "",
}
# fmt: on
_MARKS = "，。、！？；：（）《》〈〉「」『』【】“”‘’…—,.!?;:()\"'-"
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_ENDS_A_NUMBER = re.compile(r"\d(?:[%‰℃℉°]|[A-Za-z/]{1,5}|[\u4e00-\u9fff]{1,3})?\s?$")
_NAMED_TYPE = re.compile(
    r"(?:[A-Za-z]|[歼轰运直教强苏]|神舟|长征|嫦娥|天宫|天舟|东风|红旗|巨浪|米格|霹雳|快舟|问界)$"
)
_COLD = re.compile(r"[\d.]{1,8}(?:\s?[-–~～至到]\s?-?[\d.]{1,8})?\s?(?:℃|°C|度|摄氏度)")


@reads(r"[-–—~]{1,2}\s?(?=[¥$€£]?[-+]?\d)")
def _between_numbers(match: re.Match[str]) -> str | None:
    """10-20, 5%~10%: 到; -5: 负; -5℃: 零下; ~5: 约; 歼-20: nothing."""
    before, after = preceding(match), following(match)
    if _ENDS_A_NUMBER.search(before):
        return "减" if re.match(r"[\d.]{1,12}\s?=", after) else "到"
    if match[0] == "~":
        return "约"
    if match[0] != "-":
        return None
    if _NAMED_TYPE.search(before):
        return ""
    return "零下" if _COLD.match(after) else "负"


@reads(r"±(?=\d)|[+](?=\d)")
def _sign(match: re.Match[str]) -> str:
    """+5, ±3."""
    added = re.search(r"[\w)）]\s?$", preceding(match))
    if match[0] == "±":
        return "正负"
    return "加" if added else "正"


@reads(r"[<>]\s?(?=([-+]?[¥$€£]?\.?\d)?)")
def _compared(match: re.Match[str]) -> str | None:
    """<5, 3 < x; not the end of a tag, as in <b>5."""
    of_number = match[1] or re.search(r"\d\s?$", preceding(match, 2))
    if not of_number or is_of_tag(match):
        return None
    return "小于" if match[0][0] == "<" else "大于"


@reads(r"[*xX]\s?(?=\d)")
def _times(match: re.Match[str]) -> str | None:
    """3*4, 1920x1080."""
    return "乘" if re.search(r"\d\s?$", preceding(match)) else None


@reads(r"(⁻?)([⁰¹²³⁴-⁹]{1,6})")
def _superscript(match: re.Match[str]) -> str:
    """x², 10⁻⁶."""
    if match[0] == "²":
        return "的平方"
    power = cardinal(int(match[2].translate(_SUPERSCRIPTS)))
    return f"的{'负' if match[1] else ''}{power}次方"


@reads(r"\^(\d{1,6})(?!\d)")
def _power(match: re.Match[str]) -> str:
    """2^10."""
    return f"的{cardinal(int(match[1]))}次方"


@reads(r"(?<=\d),(?=\d)")
def _comma(match: re.Match[str]) -> str:
    """1,2,3."""
    return "，"


@reads(r"[-–—]{2,80}|(?<=\ )-(?=\ )")
def _dash(match: re.Match[str]) -> str:
    """——."""
    return "—"


@reads(r"([！？!?。，,;；])\1{1,200}|…{2,200}|\.{2,200}|[！？!?]{3,200}")
def _repeated(match: re.Match[str]) -> str:
    """！！！, ……."""
    if match[0][0] in ".…":
        return "…"
    return "？" if set(match[0]) & set("？?") else match[0][0]


@reads(any_of(_NAMES))
def _named(match: re.Match[str]) -> str:
    """&, =, ≥."""
    return _NAMES[match[0]]


@reads(r"\S")
def _other(match: re.Match[str]) -> str | None:
    """Numerals of other kinds, and what isn't said at all."""
    char = match[0]
    if char in _MARKS:
        return None
    if char in _PAUSES:
        return _PAUSES[char]
    value = unicodedata.numeric(char, -1.0)
    if char.isalpha() and (value < 0 or unicodedata.category(char) == "Lo"):
        return None
    return cardinal(int(value)) if value >= 0 and value == int(value) else ""


RULES: tuple[Rule, ...] = (
    _between_numbers, _sign, _compared, _times, _superscript, _power, _comma, _dash, _repeated,
    _named, _other,
)  # fmt: skip
"""Last."""
