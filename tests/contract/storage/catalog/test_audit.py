"""The audit: chains that can only be added to, and that show what was done to them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Executable, delete, insert, select, update
from sqlalchemy.engine import URL

from services.common.errors import InvalidInput
from services.gateway.audit.records import Filter
from services.gateway.consents import NewConsent
from services.storage.audit.chain import CHECKPOINT, Entry, Link, Walk, statement
from services.storage.audit.ledger import SYSTEM, Ledger, NewEntry, note
from services.storage.audit.tables import audit_entries, audit_heads
from services.storage.catalog.database import Database, open_database
from tests.contract.storage.catalog.conftest import House, new_key

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


async def life(house: House, entries: int = 6) -> list[str]:
    """A chain that is signed up to the entry before the last."""
    ledger = house.audit_records.ledger
    await ledger.record([did(f"act_{n}") for n in range(1, entries)])
    await house.audit_records.checkpoints.sign()
    await ledger.record([did(f"act_{entries}")])
    found = await house.audit.verify(ACCOUNT)
    assert (found.first_seq, found.last_seq, found.problem) == (1, entries, "")
    assert found.checkpoint_seq == entries - 1
    return [entry.hash for entry in await chain(house.database)]


async def tampered(house: House, *statements: Executable) -> tuple[int, str]:
    """Where a chain breaks that somebody changed in the database, and why."""
    async with house.database.write() as tx:
        for statement in statements:
            await tx.execute(statement)
    found = await house.audit.verify(ACCOUNT)
    return found.broken_seq, found.problem


def row(seq: int) -> Any:
    return (audit_entries.c.account_id == ACCOUNT) & (audit_entries.c.seq == seq)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("actor", "key_2"),
        ("actor_kind", "person"),
        ("action", "nothing"),
        ("target", ""),
        ("outcome", "404"),
        ("reason", "because"),
        ("request_id", "rq_2"),
        ("address", "192.0.2.0/24"),
        ("at", datetime(2020, 1, 1, tzinfo=UTC)),
        ("previous_hash", "0" * 64),
        ("hash", "0" * 64),
    ],
)
async def test_no_field_can_be_changed(house: House, column: str, value: object) -> None:
    await life(house)
    change = update(audit_entries).where(row(3)).values({column: value})
    assert await tampered(house, change) == (3, "the entry was changed")


async def test_no_entry_can_be_taken_out(house: House) -> None:
    await life(house)
    assert await tampered(house, delete(audit_entries).where(row(3))) == (
        3,
        "1 entries are missing",
    )


@pytest.mark.parametrize("first_gone", [5, 6])
async def test_the_tail_can_not_be_cut_off(house: House, first_gone: int) -> None:
    hashes = await life(house)
    gone = delete(audit_entries).where(audit_entries.c.seq >= first_gone)
    assert (await tampered(house, gone))[0] == first_gone
    head = {"seq": first_gone - 1, "hash": hashes[first_gone - 2]}
    found = await tampered(house, update(audit_heads).values(head))
    # What was not signed yet leaves no trace; what was does.
    assert found == ((5, "the chain was signed up to entry 5") if first_gone == 5 else (0, ""))


async def test_entries_can_not_change_places(house: House) -> None:
    await life(house)
    away = update(audit_entries).where(row(2)).values(seq=99)
    back = update(audit_entries).where(row(99)).values(seq=3)
    found = await tampered(house, away, update(audit_entries).where(row(3)).values(seq=2), back)
    assert found == (2, "the entry was changed")


async def test_none_can_be_slipped_in(house: House) -> None:
    await life(house)
    entry = (await chain(house.database))[-1]
    late = replace(entry, seq=7, action="forged", previous_hash=entry.hash)
    values = asdict(replace(late, hash=late.computed_hash()))
    found = await tampered(house, insert(audit_entries).values(values))
    assert found == (7, "entries stand beyond the chain's head")


async def made_anew(house: House, actor: str) -> None:
    """The chain from the third entry on, as somebody without the key would make it."""
    entries, previous = list(await chain(house.database)), ""
    async with house.database.write() as tx:
        for entry in entries[2:]:
            forged = replace(entry, actor=actor, previous_hash=previous or entry.previous_hash)
            previous = forged.computed_hash()
            values = asdict(replace(forged, hash=previous))
            await tx.execute(update(audit_entries).where(row(entry.seq)).values(values))
        await tx.execute(update(audit_heads).values(hash=previous))


async def test_a_chain_made_anew_without_the_key_is_found(house: House) -> None:
    await life(house)
    await made_anew(house, "key_other")
    found = await house.audit.verify(ACCOUNT)
    assert (found.broken_seq, found.problem) == (5, "the chain is not the one that was signed")
    # And it is not signed from then on.
    await house.audit_records.ledger.record([did("later")])
    await house.audit_records.checkpoints.sign()
    assert (await house.audit.verify(ACCOUNT)).checkpoint_seq == 5


async def test_a_signature_can_not_be_made_up(house: House) -> None:
    hashes = await life(house)
    other = Ed25519PrivateKey.generate()
    text = statement(CHECKPOINT, ACCOUNT, Link(6, hashes[5]), datetime.now(UTC))
    values = {"checkpoint": text, "checkpoint_signature": other.sign(text.encode())}
    found = await tampered(house, update(audit_heads).values(values))
    assert found == (6, "the audit_checkpoint is not signed by the operator's key")


async def test_old_entries_go_and_what_is_left_verifies(house: House) -> None:
    await life(house)
    await Ledger(house.database).record([did("theirs", OTHER)])
    house.clock.advance(days=100)
    await Ledger(house.database).record([did("young")])
    checkpoints = house.audit_records.checkpoints
    assert await checkpoints.prune(datetime.now(UTC) + timedelta(days=99)) == 7
    found = await house.audit.verify(ACCOUNT)
    assert (found.first_seq, found.last_seq, found.problem) == (7, 7, "")
    await checkpoints.sign()
    found = await house.audit.verify(ACCOUNT)
    assert (found.checkpoint_seq, found.problem) == (7, "")
    assert (await house.audit.verify(OTHER)).first_seq == 0
    assert await checkpoints.prune(datetime.now(UTC) + timedelta(days=101)) == 1
    assert (await house.audit.verify(ACCOUNT)).problem == ""
    await Ledger(house.database).record([did("again"), did("again", OTHER)])
    assert (await house.audit.verify(ACCOUNT)).last_seq == 8
    assert (await house.audit.verify(OTHER)).problem == ""
    # Nobody else can have the oldest ones go.
    assert (await tampered(house, delete(audit_entries).where(row(8))))[0] == 8


async def test_entries_are_told_page_by_page_and_by_what_is_asked(house: House) -> None:
    ledger = Ledger(house.database)
    await ledger.record([did(f"act_{n}") for n in range(5)])
    between = datetime.now(UTC) + timedelta(hours=1)
    house.clock.advance(hours=2)
    await ledger.record([NewEntry(ACCOUNT, "us_1", "act_0", "st_1/dr_1", reason="why")])
    await ledger.record([did("theirs", OTHER)])
    page = await house.audit.list(ACCOUNT, Filter(), limit=4, cursor="")
    assert [entry.seq for entry in page.items] == [6, 5, 4, 3]
    rest = await house.audit.list(ACCOUNT, Filter(), limit=4, cursor=page.next_cursor)
    assert ([entry.seq for entry in rest.items], rest.next_cursor) == ([2, 1], "")
    for wanted, seqs in (
        (Filter(since=between), [6]),
        (Filter(until=between), [5, 4, 3, 2, 1]),
        (Filter(action="act_0"), [6, 1]),
        (Filter(actor="us_1"), [6]),
        (Filter(actor_kind="key", action="act_0"), [1]),
        (Filter(target="st_1"), [6]),
        (Filter(target="st_1/dr_1"), [6]),
        (Filter(target="st"), []),
    ):
        found = await house.audit.list(ACCOUNT, wanted, limit=100, cursor="")
        assert [entry.seq for entry in found.items] == seqs
    told = (await house.audit.list(ACCOUNT, Filter(), limit=1, cursor="")).items[0]
    assert asdict(told) == asdict((await chain(house.database))[-1])
    for limit, cursor in ((0, ""), (101, ""), (1, "none")):
        with pytest.raises(InvalidInput):
            await house.audit.list(ACCOUNT, Filter(), limit=limit, cursor=cursor)


async def test_a_thousand_entries_verify(house: House) -> None:
    for _ in range(3):
        await Ledger(house.database).record([did("act")] * 500)
    found = await house.audit.verify(ACCOUNT)
    assert (found.last_seq, found.problem) == (1_500, "")
    lines = b"".join([part async for part in house.audit.export(ACCOUNT)]).splitlines()
    assert len(lines) == 1_501


async def test_a_key_that_the_operator_makes_and_a_consent_that_runs_out_are_noted(
    house: House,
) -> None:
    account = await house.account()
    key, _ = await house.accounts.create_key(account.id, new_key("a way in"))
    until = datetime.now(UTC) + timedelta(hours=1)
    consent = await house.consents.create(
        account.id, NewConsent("Ada", ("avatar",), "Signed.", "key_1", until)
    )
    house.clock.advance(hours=2)
    await asyncio.gather(*(house.withdrawals.expire() for _ in range(3)))
    entries = await chain(house.database, account.id)
    told = [(entry.actor_kind, entry.action, entry.target) for entry in entries]
    assert told == [
        ("operator", "create_api_key", key.id),
        ("system", "expire_consent", consent.id),
    ]
