"""How English is read aloud."""

from __future__ import annotations

import re

from services.tts.normalise.english.numbers import decimal
from services.tts.normalise.pieces import Rule

STARTS = re.compile(r"\d")
"""Where a rule may begin to match."""

RULES = (
    Rule(
        re.compile(r"[0-9]{1,3}(?:,[0-9]{3}){1,5}(?:\.[0-9]{1,32})?|[0-9]{1,32}(?:\.[0-9]{1,32})?"),
        lambda match: decimal(match[0]),
    ),
)
"""In the order in which they are asked."""
