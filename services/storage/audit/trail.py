"""Reads the audit: page by page, as an export, and to verify it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, func, select

from services.common.errors import InvalidInput
from services.storage.audit.chain import (
    ANCHOR,
    CHECKPOINT,
    GENESIS,
    HEAD,
    Broken,
    Entry,
    Link,
    Signed,
    Walk,
    canonical,
    link_of,
    statement,
)
from services.storage.audit.tables import audit_entries, audit_heads
from services.storage.catalog.certificates import Signer
from services.storage.catalog.database import Database, Transaction
from services.storage.catalog.page import MAX_LIMIT, Page

_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Filter:
    """Which entries are wanted; what is None or empty does not matter."""

    since: datetime | None = None
    until: datetime | None = None
    """Before it."""
    actor: str = ""
    actor_kind: str = ""
    action: str = ""
    target: str = ""
    """An id: what was done to it, or to what is below it."""

    def conditions(self) -> list[ColumnElement[bool]]:
        """As SQL."""
        entry = audit_entries.c
        wanted: list[ColumnElement[bool]] = [
            column == value
            for column, value in (
                (entry.actor, self.actor),
                (entry.actor_kind, self.actor_kind),
                (entry.action, self.action),
            )
            if value
        ]
        if self.target:
            below = entry.target.startswith(f"{self.target}/", autoescape=True)
            wanted.append((entry.target == self.target) | below)
        if self.since is not None:
            wanted.append(entry.at >= self.since)
        if self.until is not None:
            wanted.append(entry.at < self.until)
        return wanted


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a chain was found to be."""

    account_id: str
    first_seq: int
    """Of the entries that there are; 0: there are none."""
    last_seq: int
    checkpoint_seq: int
    """Up to here the operator's key vouches for it."""
    broken_seq: int
    """The first entry that is wrong; 0 where none is, or where what is wrong is no entry."""
    problem: str
    """What is wrong; empty: the chain is whole."""


