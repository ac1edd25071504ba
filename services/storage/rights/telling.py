"""What is held, as JSON can say it."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import asdict, is_dataclass
from datetime import date
from typing import Any

from sqlalchemy import Row

from services.common.errors import KeyErased
from services.storage.catalog.database import Transaction
from services.storage.catalog.tables import Sealed
from services.storage.protection.vault import Vault
from services.storage.refs import ObjectRef
from services.storage.rights.holdings import Holding
from services.storage.rights.scope import Scope


async def told(
    tx: Transaction, vault: Vault, holding: Holding, scope: Scope, row: Row[Any]
) -> dict[str, Any]:
    """A row as JSON can say it, without what is untold, and unsealed."""
    values: dict[str, Any] = {}
    sealed = holding.sealed or {}
    owner_id = row._mapping[holding.owner] if holding.owner else scope.account_id
    for name, value in row._mapping.items():
        if name in holding.untold:
            continue
        column = holding.table.c[name]
        if name in sealed and value is not None:
            opening = vault.unseal(tx, owner_id, value, field=sealed[name])
            values[name] = await _unless_erased(opening)
        elif isinstance(column.type, Sealed) and value is not None:
            values[name] = await _unless_erased(tx.unseal(column, scope.account_id, value))
        else:
            values[name] = _plain(value)
    return values


async def _unless_erased(opening: Awaitable[str]) -> str | None:
    """The text; None: it was erased with its owner's key."""
    try:
        return await opening
    except KeyErased:
        return None


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, ObjectRef):
        return f"{value.bucket}/{value.key}"
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return value
