"""The ends of accounts: asked for, taken back within a time, or carried out."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import Row, insert, select, update

from services.common.errors import (
    AccountNotFound,
    Forbidden,
    InvalidInput,
    NotFound,
    StateConflict,
    StorageFull,
    Unavailable,
)
from services.common.ids import new_id
from services.storage.audit.ledger import SYSTEM, note
from services.storage.catalog.database import Database, Transaction
from services.storage.catalog.erasures import Erasures
from services.storage.catalog.streams import end_streams
from services.storage.identity.codes import Codes
from services.storage.identity.erasure import erase_account
from services.storage.identity.records import Deregistration, Role
from services.storage.identity.secrets import digest, new_secret
from services.storage.identity.tables import accounts, deregistrations, members
from services.storage.protection.vault import Vault
from services.storage.refs import ObjectRef

log = structlog.get_logger()

PURPOSE = "deregistration"
"""Of the code that shows who asks."""
MAX_REASON = 1_000
_RECEIPT = "vr"
_END_OF_STREAMS = "account_closing"
_LOOK_EVERY_S = 60.0
_RETRY_AFTER_S = 5.0
_AT_ONCE = 100
_TOLD = [
    column
    for column in deregistrations.c
    if column.name not in ("receipt_sha256", "reason", "erased")
]


class Deregistrations:
    """Ends accounts. Every method may raise Unavailable or StorageFull."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        codes: Codes,
        erasures: Erasures,
        cooling_off: timedelta,
    ) -> None:
        self._database = database
        self._vault = vault
        self._codes = codes
        self._erasures = erasures
        self._cooling_off = cooling_off

    async def request(
        self, account_id: str, person_id: str, code: str, *, reason: str
    ) -> tuple[Deregistration, str]:
        """Begins the end: nothing new is made, and live streams end, in the same step.

        The receipt, which nobody can tell again, opens the certificate when all is gone.

        Raises CodeInvalid, InvalidInput, AccountNotFound, Forbidden for who is no owner, and
        StateConflict when it has begun.
        """
        if len(reason) > MAX_REASON:
            raise InvalidInput(f"a reason has at most {MAX_REASON} characters")
        async with self._codes.confirmed(person_id, PURPOSE, code) as tx:
            await _require_owner(tx, account_id, person_id)
            return await self.begin(tx, account_id, requested_by=person_id, reason=reason)

    async def begin(
        self, tx: Transaction, account_id: str, *, requested_by: str, reason: str = ""
    ) -> tuple[Deregistration, str]:
        """Likewise, for whoever was found to be allowed to ask.

        Raises AccountNotFound, and StateConflict when it has begun.
        """
        account = await _locked(tx, account_id)
        if account.erases_at is not None:
            raise StateConflict("the account is being deregistered already")
        begun = await _begin(tx, account_id, requested_by, reason, self._cooling_off)
        await end_streams(tx, account_id, None, _END_OF_STREAMS)
        return begun

    async def erase_all(self, tx: Transaction, *, requested_by: str) -> None:
        """Has every account erased now, whatever else was asked: the service has ended."""
        now = await tx.now()
        waiting = update(deregistrations).where(*_OPEN, deregistrations.c.erases_at > now)
        await tx.execute(waiting.values(erases_at=now))
        begun = select(deregistrations.c.account_id).where(*_OPEN)
        others = select(accounts.c.id).where(
            accounts.c.erased_at.is_(None), accounts.c.id.not_in(begun)
        )
        for row in await tx.all(others.limit(_AT_ONCE).with_for_update()):
            await _begin(tx, row.id, requested_by, "", timedelta(0))

    async def get(self, account_id: str) -> Deregistration:
        """The one that has begun. Raises NotFound."""
        async with self._database.read() as tx:
            return Deregistration(**(await _begun(tx, account_id))._asdict())

    async def cancel(self, account_id: str) -> None:
        """Takes it back. Raises AccountNotFound, NotFound, StateConflict if late."""
        async with self._database.write() as tx:
            await _locked(tx, account_id)
            row, now = await _begun(tx, account_id), await tx.now()
            if row.erases_at <= now:
                raise StateConflict("the time to take it back is over")
            this = update(deregistrations).where(deregistrations.c.id == row.id)
            await tx.execute(this.values(cancelled_at=now))
            await _close(tx, account_id, None)
        log.info("account.open_again", account_id=account_id)

    async def erased(self, receipt: str) -> dict[str, Any]:
        """What is to be certified of an account of which nothing is left.

        Raises NotFound, StateConflict before its time, and Unavailable until the last
        object is gone.
        """
        query = select(deregistrations).where(deregistrations.c.receipt_sha256 == digest(receipt))
        async with self._database.read() as tx:
            row = await tx.one_or_none(query)
            if row is None:
                raise NotFound("no such receipt")
            if row.erased is None:
                raise StateConflict("the account was not erased")
            objects = [ObjectRef(*place.split("/", 1)) for place in row.erased["objects"]]
            if await self._erasures.left(tx, objects):
                raise Unavailable("not everything is erased yet", retry_after_s=_RETRY_AFTER_S)
        return {
            "type": "account_erasure",
            "deregistration_id": row.id,
            "account_id": row.account_id,
            "requested_at": row.requested_at.isoformat(),
            "erased_at": row.erased_at.isoformat(),
            **row.erased,
        }

    async def run(self) -> None:
        """Erases accounts whose time has come, again and again until cancelled."""
        while True:
            try:
                await self.erase_due()
            except (StorageFull, Unavailable) as error:
                log.warning("accounts.not_erased", reason=error.reason)
            await asyncio.sleep(_LOOK_EVERY_S)

    async def erase_due(self) -> None:
        """Erases accounts whose time has come, each in a step of its own."""
        while await self._erase_one():
            pass
        self._erasures.hurry()

    async def _erase_one(self) -> bool:
        async with self._database.write() as tx:
            now = await tx.now()
            due = (
                select(deregistrations.c.id, deregistrations.c.account_id)
                .where(*_OPEN, deregistrations.c.erases_at <= now)
                .limit(1)
                # Of several replicas that look at once, each takes another.
                .with_for_update(skip_locked=True)
            )
            row = await tx.one_or_none(due)
            if row is None:
                return False
            gone = await erase_account(tx, self._vault, self._erasures, row.account_id)
            erased = {
                "rows": gone.rows,
                "objects": [f"{ref.bucket}/{ref.key}" for ref in gone.objects],
                "people": gone.people,
            }
            this = update(deregistrations).where(deregistrations.c.id == row.id)
            await tx.execute(this.values(erased_at=now, erased=erased, reason=""))
            await note(
                tx, row.account_id, actor=SYSTEM, action="account.erased", target=row.account_id
            )
        log.info("account.erased", account_id=row.account_id, objects=len(gone.objects))
        return True


