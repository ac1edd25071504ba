"""What can be known of a text before anybody tries to say it."""

from __future__ import annotations

import re

from services.common.errors import TextEmpty, TextTooLong, UnsupportedLanguage

# Latin and Chinese letters, digits, and symbols that are read out.
SAYABLE = (
    "0-9A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u3400-\u4dbf\u4e00-\u9fff"
    "\uff10-\uff19\uff21-\uff3a\uff41-\uff5a%&+=@#\u00b0$\u00a3\u00a5\u20ac"
)
"""Inside of a character class: a text that can be said holds at least one of these."""
_SAYABLE = re.compile(f"[{SAYABLE}]")
_CHINESE = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]")


def check(text: str, *, max_characters: int) -> None:
    """Returns when something in the text can be said.

    Raises TextTooLong, TextEmpty, UnsupportedLanguage (letters, but none that the voices read).
    What passes here may still be refused by the voice.
    """
    if len(text) > max_characters:
        raise TextTooLong(f"the text has {len(text)} characters; {max_characters} are allowed")
    if _SAYABLE.search(text):
        return
    if any(map(str.isalnum, text)):
        raise UnsupportedLanguage("the voices read English and Mandarin")
    raise TextEmpty("the text holds nothing that can be said")


def is_chinese(text: str) -> bool:
    """Whether the text holds Chinese characters."""
    return _CHINESE.search(text) is not None
