"""Percentages and measures in Mandarin."""

from __future__ import annotations

import re

from services.tts.normalise.grammar import Rule, any_of, reads
from services.tts.normalise.mandarin.numbers import NUMBER, counted, decimal

# fmt: off
_UNITS = {
    "km": "公里", "m": "米", "dm": "分米", "cm": "厘米", "mm": "毫米", "μm": "微米", "nm": "纳米",
    "km²": "平方公里", "m²": "平方米", "cm²": "平方厘米", "m³": "立方米", "cm³": "立方厘米",
    "km2": "平方公里", "m2": "平方米", "m3": "立方米", "㎡": "平方米", "㎞": "公里", "㎏": "公斤",
    "㎝": "厘米", "㎜": "毫米", "ha": "公顷", "kg": "公斤", "KG": "公斤", "g": "克", "mg": "毫克",
    "μg": "微克", "t": "吨", "L": "升", "l": "升", "mL": "毫升", "ml": "毫升", "h": "小时",
    "hr": "小时", "min": "分钟", "s": "秒", "ms": "毫秒", "μs": "微秒", "ns": "纳秒", "Hz": "赫兹",
    "kHz": "千赫", "KHz": "千赫", "MHz": "兆赫", "GHz": "吉赫", "W": "瓦", "kW": "千瓦",
    "KW": "千瓦",
    "MW": "兆瓦", "GW": "吉瓦", "kWh": "千瓦时", "Wh": "瓦时", "V": "伏", "mV": "毫伏",
    "kV": "千伏",
    "A": "安", "mA": "毫安", "mAh": "毫安时", "Ω": "欧姆", "J": "焦耳", "kJ": "千焦", "cal": "卡",
    "kcal": "千卡", "Pa": "帕", "kPa": "千帕", "hPa": "百帕", "MPa": "兆帕", "N": "牛",
    "dB": "分贝",
    "KB": "千字节", "kB": "千字节", "MB": "兆", "GB": "吉字节", "TB": "太字节", "PB": "拍字节",
    "bps": "比特每秒", "kbps": "千比特每秒", "Kbps": "千比特每秒", "Mbps": "兆比特每秒",
    "Gbps": "吉比特每秒", "rpm": "转每分钟", "fps": "帧每秒", "mph": "英里每小时", "°": "度",
    "°C": "摄氏度", "℃": "摄氏度", "°F": "华氏度", "℉": "华氏度", "px": "像素", "ppm": "百万分率",
    "ft": "英尺", "in": "英寸", "lb": "磅", "lbs": "磅", "oz": "盎司", "mi": "英里",
    "kmh": "公里每小时",
    "mmHg": "毫米汞柱", "元": "元", "公里": "公里", "米": "米", "公斤": "公斤", "吨": "吨",
}
_PER = {
    "km": "公里", "m": "米", "cm": "厘米", "kg": "公斤", "g": "克", "L": "升", "mL": "毫升",
    "kWh": "千瓦时",
    "h": "小时", "小时": "小时", "s": "秒", "秒": "秒", "min": "分钟", "分钟": "分钟", "分": "分钟",
    "天": "天", "日": "天", "月": "月", "年": "年", "人": "人", "次": "次", "个": "个", "斤": "斤",
    "公斤": "公斤", "吨": "吨", "平方米": "平方米", "平米": "平米", "㎡": "平方米", "m²": "平方米",
    "m³": "立方米", "股": "股", "张": "张", "件": "件", "d": "天",
}
# fmt: on
# Letters that are names as often as units: only glued to the number are they units.
_GLUED = {"A", "N", "J", "W", "V", "s", "t", "h", "m", "g", "in"}
_APART = any_of(set(_UNITS) - _GLUED)
_TO = r"\s?[-–—~～至到]\s?"


@reads(rf"(?P<lower>{NUMBER})(?:%?{_TO}(?P<minus>-)?(?P<upper>{NUMBER}))?(?P<sign>[%‰])")
def _percentage(match: re.Match[str]) -> str:
    """5%, 10-20%, 3‰."""
    of = "百分之" if match["sign"] == "%" else "千分之"
    lower = _share(of, match["lower"])
    if not match["upper"]:
        return lower
    return f"{lower}到{'负' if match['minus'] else ''}{_share(of, match['upper'])}"


def _share(of: str, number: str) -> str:
    return of + ("百" if number == "100" and of == "百分之" else decimal(number))


@reads(
    rf"(?<![A-Za-z])(?P<number>{NUMBER})(?:\s?(?P<unit>{_APART})|(?P<glued>{any_of(_GLUED)}))"
    rf"(?:/(?P<per>{any_of(_PER)}))?(?![A-Za-z\d²³])"
)
def _measure(match: re.Match[str]) -> str:
    """5km, 20℃, 100 km/h, 5元/斤."""
    spoken = counted(match["number"]) + _UNITS[match["unit"] or match["glued"]]
    return f"{spoken}每{_PER[match['per']]}" if match["per"] else spoken


RULES: tuple[Rule, ...] = (_percentage, _measure)
"""After money and times, before plain numbers."""
