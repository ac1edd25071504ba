"""Numbers in Chinese characters."""

from __future__ import annotations

NUMBER = r"(?:\d{1,3}(?:,\d{3}){1,5}(?!,?\d)|\d{1,16}(?!,\d{3}(?!\d)))(?:\.\d{1,20})?(?!\d)"
"""A number as it is written, with or without thousands separators and a fraction."""

COUNTED = (
    r"(?:个(?!位)|只|条|位|名|人|次(?!方|元)|件|张|本|家|所|座|辆|台|架|艘|匹|头|篇|首|句|字|页|行|段|门|套|双|对|副"
    r"|片|块|杯|瓶|碗|盘|盒|包|袋|箱|桶|斤|公斤|千克|克|吨|升|毫升|米|公里|千米|厘米|毫米|里|亩|公顷|平方|立方|元|美元"
    r"|欧元|英镑|日元|港元|毛|角|年(?!级)|天|夜|晚|周|小时|钟头|刻钟|点(?!\d)|分(?!之)|秒|岁|场|局|轮|届|回|遍|趟|步"
    r"|口|组|队|批|排|股|滴|颗|粒|枚|把|支|枝|朵|棵|株|根|户|者|岸|国|地|会|侧|边|旁|倍|成|样|码|起|例|宗|桩|笔|份"
    r"|封|幅|则|栋|间|扇|室|厅|卫|瓦|伏|兆|种|项|款|部|节|度|千|万|亿|摄氏度|华氏度|多|余|来)"
)
"""What is counted with 两 rather than 二."""

_DIGITS = "零一二三四五六七八九"
_PLACES = ("", "十", "百", "千")
_MAX_DIGITS = 16


def digits(number: str) -> str:
    """Every digit by itself; anything else in the number is passed over."""
    return "".join(_DIGITS[int(digit)] for digit in number if digit.isdecimal())


def dialled(number: str) -> str:
    """Every digit by itself as in a phone number, where one is 幺."""
    return digits(number).replace("一", "幺")


def cardinal(number: int) -> str:
    """A whole number from zero below 10^16; greater ones are read digit by digit.

    Two is 二, and 两 before 千, 万 and 亿 at the beginning.
    """
    if number >= 10**_MAX_DIGITS:
        return digits(str(number))
    if number == 0:
        return _DIGITS[0]
    spoken = _grouped(number)
    if spoken.startswith("一十"):
        return spoken[1:]
    return f"两{spoken[1:]}" if spoken.startswith(("二千", "二万", "二亿")) else spoken


def counted(number: str) -> str:
    """A number as `NUMBER` finds it, before what it counts: 两 rather than 二."""
    return "两" if number == "2" else decimal(number)


def decimal(number: str) -> str:
    """A number as `NUMBER` finds it."""
    whole, point, fraction = number.replace(",", "").partition(".")
    spoken = cardinal(int(whole or "0"))
    return f"{spoken}点{digits(fraction)}" if point else spoken


def _grouped(number: int) -> str:
    for scale, name in ((10**8, "亿"), (10**4, "万")):
        if number >= scale:
            head, rest = divmod(number, scale)
            zero = _DIGITS[0] if 0 < rest < scale // 10 else ""
            return _grouped(head) + name + zero + (_grouped(rest) if rest else "")
    spoken, gap = "", False
    for power in reversed(range(4)):
        digit = number // 10**power % 10
        if digit:
            spoken += _DIGITS[0] if spoken and gap else ""
            spoken += _DIGITS[digit] + _PLACES[power]
        gap = not digit
    return spoken
