"""How tags of HTML, XML and SSML are written, which are told from comparisons."""

from __future__ import annotations

import re

from services.tts.normalise.grammar import preceding

_MAX_LENGTH = 256
_VALUE = r"""(?:"[^"<>]{0,200}"|'[^'<>]{0,200}'|[^\s"'<>]{1,200}+)"""
_ATTRIBUTE = rf"\s{{1,8}}[\w:.-]{{1,40}}+\s{{0,8}}=\s{{0,8}}{_VALUE}"
_BEGINNING = rf"<[/!?]?[A-Za-z][\w:.-]{{0,40}}+(?:{_ATTRIBUTE}){{0,20}}\s{{0,8}}[/?]?"

TAG = re.compile(rf"{_BEGINNING}>")
"""<b>, </prosody>, <break time="500ms"/>."""
_UNCLOSED_TAG = re.compile(rf"{_BEGINNING}$")


def is_of_tag(match: re.Match[str]) -> bool:
    """Whether the angle bracket that a match begins with opens or closes a tag."""
    if match[0][0] == "<":
        return TAG.match(match.string, match.start()) is not None
    before = preceding(match, _MAX_LENGTH)
    opening = before.rfind("<")
    return opening >= 0 and _UNCLOSED_TAG.match(before, opening) is not None
