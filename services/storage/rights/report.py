"""What is held on an account or a person, as a report that names no contents."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from services.storage.catalog.database import Transaction
from services.storage.retention.rules import Rule
from services.storage.rights.holdings import HOLDINGS, count
from services.storage.rights.scope import Scope

_DAY = timedelta(days=1)


class Report:
    """Tells what is held, what for, for how long, where, and who else processes it."""

    def __init__(self, place: str, processors: Sequence[str], keeping: Sequence[Rule]) -> None:
        self._place = place
        self._processors = list(processors)
        self._keeping = {rule.name: rule for rule in keeping}

    async def of(self, tx: Transaction, scope: Scope) -> dict[str, Any]:
        """What is held in the scope now."""
        held = []
        for holding in HOLDINGS:
            number = await count(tx, holding, scope)
            if number:
                rule = self._keeping[holding.kept]
                kept = {"purpose": holding.purpose, "kept": _told(rule), "where": rule.where}
                held.append({"noun": holding.noun, "count": number, **kept})
        return {
            "at": (await tx.now()).isoformat(),
            "held": held,
            "place": self._place,
            "processors": self._processors,
        }


def _told(rule: Rule) -> str:
    """How long, in words."""
    if not rule.kept:
        return f"until {rule.since}"
    return f"{rule.kept / _DAY:g} days after {rule.since}"
