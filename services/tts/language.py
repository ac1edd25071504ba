"""The languages that can be spoken."""

from __future__ import annotations

from enum import StrEnum


class Language(StrEnum):
    """A language that text can be read in."""

    EN = "en"
    ZH = "zh"
