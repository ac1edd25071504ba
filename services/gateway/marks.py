"""Which mark the pictures bear: in the language that is spoken in them, where it is known."""

from __future__ import annotations

from dataclasses import dataclass
from math import isinf

from services.gateway.look import Look
from services.gateway.media import US_PER_S, Mark, MarkText


@dataclass(frozen=True, slots=True)
class MarkRules:
    """How the operator wants pictures to be marked."""

    language: MarkText = MarkText.ENGLISH
    """Where nothing tells another."""
    file_s: float = 3.0
    """How long files bear it, from their first picture on; infinite: always."""

    def in_file(self, look: Look) -> Mark | None:
        """The mark of a video."""
        visible_us = 0 if isinf(self.file_s) else round(self.file_s * US_PER_S)
        return None if look.unmarked else Mark(look.mark or self.language, visible_us)

    def in_stream(self, look: Look) -> Mark | None:
        """The mark of a live stream, which stands: whoever comes in later sees it too."""
        return None if look.unmarked else Mark(look.mark or self.language)


def mark_text(language: str) -> MarkText:
    """What a mark says where a language, as voices name it, is spoken."""
    return MarkText.CHINESE if language.startswith("zh") else MarkText.ENGLISH
