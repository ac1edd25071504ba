"""New names in the place of wrong ones."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import Column, ColumnElement, Table, select, update

from services.common.errors import ConsentNotFound, InvalidInput
from services.storage.catalog.consents import consent_record, find_consent
from services.storage.catalog.database import Transaction
from services.storage.catalog.records import Consent
from services.storage.catalog.tables import avatars
from services.storage.identity.tables import accounts
from services.storage.rights.scope import Scope
from services.storage.subjects.subjects import rename_subject

MAX_CORRECTIONS = 100
_MAX_NAME = 200


@dataclass(frozen=True, slots=True)
class _Name:
    """Where a name lies."""

    table: Table
    column: str

    @property
    def value(self) -> Column[str]:
        return self.table.c[self.column]


_NAMES = {
    "ac": _Name(accounts, "name"),
    "av": _Name(avatars, "name"),
}
"""By the first letters of the ids of what has a name of its own."""
_CONSENT = "cn"
"""What names a subject."""


async def check_corrections(tx: Transaction, scope: Scope, corrections: Mapping[str, str]) -> None:
    """Returns when each names something of that scope. Raises InvalidInput."""
    if len(corrections) > MAX_CORRECTIONS:
        raise InvalidInput(f"at most {MAX_CORRECTIONS} corrections at once")
    for target, value in corrections.items():
        if not value.strip() or len(value) > _MAX_NAME:
            raise InvalidInput(f"a name has 1 to {_MAX_NAME} characters")
        if await present_name(tx, scope, target) is None:
            raise InvalidInput(f"{target} is nothing that this request is about")


async def present_name(tx: Transaction, scope: Scope, target: str) -> str | None:
    """The name that something has; None: it is not there, or not of that scope."""
    kind = target.partition("_")[0]
    if kind == _CONSENT:
        consent = await _consent(tx, scope, target)
        return consent.subject if consent else None
    name = _NAMES.get(kind)
    if name is None:
        return None
    row = await tx.one_or_none(select(name.value).where(*_this(name, scope, target)))
    return None if row is None else str(row[0])


async def correct(tx: Transaction, scope: Scope, target: str, value: str) -> None:
    """Gives something another name."""
    kind = target.partition("_")[0]
    if kind == _CONSENT:
        if consent := await _consent(tx, scope, target):
            await rename_subject(tx, scope.account_id, consent.subject_id, value)
        return
    name = _NAMES[kind]
    changed = update(name.table).where(*_this(name, scope, target))
    await tx.execute(changed.values({name.column: value}))


async def _consent(tx: Transaction, scope: Scope, consent_id: str) -> Consent | None:
    """One of the scope whose person is not erased."""
    if not scope.is_whole and consent_id not in (scope.consent_ids or ()):
        return None
    with suppress(ConsentNotFound):
        row = await find_consent(tx, scope.account_id, consent_id)
        consent = await consent_record(tx, row)
        return consent if consent.subject else None
    return None


def _this(name: _Name, scope: Scope, target: str) -> tuple[ColumnElement[bool], ...]:
    table = name.table
    if table is accounts:
        mine = (table.c.id == scope.account_id,)
        within = scope.is_whole
    else:
        mine = (table.c.account_id == scope.account_id,)
        within = scope.is_whole or target in scope.avatar_ids
    return (table.c.id == (target if within else ""), *mine)
