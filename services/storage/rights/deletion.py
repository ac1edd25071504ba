"""Deletes a person's data, with all their consents; or an account, by deregistering it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from services.storage.catalog.database import Transaction
from services.storage.catalog.withdrawals import Withdrawals
from services.storage.identity.deregistrations import Deregistrations
from services.storage.rights.scope import Scope

_NOTE = "deletion asked for in {request_id}"


class Deletion:
    """Carries out requests for deletion."""

    def __init__(self, withdrawals: Withdrawals, deregistrations: Deregistrations) -> None:
        self._withdrawals = withdrawals
        self._deregistrations = deregistrations

    async def carry_out(
        self, tx: Transaction, row: Row[Any], scope: Scope
    ) -> dict[str, Any] | None:
        """Ends and erases; None while objects are still to be deleted.

        An account's deregistration begins; its report tells the receipt. Raises Conflict when it
        has begun.
        """
        if scope.consent_ids is None:
            begun, receipt = await self._deregistrations.begin(
                tx, row.account_id, requested_by=row.requested_by
            )
            return {"erases_at": begun.erases_at.isoformat(), "receipt": receipt}
        note = _NOTE.format(request_id=row.id)
        for consent_id in scope.consent_ids:
            await self._withdrawals.erase(tx, row.account_id, consent_id, note=note)
        for consent_id in scope.consent_ids:
            if not await self._withdrawals.is_erased(tx, row.account_id, consent_id):
                return None
        return {"consents": list(scope.consent_ids)}
