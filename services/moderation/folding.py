"""Folds one character into the plain characters that it stands for.

Every rule looks at a single character, so that a position in folded text always names one position
of the original.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from opencc import OpenCC

from services.moderation.disguises import PICTURED_CHINESE

_UNIFIED_IDEOGRAPHS = (range(0x3400, 0x4DC0), range(0x4E00, 0xA000))
# Written for other characters in Taiwan and Hong Kong; the dictionary leaves them alone.
_VARIANT_IDEOGRAPHS = MappingProxyType({"妳": "你", "著": "着", "祂": "他", "啲": "的"})
# Letters (after case folding) that are drawn like Latin ones: Cyrillic, Greek, Armenian, IPA.
_LOOKALIKES_OF = MappingProxyType(
    {
        "a": "аαɑᴀ",
        "b": "вьʙɓƅᏼ",
        "c": "сϲᴄ¢ƈ",
        "d": "ԁᴅđɗð",
        "e": "еҽεᴇəєɛ",
        "f": "ꜰƒ",
        "g": "ɡԍɢɠ",
        "h": "нһʜħɦ",
        "i": "іιɩɪıɨ",
        "j": "јϳȷᴊʝ",
        "k": "кκᴋƙ",
        "l": "ӏʟłƚɫɭ",
        "m": "мᴍɱ",
        "n": "ոɴɲŋղ",
        "o": "оοօᴏøσɵ",
        "p": "рρᴘƥþ",
        "q": "ԛգ",
        "r": "гʀɾɼ",
        "s": "ѕꜱʂ",
        "t": "тτᴛŧƭ",
        "u": "սυᴜʉц",
        "v": "νѵᴠʋ",
        "w": "ԝωᴡшɯ",
        "x": "хχҳ",
        "y": "уγʏүƴ",
        "z": "ᴢƶʐ",
    }
)
_LOOKALIKES = MappingProxyType(
    {alike: letter for letter, group in _LOOKALIKES_OF.items() for alike in group}
)


@cache
def _simplified() -> Mapping[str, str]:
    """Traditional ideographs and their simplified forms, from OpenCC's dictionary."""
    characters = [chr(code) for block in _UNIFIED_IDEOGRAPHS for code in block]
    converted = OpenCC("t2s").convert("\n".join(characters)).split("\n")
    pairs = zip(characters, converted, strict=True)
    return {old: new for old, new in pairs if old != new and len(new) == 1} | _VARIANT_IDEOGRAPHS


def _squared_letter(character: str) -> str:
    """The letter inside a black square or circle, or of a flag; other characters as they are."""
    code = ord(character)
    for first in (0x1F130, 0x1F150, 0x1F170, 0x1F1E6):
        if first <= code < first + 26:
            return chr(ord("a") + code - first)
    return character


def _folded_part(character: str) -> str:
    if unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return ""
    if character in _LOOKALIKES:
        return _LOOKALIKES[character]
    return _simplified().get(character, character)


@cache
def fold(character: str) -> str:
    """The plain form of one character: none for what is invisible, several for a ligature.

    Compatibility forms (full width, mathematical, circled), case, accents, look-alike letters of
    other scripts and traditional ideographs are undone.
    """
    if character in PICTURED_CHINESE:
        return PICTURED_CHINESE[character]
    compatible = unicodedata.normalize("NFKC", _squared_letter(character)).casefold()
    parts = unicodedata.normalize("NFKD", compatible)
    return "".join(_folded_part(part) for part in parts)


def warm() -> None:
    """Reads the dictionary now rather than at the first ideograph."""
    _simplified()
