"""Text as a person reads it aloud: numbers, dates, money and the like in words."""

from __future__ import annotations

from services.tts.language import Language
from services.tts.normalise import english, mandarin
from services.tts.normalise.pieces import Piece, read_text

__all__ = ["Piece", "normalise"]


def normalise(text: str, language: Language) -> tuple[Piece, ...]:
    """Says how a text is read aloud, piece by piece; the pieces cover the text in order."""
    match language:
        case Language.EN:
            reading = english
        case Language.ZH:
            reading = mandarin
    return tuple(read_text(text, reading.RULES, reading.STARTS))
