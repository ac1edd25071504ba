"""The audit: chains that can only be added to, and that show what was done to them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import pytest
from sqlalchemy import select
from sqlalchemy.engine import URL

from services.common.errors import InvalidInput
from services.storage.audit.chain import Entry, Walk
from services.storage.audit.ledger import SYSTEM, Ledger, NewEntry, note
from services.storage.audit.tables import audit_entries
from services.storage.catalog.database import Database, open_database
from tests.contract.storage.catalog.conftest import House

ACCOUNT, OTHER = "ac_1", "ac_2"


def did(action: str, account_id: str = ACCOUNT, **more: str) -> NewEntry:
    return NewEntry(account_id, "key_1", action, "vd_1", **more)


async def chain(database: Database, account_id: str = ACCOUNT) -> Sequence[Entry]:
    mine = audit_entries.c.account_id == account_id
    query = select(audit_entries).where(mine).order_by(audit_entries.c.seq)
    async with database.read() as tx:
        return [Entry(**row._asdict()) for row in await tx.all(query)]


async def test_what_is_noted_stands_or_falls_with_its_transaction(house: House) -> None:
    async with house.database.write() as tx:
        await note(tx, ACCOUNT, actor=SYSTEM, action="expire_consent", target="cn_1", reason="over")
    with suppress(ZeroDivisionError):
        async with house.database.write() as tx:
            await note(tx, ACCOUNT, actor="key_1", action="delete_video", target="vd_1")
            raise ZeroDivisionError
    async with house.database.write() as tx:
        with suppress(ZeroDivisionError):
            async with tx.savepoint():
                await note(tx, ACCOUNT, actor="key_1", action="delete_video", target="vd_1")
                raise ZeroDivisionError
        await note(tx, ACCOUNT, actor="us_1", action="delete_avatar", target="av_1")
    first, second = await chain(house.database)
    assert (first.actor_kind, first.action, first.target) == ("system", "expire_consent", "cn_1")
    assert (first.seq, first.outcome, first.reason) == (1, "done", "over")
    assert (second.seq, second.actor_kind, second.target) == (2, "person", "av_1")
    async with house.database.read() as tx:
        with pytest.raises(RuntimeError):
            await note(tx, ACCOUNT, actor=SYSTEM, action="look", target="cn_1")


async def test_each_chain_is_its_account_s_own(house: House) -> None:
    ledger = Ledger(house.database)
    await ledger.record([did("a", OTHER), did("b"), did("c", OTHER), did("d", "")])
    assert [entry.action for entry in await chain(house.database, OTHER)] == ["a", "c"]
    assert [entry.seq for entry in await chain(house.database)] == [1]
    assert [entry.action for entry in await chain(house.database, "")] == ["d"]


@pytest.mark.parametrize(
    "entry",
    [did(""), did("a" * 81), did("a\nb"), did("a", reason="x" * 1_001), did("a", outcome="")],
)
async def test_an_entry_is_a_few_short_lines(house: House, entry: NewEntry) -> None:
    with pytest.raises(InvalidInput):
        await Ledger(house.database).record([did("good"), entry])
    assert not await chain(house.database)


async def test_replicas_that_note_at_once_make_one_chain(house: House, url: URL) -> None:
    async with open_database(url, connections=5, clock=house.clock) as another:
        ledgers = Ledger(house.database), Ledger(another)
        both = [did("act"), did("act", OTHER)]
        ways = (both, both[::-1])
        await asyncio.gather(*(ledgers[n % 2].record(ways[n // 2 % 2]) for n in range(20)))
    for account_id in (ACCOUNT, OTHER):
        walk = Walk(account_id)
        for entry in await chain(house.database, account_id):
            walk.step(entry)
        assert walk.at.seq == 20