_OPEN = (deregistrations.c.cancelled_at.is_(None), deregistrations.c.erased_at.is_(None))


async def _begin(
    tx: Transaction, account_id: str, requested_by: str, reason: str, after: timedelta
) -> tuple[Deregistration, str]:
    receipt, now = new_secret(_RECEIPT), await tx.now()
    erases_at = now + after
    values = {
        "reason": await tx.seal(deregistrations.c.reason, account_id, reason),
        "id": new_id("dg"),
        "account_id": account_id,
        "requested_by": requested_by,
        "receipt_sha256": digest(receipt),
        "requested_at": now,
        "erases_at": erases_at,
    }
    row = await tx.one(insert(deregistrations).values(values).returning(*_TOLD))
    await _close(tx, account_id, erases_at)
    log.info("account.closing", account_id=account_id, erases_at=str(erases_at))
    return Deregistration(**row._asdict()), receipt


async def _begun(tx: Transaction, account_id: str) -> Row[Any]:
    mine = select(*_TOLD).where(deregistrations.c.account_id == account_id, *_OPEN)
    row = await tx.one_or_none(mine)
    if row is None:
        raise NotFound("the account is not being deregistered")
    return row


async def _locked(tx: Transaction, account_id: str) -> Row[Any]:
    mine = (accounts.c.id == account_id, accounts.c.erased_at.is_(None))
    row = await tx.one_or_none(select(accounts.c.erases_at).where(*mine).with_for_update())
    if row is None:
        raise AccountNotFound("no such account")
    return row


async def _close(tx: Transaction, account_id: str, erases_at: Any) -> None:
    this = update(accounts).where(accounts.c.id == account_id)
    await tx.execute(this.values(erases_at=erases_at))


async def _require_owner(tx: Transaction, account_id: str, person_id: str) -> None:
    mine = (members.c.account_id == account_id, members.c.person_id == person_id)
    row = await tx.one_or_none(select(members.c.role).where(*mine))
    if row is None or row.role is not Role.OWNER:
        raise Forbidden("an owner alone deregisters an account")
