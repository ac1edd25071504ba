"""Characters that are written in several ways and read in one."""

from __future__ import annotations

import re
import unicodedata

_FULL_WIDTH_OFFSET = 0xFEE0
# Full-width stops, brackets and quotes stay: they are the punctuation of Chinese.
_FULL_WIDTH = {
    chr(ord(char) + _FULL_WIDTH_OFFSET): char
    for char in map(chr, range(0x21, 0x7F))
    if char.isalnum() or char in "#$%&*+-./<=>@\\^_`|~"
}
_SAME = {
    "’": "'", "‘": "'", "ʼ": "'", "＇": "'",
    "−": "-", "‐": "-", "‑": "-", "⁃": "-", "﹣": "-",
    "–": "–", "‒": "–", "―": "—", "─": "—",
    "〜": "~", "∼": "~", "～": "~",
    "￥": "¥", "￡": "£", "￠": "¢", "∶": ":",
    "⁄": "/", "∕": "/",
    "µ": "μ", "º": "°", "˚": "°",
    "・": "·", "‧": "·", "⋅": "·",
    "\u00a0": " ", "\u2007": " ", "\u2009": " ", "\u202f": " ", "\u3000": " ",
}  # fmt: skip
_TABLE = str.maketrans(_FULL_WIDTH | _SAME)
_FOREIGN_DIGIT = re.compile(r"[^\D0-9]")


def fold(text: str) -> str:
    """The text with one way of writing each character; no character moves."""
    return _FOREIGN_DIGIT.sub(
        lambda digit: str(unicodedata.decimal(digit[0])), text.translate(_TABLE)
    )
