"""Deletes a person's data: all their consents end, with everything that was made under them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from services.common.errors import Conflict
from services.storage.catalog.database import Transaction
from services.storage.catalog.withdrawals import Withdrawals
from services.storage.rights.scope import Scope

_NOTE = "deletion asked for in {request_id}"


class Deletion:
    """Carries out requests for deletion."""

    def __init__(self, withdrawals: Withdrawals) -> None:
        self._withdrawals = withdrawals

    async def carry_out(
        self, tx: Transaction, row: Row[Any], scope: Scope
    ) -> dict[str, Any] | None:
        """Ends and erases; None while objects are still to be deleted.

        Raises Conflict for an account: that is the operator's.
        """
        if scope.consent_ids is None:
            raise Conflict("an account is deleted by its operator")
        note = _NOTE.format(request_id=row.id)
        for consent_id in scope.consent_ids:
            await self._withdrawals.erase(tx, row.account_id, consent_id, note=note)
        for consent_id in scope.consent_ids:
            if not await self._withdrawals.is_erased(tx, row.account_id, consent_id):
                return None
        return {"consents": list(scope.consent_ids)}
