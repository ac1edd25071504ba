"""Appends to the audit: one chain for each account, and one for the operator."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from services.common.errors import InvalidInput
from services.common.logging import current_request_id
from services.storage.audit.chain import GENESIS, Entry
from services.storage.audit.tables import audit_entries, audit_heads
from services.storage.catalog.database import Database, Transaction

OPERATOR = ""
"""The account id of the operator's own chain."""
SYSTEM = "system"
"""Who acts when a time has come."""
DONE = "done"
MAX_AT_ONCE = 500
_FIELDS = {
    "actor": 120,
    "action": 80,
    "target": 240,
    "outcome": 20,
    "reason": 1_000,
    "request_id": 64,
    "address": 50,
}
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_KINDS = {"key": "key", "us": "person", "st": "token", "operator": "operator"}
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class NewEntry:
    """What is to be noted; ids only, never content."""

    account_id: str
    """Whose chain; `OPERATOR`: the operator's."""
    actor: str
    action: str
    target: str
    outcome: str = DONE
    reason: str = ""
    request_id: str = ""
    address: str = ""


class Ledger:
    """The audit, as the services write it. Every method may raise Unavailable or StorageFull."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(self, new: Sequence[NewEntry]) -> None:
        """Appends entries, each to its chain: all of them or none. Raises InvalidInput."""
        if len(new) > MAX_AT_ONCE:
            raise InvalidInput(f"at most {MAX_AT_ONCE} entries at once")
        async with self._database.write() as tx:
            await append(tx, new)


async def note(
    tx: Transaction, account_id: str, *, actor: str, action: str, target: str, reason: str = ""
) -> None:
    """Notes what a transaction does; the entry is there with its commit, and only then.

    `actor` is an id, `operator:NAME`, or `SYSTEM`; `target` is an id. Nothing of it may be content.
    Raises InvalidInput for what is too long or no text.
    """
    request_id = current_request_id() or ""
    entry = NewEntry(account_id, actor, action, target, reason=reason, request_id=request_id)
    await append(tx, [entry])


async def append(tx: Transaction, new: Sequence[NewEntry]) -> None:
    """Appends entries at the end of the transaction, in the order of calls. Raises InvalidInput."""
    for entry in new:
        _check(entry)
    chain = attrgetter("account_id")
    for account_id, entries in groupby(sorted(new, key=chain), chain):
        tx.at_last(f"audit {account_id}", partial(_append, tx, account_id, tuple(entries)))


async def _append(tx: Transaction, account_id: str, new: Sequence[NewEntry]) -> None:
    head = await _locked_head(tx, account_id)
    link_hash, at = head.hash, max(await tx.now(), head.at)
    rows = []
    for seq, one in enumerate(new, head.seq + 1):
        entry = Entry(
            account_id=account_id,
            seq=seq,
            at=at,
            actor=one.actor,
            actor_kind=_KINDS.get(re.split("[_:]", one.actor, maxsplit=1)[0], SYSTEM),
            action=one.action,
            target=one.target,
            outcome=one.outcome,
            reason=one.reason,
            request_id=one.request_id,
            address=one.address,
            previous_hash=link_hash,
            hash="",
        )
        link_hash = entry.computed_hash()
        rows.append({name: getattr(entry, name) for name in Entry.__slots__} | {"hash": link_hash})
    await tx.execute(insert(audit_entries).values(rows))
    values = {"seq": head.seq + len(rows), "hash": link_hash, "at": at}
    await tx.execute(update(audit_heads).where(_of(account_id)).values(values))


async def _locked_head(tx: Transaction, account_id: str) -> Row[Any]:
    """The chain's head, which nobody else moves before the transaction ends."""
    query = select(audit_heads).where(_of(account_id)).with_for_update()
    row = await tx.one_or_none(query)
    if row is not None:
        return row
    new = {
        "account_id": account_id,
        "seq": GENESIS.seq,
        "hash": GENESIS.hash,
        "at": _LONG_AGO,
        "anchor_seq": 0,
        "checkpoint_seq": 0,
    }
    try:
        async with tx.savepoint():
            return await tx.one(insert(audit_heads).values(new).returning(*audit_heads.c))
    except IntegrityError:
        # Another replica was first.
        return await tx.one(query)


def _of(account_id: str) -> Any:
    return audit_heads.c.account_id == account_id


def _check(entry: NewEntry) -> None:
    for name, longest in _FIELDS.items():
        value = getattr(entry, name)
        if len(value) > longest or _CONTROL.search(value):
            raise InvalidInput(f"{name} of an audit entry must be a line of up to {longest}")
    if not (entry.actor and entry.action and entry.outcome):
        raise InvalidInput("an audit entry says who did what, and how it ended")
