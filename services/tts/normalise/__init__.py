"""Text as a person reads it aloud: numbers, dates, money and the like in words."""

from __future__ import annotations

from services.tts.language import Language
from services.tts.normalise.english import ENGLISH
from services.tts.normalise.grammar import Piece
from services.tts.normalise.mandarin import MANDARIN

__all__ = ["Piece", "normalise"]

_GRAMMARS = {Language.EN: ENGLISH, Language.ZH: MANDARIN}


def normalise(text: str, language: Language) -> tuple[Piece, ...]:
    """Says how a text is read aloud, piece by piece; the pieces cover the text in order.

    What is said holds no digits and no symbols: words and the punctuation that shapes them.
    """
    return _GRAMMARS[language].read(text)
