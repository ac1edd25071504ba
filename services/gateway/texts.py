"""What can be known of a text before anybody tries to say it."""

from __future__ import annotations

import unicodedata

from services.common.errors import TextEmpty, TextTooLong, UnsupportedLanguage

_SAID_SYMBOLS = frozenset("%&+=@#°")
_READABLE = ("LATIN", "FULLWIDTH LATIN", "CJK")


def check(text: str, *, max_characters: int) -> None:
    """Returns when something in the text can be said.

    Raises TextTooLong, TextEmpty, UnsupportedLanguage (letters, but none of a script that the
    voices read). What passes here may still be refused by the voice.
    """
    if len(text) > max_characters:
        raise TextTooLong(f"the text has {len(text)} characters; {max_characters} are allowed")
    letters = [character for character in text if character.isalpha()]
    others = any(_is_said(character) for character in text)
    if not letters and not others:
        raise TextEmpty("the text holds nothing that can be said")
    if letters and not any(map(_is_readable, letters)):
        raise UnsupportedLanguage("the voices read English and Mandarin")


def is_chinese(text: str) -> bool:
    """Whether the text holds Chinese characters."""
    return any(unicodedata.name(character, "").startswith("CJK") for character in text)


def _is_said(character: str) -> bool:
    return character in _SAID_SYMBOLS or unicodedata.category(character) in {"Nd", "Sc"}


def _is_readable(character: str) -> bool:
    return unicodedata.name(character, "").startswith(_READABLE)
