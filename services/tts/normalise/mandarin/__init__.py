"""How Mandarin is read aloud."""

from __future__ import annotations

from services.tts.normalise.grammar import Grammar
from services.tts.normalise.mandarin import (
    calendar,
    clock,
    counting,
    measures,
    money,
    names,
    symbols,
)

MANDARIN = Grammar(
    rules=(
        counting.ORDINAL,
        *calendar.RULES,
        *clock.RULES,
        *names.RULES,
        *money.RULES,
        *measures.RULES,
        *counting.RULES,
        *symbols.RULES,
    ),
    word_gap="",
)