class Trail:
    """The audit, as it is read. Every method may raise Unavailable."""

    def __init__(self, database: Database, public_keys: Collection[bytes]) -> None:
        self._database = database
        self._public_keys = public_keys

    async def list(
        self, account_id: str, wanted: Filter, *, limit: int, cursor: str
    ) -> Page[Entry]:
        """A page of a chain's entries, newest first. Raises InvalidInput."""
        if not 1 <= limit <= MAX_LIMIT:
            raise InvalidInput(f"limit must be from 1 to {MAX_LIMIT}")
        query = select(audit_entries).where(_in(account_id), *wanted.conditions())
        if cursor:
            query = query.where(audit_entries.c.seq < _decode(cursor))
        query = query.order_by(audit_entries.c.seq.desc()).limit(limit + 1)
        async with self._database.read() as tx:
            rows = await tx.all(query)
        more = len(rows) > limit
        return Page(tuple(map(_entry, rows[:limit])), _encode(rows[limit - 1].seq) if more else "")

    async def export(self, account_id: str, signer: Signer) -> AsyncIterator[bytes]:
        """The whole chain as lines of JSON: its anchor, if it has one, all entries, its head.

        An export during which the oldest entries are deleted does not verify; another one does.
        """
        async with self._database.read() as tx:
            head, now = await find_head(tx, account_id), await tx.now()
        last = Link(head.seq, head.hash) if head else GENESIS
        if head and head.anchor:
            yield _line(signed_json(Signed(head.anchor, head.anchor_signature), ANCHOR))
        async for rows in self._pages(account_id, head.anchor_seq if head else 0, last.seq):
            yield b"".join(_line({**entry.as_json(), "hash": entry.hash}) for entry in rows)
        text = statement(HEAD, account_id, last, now)
        yield _line(signed_json(Signed(text, signer.sign(text.encode())), HEAD))

    async def verify(self, account_id: str) -> Verdict:
        """Walks a chain from its beginning to its end."""
        while True:
            anchor_seq, verdict = await self._walk(account_id)
            async with self._database.read() as tx:
                head = await find_head(tx, account_id)
            # The oldest entries may be deleted while it is walked.
            if not verdict.problem or head is None or head.anchor_seq == anchor_seq:
                return verdict

    async def chains(self) -> Sequence[str]:
        """The account ids of all chains."""
        async with self._database.read() as tx:
            known = {row.account_id for row in await tx.all(select(audit_heads.c.account_id))}
            entries = select(audit_entries.c.account_id).distinct()
            return sorted(known | {row.account_id for row in await tx.all(entries)})

    async def entries(self, account_id: str) -> AsyncIterator[Entry]:
        """All entries of a chain, in order."""
        async with self._database.read() as tx:
            head = await find_head(tx, account_id)
        if head is not None:
            async for some in self._pages(account_id, head.anchor_seq, head.seq):
                for entry in some:
                    yield entry

    async def _walk(self, account_id: str) -> tuple[int, Verdict]:
        async with self._database.read() as tx:
            # The entries first: what is noted in between is beyond neither.
            last = (await tx.one(select(func.max(audit_entries.c.seq)).where(_in(account_id))))[0]
            head = await find_head(tx, account_id)
        if head is None:
            problem = "the chain's head is missing" if last else ""
            return 0, Verdict(account_id, 0, last or 0, 0, 0, problem)
        first = head.anchor_seq + 1 if head.seq > head.anchor_seq else 0
        broken, signed_seq = Broken(0, ""), 0
        try:
            walk = Walk(account_id, self._start(head))
            signed = self._checkpoint(head)
            signed_seq = signed.seq
            await self._follow(walk, head, signed)
            _end(walk, head, last or 0)
        except Broken as found:
            broken = found
        verdict = Verdict(account_id, first, head.seq, signed_seq, broken.seq, broken.what)
        return head.anchor_seq, verdict

    async def _follow(self, walk: Walk, head: Row[Any], signed: Link) -> None:
        async for entries in self._pages(head.account_id, walk.at.seq, head.seq):
            for entry in entries:
                walk.step(entry)
                if entry.seq == signed.seq and entry.hash != signed.hash:
                    raise Broken(entry.seq, "the chain is not the one that was signed")

    def _start(self, head: Row[Any]) -> Link:
        """Where a chain begins. Raises Broken."""
        if head.anchor is None:
            return GENESIS
        anchor = Signed(head.anchor, head.anchor_signature or b"")
        return link_of(anchor, ANCHOR, head.account_id, self._public_keys)

    def _checkpoint(self, head: Row[Any]) -> Link:
        """How far a chain is signed. Raises Broken."""
        if head.checkpoint is None:
            return GENESIS
        signed = Signed(head.checkpoint, head.checkpoint_signature or b"")
        link = link_of(signed, CHECKPOINT, head.account_id, self._public_keys)
        if link.seq > head.seq:
            raise Broken(head.seq + 1, f"the chain was signed up to entry {link.seq}")
        return link

    async def _pages(
        self, account_id: str, after: int, last: int
    ) -> AsyncIterator[Sequence[Entry]]:
        """The entries in between, in order."""
        entry = audit_entries.c
        while after < last:
            query = select(audit_entries).where(_in(account_id), entry.seq > after)
            some = query.where(entry.seq <= last).order_by(entry.seq).limit(_AT_ONCE)
            async with self._database.read() as tx:
                rows = await tx.all(some)
            if not rows:
                return
            yield [_entry(row) for row in rows]
            after = rows[-1].seq


def _end(walk: Walk, head: Row[Any], last: int) -> None:
    """Looks at where a chain ended. Raises Broken."""
    if walk.at.seq < head.seq:
        raise Broken(walk.at.seq + 1, f"the last {head.seq - walk.at.seq} entries are missing")
    if walk.at.hash != head.hash:
        raise Broken(head.seq, "the chain's head is of another chain")
    if last > head.seq:
        raise Broken(head.seq + 1, "entries stand beyond the chain's head")


async def find_head(tx: Transaction, account_id: str) -> Row[Any] | None:
    """A chain's head; None: nothing was ever noted."""
    query = select(audit_heads).where(audit_heads.c.account_id == account_id)
    return await tx.one_or_none(query)


def signed_json(signed: Signed, kind: str) -> dict[str, Any]:
    """A signed statement as a line of an export."""
    return {
        "type": kind,
        "statement": signed.statement,
        "signature": base64.b64encode(signed.signature).decode(),
    }


def _in(account_id: str) -> ColumnElement[bool]:
    return audit_entries.c.account_id == account_id


def _entry(row: Row[Any]) -> Entry:
    return Entry(**row._asdict())


def _line(value: dict[str, Any]) -> bytes:
    return canonical(value) + b"\n"


def _encode(seq: int) -> str:
    return base64.urlsafe_b64encode(f"seq {seq}".encode()).decode().rstrip("=")


def _decode(cursor: str) -> int:
    try:
        told = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        return int(told.removeprefix("seq "))
    except (binascii.Error, UnicodeError, ValueError):
        raise InvalidInput("this cursor is of no list") from None
