"""How English is read aloud, in the American way."""

from __future__ import annotations

from services.tts.normalise.english import (
    addresses,
    calendar,
    clock,
    counting,
    measures,
    money,
    symbols,
    words,
)
from services.tts.normalise.grammar import Grammar

ENGLISH = Grammar(
    rules=(
        *calendar.RULES[:3],
        *addresses.RULES,
        *calendar.RULES[3:],
        *clock.RULES,
        *money.RULES,
        *measures.RULES,
        *words.RULES,
        *counting.RULES,
        *symbols.RULES,
    ),
    word_gap=" ",
)
