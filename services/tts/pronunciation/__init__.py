"""How a text is pronounced: from what is written to phonemes of Kokoro's alphabet."""

from __future__ import annotations

from services.tts.pronunciation.pronouncer import Pronouncer
from services.tts.pronunciation.said import Said, parts_of

__all__ = ["Pronouncer", "Said", "parts_of"]
