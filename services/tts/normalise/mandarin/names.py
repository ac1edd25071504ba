"""Numbers that name rather than count, and addresses, in Mandarin."""

from __future__ import annotations

import re

from services.tts.normalise.addresses import EMAIL, SITE, URL
from services.tts.normalise.grammar import Rule, following, preceding, reads
from services.tts.normalise.mandarin.numbers import COUNTED, cardinal, dialled, digits

_MARKS = {
    ".": "点", "/": "斜杠", "-": "杠", "_": "下划线", ":": "冒号", "?": "问号", "=": "等于",
    "&": "和", "#": "井号", "%": "百分号", "~": "波浪号", "+": "加", "@": "艾特",
}  # fmt: skip
_LABELLED = re.compile(
    r"(?:密码|验证码|编号|编码|代码|学号|工号|卡号|账号|帐号|单号|订单号?|尾号|号码|电话|手机|热线|拨打|致电|来电|拨|打"
    r"|邮编|房间|房号|车牌|证号|序列号|QQ号?|群号?|ID|id)[号]?(?:为|是|：|:|\s){0,3}$"
)
_COUNT = re.compile(rf"\s?{COUNTED}")
_SHORT = 4
"""Up to this length a name's one is 一, as in 零零一."""


def _groups(number: str) -> str:
    return "，".join(dialled(group) for group in re.findall(r"\d+", number))


def _spelled(address: str) -> str:
    return "".join(
        digits(part) if part.isdigit() else _MARKS.get(part, part)
        for part in re.findall(r"[A-Za-z]+|\d+|[^A-Za-z0-9]", address)
    )


@reads(EMAIL)
def _email(match: re.Match[str]) -> str:
    """zhang@163.com."""
    return f"{_spelled(match['user'])}艾特{_spelled(match['host'])}"


@reads(URL)
def _url(match: re.Match[str]) -> str:
    """https://example.com/docs, whose scheme nobody says."""
    return _spelled(match["host"] + match["path"].rstrip("/"))


@reads(SITE)
def _site(match: re.Match[str]) -> str:
    """www.example.com."""
    return _spelled(match["host"] + match["path"].rstrip("/"))


@reads(r"(?:(\+)?(86)[ -]?)?(1[3-9]\d)[ -]?(\d{4})[ -]?(\d{4})(?!\d)")
def _mobile_phone(match: re.Match[str]) -> str:
    """138 1234 5678, +86 13812345678."""
    plus, *groups = match.groups()
    return ("加" if plus else "") + "，".join(dialled(group) for group in groups if group)


@reads(
    r"(?:\+\d{1,3}(?:[ -]?\(?\d{1,5}\)?){2,5}"
    r"|[(（]?0\d{2,3}[)）]?[ -]?\d{7,8}|0\d{2,3}-\d{3,4}-\d{4}"
    r"|[48]00[ -]?\d{3}[ -]\d{4}|[48]00[ -]\d{4}[ -]\d{3}|[48]00\d{7})(?!\d)"
)
def _phone(match: re.Match[str]) -> str:
    """010-12345678, 400-800-8888, +1 415 555 0132."""
    return ("加" if match[0].startswith("+") else "") + _groups(match[0])


@reads(r"\d{1,7}(?:-\d{1,7}){2,6}(?![\d-])|\d{3,4}(?:\ \d{3,4}){2,5}(?![.,]?\d)")
def _number_in_groups(match: re.Match[str]) -> str:
    """978-7-04-123456-7, 6222 0200 1234 5678."""
    return _groups(match[0])


@reads(r"(?:110|119|120|122)(?=[报急]|电话|热线)")
def _emergency(match: re.Match[str]) -> str:
    """120急救."""
    return dialled(match[0])


@reads(r"\d{1,16}(?![.,]?\d)")
def _labelled(match: re.Match[str]) -> str | None:
    """密码1234, 拨打110."""
    is_name = _LABELLED.search(preceding(match)) and not _COUNT.match(following(match))
    return dialled(match[0]) if is_name else None


@reads(r"\d{3,4}(?=室|房|号房|号楼|路(?!程)|次列车|次航班|航班|号航班)")
def _place(match: re.Match[str]) -> str | None:
    """305室, 302路, 1234次列车."""
    is_building = following(match).startswith("号楼") and len(match[0]) < 4
    return None if is_building else dialled(match[0])


@reads(r"(?<=[A-Za-z])(?<!\d[xX])-?(\d{1,16})(?![.,]?\d)|(?<=[A-Za-z]-)(\d{1,16})(?![.,]?\d)")
def _code(match: re.Match[str]) -> str:
    """A4, G20, G1234次, CA1234, COVID-19."""
    number = match[1] or match[2]
    short = len(number) <= 2 and not number.startswith("0")
    return cardinal(int(number)) if short else dialled(number)


@reads(r"\d{1,6}(?:\.\d{1,6}){2,8}(?!\.?\d)|(?<=[A-Za-z])\d{1,6}\.\d{1,6}(?!\.?\d)")
def _version(match: re.Match[str]) -> str:
    """2.0.1, 192.168.1.1, PM2.5."""
    whole, *rest = match[0].split(".")
    first = digits(whole) if len(whole) > 2 else cardinal(int(whole))
    return "点".join((first, *map(digits, rest)))


@reads(r"(?:480|720|1080|1440|2160)(?=[PpIi](?![A-Za-z]))")
def _picture_height(match: re.Match[str]) -> str:
    """1080p."""
    return digits(match[0])


@reads(r"(?:985|211|996|618|520|12306|12345|10086|10010)(?=[\u4e00-\u9fff、])")
def _nickname(match: re.Match[str]) -> str | None:
    """985高校, 996工作制, 12306网站."""
    if _COUNT.match(following(match)):
        return None
    return dialled(match[0]) if len(match[0]) > 3 else digits(match[0])


@reads(r"(\d{1,2})[·.](\d{1,2})(?=事件|恐怖|大地震|地震|运动|惨案|事变|晚会)")
def _day_of_history(match: re.Match[str]) -> str:
    """9·11事件, 5.12大地震, 3·15晚会."""
    return digits(match[0])


@reads(r"0\d{1,15}(?![.,]?\d)|\d{8,16}(?<!000)(?![.,]?\d)")
def _identifier(match: re.Match[str]) -> str:
    """007, 20261124."""
    return digits(match[0]) if len(match[0]) <= _SHORT else dialled(match[0])


RULES: tuple[Rule, ...] = (
    _email, _url, _site, _mobile_phone, _phone, _number_in_groups, _emergency, _labelled, _place,
    _day_of_history, _version, _picture_height, _code, _nickname, _identifier,
)  # fmt: skip
"""After dates, before all else."""
