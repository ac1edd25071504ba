"""Under which agreement pictures may go without the visible mark, and which did.

China's measures for labelling (art. 9) allow it to those who asked for it, took over the duty to
label, and are on record for six months. The records here stay.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Row, insert, select, update

from services.common.errors import AgreementRequired, StateConflict
from services.common.ids import new_id
from services.storage.catalog.database import Database, Transaction
from services.storage.identity.accounts import require_account
from services.storage.provenance.tables import unlabelled_agreements, unlabelled_outputs

log = structlog.get_logger()

VERSION = "2026-11"
TEXT = (
    "Pictures that we make for you bear a visible mark that they were generated. You ask for "
    "pictures without it. You know that generated content has to be labelled where it is shown: "
    "you label it yourself before anybody sees it, in the way that the law of the place asks for, "
    "and answer for it. Labels in the file and its signed manifest stay; you do not take them out. "
    "You use nothing of it to deceive. We record who accepted this, when, and which videos and "
    "streams were made under it, and keep that record for at least six months."
)
AGREEMENT_ID = "ua"
UNMARKED = "unmarked"
"""In the look of a video or a stream: its pictures bear no mark."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """What is asked of accounts, and what one of them has accepted."""

    accepted_by: str = ""
    accepted_at: datetime | None = None
    """None: it does not hold."""
    version: str = VERSION
    text: str = TEXT


class Agreements:
    """The record of agreements. Every method may raise Unavailable or StorageFull."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, account_id: str) -> Agreement:
        """What is asked now, and whether it holds. Raises AccountNotFound."""
        async with self._database.read() as tx:
            await require_account(tx, account_id)
            return _agreement(await _held(tx, account_id))

    async def accept(self, account_id: str, version: str, *, actor_id: str) -> Agreement:
        """Records that it was accepted. Raises AccountNotFound, StateConflict."""
        async with self._database.write() as tx:
            await require_account(tx, account_id)
            if version != VERSION:
                raise StateConflict(f"the version to accept is {VERSION}")
            if (held := await _held(tx, account_id)) is not None:
                return _agreement(held)
            await _end(tx, account_id, actor_id)
            values = {
                "id": new_id(AGREEMENT_ID),
                "account_id": account_id,
                "version": VERSION,
                "text": TEXT,
                "accepted_by": actor_id,
                "accepted_at": await tx.now(),
                "ended_by": "",
            }
            await tx.execute(insert(unlabelled_agreements).values(values))
            return _agreement(await _held(tx, account_id))

    async def end(self, account_id: str, *, actor_id: str) -> None:
        """Ends it, if it holds."""
        async with self._database.write() as tx:
            await _end(tx, account_id, actor_id)


async def permit(tx: Transaction, account_id: str, output_id: str, look: Mapping[str, Any]) -> None:
    """Records a video or a stream that goes without the mark. Raises AgreementRequired."""
    if not look.get(UNMARKED):
        return
    held = await _held(tx, account_id)
    if held is None:
        raise AgreementRequired("pictures without the mark need an agreement")
    values = {
        "output_id": output_id,
        "account_id": account_id,
        "agreement_id": held.id,
        "created_at": await tx.now(),
    }
    await tx.execute(insert(unlabelled_outputs).values(values))
    log.info("output.unlabelled", output_id=output_id, agreement_id=held.id)


async def _held(tx: Transaction, account_id: str) -> Row[Any] | None:
    """The agreement of today's version that holds."""
    mine = (
        unlabelled_agreements.c.account_id == account_id,
        unlabelled_agreements.c.version == VERSION,
        unlabelled_agreements.c.ended_at.is_(None),
    )
    latest = unlabelled_agreements.c.id.desc()
    query = select(unlabelled_agreements).where(*mine).order_by(latest).limit(1)
    return await tx.one_or_none(query)


async def _end(tx: Transaction, account_id: str, actor_id: str) -> None:
    mine = (
        unlabelled_agreements.c.account_id == account_id,
        unlabelled_agreements.c.ended_at.is_(None),
    )
    values = {"ended_at": await tx.now(), "ended_by": actor_id}
    await tx.execute(update(unlabelled_agreements).where(*mine).values(values))


def _agreement(held: Row[Any] | None) -> Agreement:
    return Agreement() if held is None else Agreement(held.accepted_by, held.accepted_at)
