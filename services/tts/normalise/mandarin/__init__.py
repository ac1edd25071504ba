"""How Mandarin is read aloud."""

from __future__ import annotations

import re

from services.tts.normalise.grammar import Grammar, Rule
from services.tts.normalise.mandarin.numbers import decimal

MANDARIN = Grammar(
    rules=(
        Rule(
            re.compile(
                r"[0-9]{1,3}(?:,[0-9]{3}){1,5}(?:\.[0-9]{1,32})?|[0-9]{1,32}(?:\.[0-9]{1,32})?"
            ),
            lambda match: decimal(match[0]),
        ),
    ),
    word_gap="",
)
