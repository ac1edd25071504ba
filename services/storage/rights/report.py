"""What is held on an account or a person, as a report that names no contents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from services.storage.catalog.database import Transaction
from services.storage.rights.holdings import HOLDINGS, count
from services.storage.rights.scope import Scope


@dataclass(frozen=True, slots=True)
class Report:
    """Tells what is held, what for, for how long, where, and who else processes it."""

    place: str
    """Where the operator keeps it; empty: not said."""
    processors: Sequence[str]
    """Who else processes it for the operator."""

    async def of(self, tx: Transaction, scope: Scope) -> dict[str, Any]:
        """What is held in the scope now."""
        held = []
        for holding in HOLDINGS:
            number = await count(tx, holding, scope)
            if number:
                kept = {"purpose": holding.purpose, "kept": holding.kept}
                held.append({"noun": holding.noun, "count": number, **kept})
        return {
            "at": (await tx.now()).isoformat(),
            "held": held,
            "place": self.place,
            "processors": list(self.processors),
        }
