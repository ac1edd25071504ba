"""Full, locked, restarted, cancelled: what callers see, and that it passes."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError

from services.common.errors import (
    AccountNotFound,
    DomainError,
    InvalidInput,
    StateConflict,
    StorageFull,
    Unavailable,
)
from services.storage.catalog import database as database_module
from services.storage.catalog.database import open_database
from services.storage.catalog.failures import domain_error
from services.storage.catalog.migrations import migrate
from services.storage.identity.accounts import Accounts
from services.storage.identity.keys import ApiKeys
from services.storage.identity.records import NewApiKey
from tests.contract.storage.catalog.conftest import House, new_key, open_house, sealed
from tests.fakes.postgres import PostgresServer


@pytest.fixture
def sqlite(tmp_path: Path) -> Path:
    return tmp_path / "catalog.sqlite"


@pytest.fixture
def mortal_postgres() -> Iterator[PostgresServer]:
    server = PostgresServer()
    server.start()
    yield server
    server.stop()
    server.remove()


def sqlite_url(path: Path) -> URL:
    return URL.create("sqlite+aiosqlite", database=str(path))


async def test_a_job_has_one_holder_among_replicas(url: URL) -> None:
    async with open_house(url) as one, open_house(url) as two:
        video = await one.video((await one.account()).id)
        results = await asyncio.gather(
            *(
                house.videos.lease(video.account_id, video.id, holder=f"wk_{n}", lease_s=30)
                for n, house in enumerate([one, two] * 6)
            ),
            return_exceptions=True,
        )
        assert [type(result) for result in results].count(StateConflict) == 11


async def test_an_idempotency_key_is_claimed_once_among_replicas(url: URL) -> None:
    async with open_house(url) as one, open_house(url) as two:
        account = await one.account()
        results = await asyncio.gather(
            *(house.idempotency.begin(account.id, "k", "1" * 64) for house in [one, two] * 6),
            return_exceptions=True,
        )
        assert results.count(None) == 1
        assert all(result is None or isinstance(result, DomainError) for result in results)


async def test_calls_that_are_cancelled_leave_nothing_half_done(house: House) -> None:
    account = await house.account()
    calls = [
        asyncio.ensure_future(house.accounts.create_key(account.id, new_key(f"{n}")))
        for n in range(40)
    ]
    for call in calls[::2]:
        await asyncio.wait(calls, timeout=0.002)
        call.cancel()
    results = await asyncio.gather(*calls, return_exceptions=True)
    made = {result[0].id for result in results if isinstance(result, tuple)}
    assert len(made) >= 20
    assert made <= {key.id for key in await house.accounts.list_keys(account.id)}
    await house.video(account.id)


async def test_a_text_that_can_not_be_stored_is_refused(house: House) -> None:
    account = await house.account()
    new = await house.new_video(account.id, text="a\0b")
    try:
        video = await house.videos.create(account.id, new)
    except InvalidInput:
        return
    assert video.spec.text == "a\0b"


async def test_an_error_names_no_values(url: URL) -> None:
    async with open_database(url) as database:

        async def ask() -> None:
            async with database.read() as tx:
                await tx.one(
                    text("SELECT nothing FROM nowhere WHERE :text = 1").bindparams(text="s3cret")
                )

        with pytest.raises(DBAPIError) as raised:
            await ask()
    assert "s3cret" not in str(raised.value)


async def test_a_locked_database_is_unavailable_and_can_be_read(
    sqlite: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "_WAIT_S", 0.05)
    async with open_house(sqlite_url(sqlite)) as house:
        account = await house.account()
        with closing(sqlite3.connect(sqlite, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(Unavailable) as raised:
                await house.account()
            assert await house.accounts.account(account.id) == account
        assert raised.value.retryable
        await house.account()


async def test_a_full_disk_is_told_and_locks_nobody_out(sqlite: Path) -> None:
    async with open_database(sqlite_url(sqlite), connections=1) as database:
        await migrate(database)
        accounts = Accounts(await sealed(database))
        account = await accounts.create("Ada's")
        keys = ApiKeys(database)
        _, secret = await keys.create(account.id, NewApiKey("first", ("*",), "operator"))
        async with database.read() as tx:
            (pages,) = await tx.one(text("PRAGMA page_count"))
            await tx.one(text(f"PRAGMA max_page_count = {pages}"))
        with pytest.raises(StorageFull):
            await asyncio.gather(*(accounts.create("x" * 200) for _ in range(100)))
        assert (await keys.authenticate(secret)).account_id == account.id
        async with database.read() as tx:
            await tx.one(text("PRAGMA max_page_count = 1000000"))
        await accounts.create("Eve's")


async def test_a_restart_of_postgresql_passes(mortal_postgres: PostgresServer) -> None:
    async with open_house(make_url(mortal_postgres.url)) as house:
        account = await house.account()
        video = await house.video(account.id)
        await asyncio.gather(*(house.account() for _ in range(10)))
        mortal_postgres.stop()
        with pytest.raises(Unavailable):
            await house.videos.get(account.id, video.id)
        mortal_postgres.start()
        told = await asyncio.gather(*(house.accounts.account(account.id) for _ in range(10)))
        assert set(told) == {account}
        assert await house.videos.get(account.id, video.id) == video


async def test_a_connection_that_breaks_within_a_transaction_is_unavailable(
    mortal_postgres: PostgresServer,
) -> None:
    async with open_database(make_url(mortal_postgres.url)) as database:

        async def break_it() -> None:
            async with database.write() as tx:
                await tx.one(text("SELECT 1"))
                mortal_postgres.stop()
                mortal_postgres.start()
                await tx.one(text("SELECT 1"))

        with pytest.raises(Unavailable):
            await break_it()
        async with database.read() as tx:
            await tx.one(text("SELECT 1"))


@dataclass
class Failure(Exception):
    """A driver's error."""

    sqlstate: str


@pytest.mark.parametrize(
    ("sqlstate", "expected"),
    [
        ("53100", StorageFull),
        ("53300", Unavailable),
        ("40P01", Unavailable),
        ("57P01", Unavailable),
        ("08006", Unavailable),
        ("23503", AccountNotFound),
    ],
)
def test_states_of_postgresql_have_their_meaning(
    sqlstate: str, expected: type[DomainError]
) -> None:
    error = DBAPIError("SELECT", {}, Failure(sqlstate))
    assert type(domain_error(error)) is expected


def test_a_defect_is_not_taken_for_an_outage() -> None:
    assert domain_error(DBAPIError("SELECT", {}, Failure("42601"))) is None
