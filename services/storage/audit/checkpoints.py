"""Vouches for the audit by signature: how far each chain goes, and where it begins."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Row, delete, func, select, update

from services.common.errors import StorageFull, Unavailable
from services.storage.audit.chain import (
    ANCHOR,
    CHECKPOINT,
    GENESIS,
    Broken,
    Entry,
    Link,
    Signed,
    Walk,
    link_of,
    statement,
)
from services.storage.audit.tables import audit_entries, audit_heads
from services.storage.catalog.certificates import Signer
from services.storage.catalog.database import Database, Transaction

log = structlog.get_logger()

_EVERY_S = 60.0
_CHAINS_AT_ONCE = 100
_ENTRIES_AT_ONCE = 5_000
"""While a chain is signed, nothing can be noted in it."""


class Checkpoints:
    """Signs chains. Every method may raise Unavailable or StorageFull."""

    def __init__(self, database: Database, signer: Signer) -> None:
        self._database = database
        self._signer = signer

    async def run(self) -> None:
        """Signs what is new, each minute until cancelled."""
        while True:
            try:
                await self.sign()
            except (StorageFull, Unavailable) as error:
                log.warning("audit.not_signed", reason=error.reason)
            await asyncio.sleep(_EVERY_S)

    async def sign(self) -> None:
        """Signs every chain that has grown, after looking at what was added.

        The log gets each checkpoint, too: who keeps it elsewhere can tell that a chain was made
        anew. A chain that does not follow what was signed before is not signed again.
        """
        after: str | None = None
        while (after := await self._sign_some(after)) is not None:
            pass

    async def prune(self, before: datetime) -> int:
        """Deletes all entries from before that time; how many. What is left still verifies."""
        return sum([await self._prune(account_id, before) for account_id in await self._chains()])

    async def _sign_some(self, after: str | None) -> str | None:
        """Signs the next chains; the last one looked at, None at the end."""
        grown = select(audit_heads).where(audit_heads.c.seq > audit_heads.c.checkpoint_seq)
        if after is not None:
            grown = grown.where(audit_heads.c.account_id > after)
        some = grown.order_by(audit_heads.c.account_id).limit(_CHAINS_AT_ONCE)
        async with self._database.read() as tx:
            ids = [row.account_id for row in await tx.all(some)]
        for account_id in ids:
            async with self._database.write() as tx:
                await self._sign(tx, account_id)
        return ids[-1] if ids else None

    async def _sign(self, tx: Transaction, account_id: str) -> None:
        head = await _locked(tx, account_id)
        # Another replica may have been first.
        if head is None or head.seq == head.checkpoint_seq:
            return
        try:
            walk = Walk(account_id, self._signed(head))
            await _extend(tx, walk, head)
        except Broken as broken:
            found = {"seq": broken.seq, "problem": broken.what}
            log.error("audit.broken", account_id=account_id, **found)  # noqa: TRY400 - no defect
            return
        text = statement(CHECKPOINT, account_id, walk.at, await tx.now())
        values = {
            "checkpoint": text,
            "checkpoint_signature": self._signer.sign(text.encode()),
            "checkpoint_seq": walk.at.seq,
        }
        this = update(audit_heads).where(audit_heads.c.account_id == account_id)
        await tx.execute(this.values(values))
        log.info("audit.checkpoint", account_id=account_id, seq=walk.at.seq, hash=walk.at.hash)

    def _signed(self, head: Row[Any]) -> Link:
        """From where on a chain is not signed yet. Raises Broken."""
        keys = (self._signer.public_key,)
        start = GENESIS
        if head.anchor is not None:
            anchor = Signed(head.anchor, head.anchor_signature or b"")
            start = link_of(anchor, ANCHOR, head.account_id, keys)
        if head.checkpoint is None:
            return start
        checkpoint = Signed(head.checkpoint, head.checkpoint_signature or b"")
        return max(start, link_of(checkpoint, CHECKPOINT, head.account_id, keys), key=_seq)

    async def _chains(self) -> list[str]:
        async with self._database.read() as tx:
            return [row.account_id for row in await tx.all(select(audit_heads.c.account_id))]

    async def _prune(self, account_id: str, before: datetime) -> int:
        entry = audit_entries.c
        mine = entry.account_id == account_id
        async with self._database.write() as tx:
            head = await _locked(tx, account_id)
            old = select(func.max(entry.seq)).where(mine, entry.at < before)
            last = (await tx.one(old))[0]
            if head is None or last is None:
                return 0
            row = await tx.one(select(audit_entries).where(mine, entry.seq == last))
            gone = await tx.execute(delete(audit_entries).where(mine, entry.seq <= last))
            text = statement(ANCHOR, account_id, Link(last, row.hash), await tx.now())
            values = {
                "anchor": text,
                "anchor_signature": self._signer.sign(text.encode()),
                "anchor_seq": last,
            }
            this = update(audit_heads).where(audit_heads.c.account_id == account_id)
            await tx.execute(this.values(values))
        log.info("audit.pruned", account_id=account_id, entries=gone, seq=last, hash=row.hash)
        return gone


async def _locked(tx: Transaction, account_id: str) -> Row[Any] | None:
    query = select(audit_heads).where(audit_heads.c.account_id == account_id)
    return await tx.one_or_none(query.with_for_update())


async def _extend(tx: Transaction, walk: Walk, head: Row[Any]) -> None:
    """Follows a chain towards its end, so far as it goes at once. Raises Broken."""
    entry = audit_entries.c
    ahead = (entry.account_id == walk.account_id, entry.seq > walk.at.seq, entry.seq <= head.seq)
    query = select(audit_entries).where(*ahead).order_by(entry.seq).limit(_ENTRIES_AT_ONCE)
    rows = await tx.all(query)
    for row in rows:
        walk.step(Entry(**row._asdict()))
    if len(rows) < _ENTRIES_AT_ONCE and walk.at != Link(head.seq, head.hash):
        raise Broken(walk.at.seq + 1, "the chain does not end as its head says")


def _seq(link: Link) -> int:
    return link.seq
