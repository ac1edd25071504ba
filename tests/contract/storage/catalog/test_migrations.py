"""The tables come to be, once, whoever asks for them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import JSON, Column, Connection, MetaData, insert, inspect, select, text
from sqlalchemy.engine import URL, make_url

from services.common.errors import StartupError
from services.storage.catalog.database import open_database
from services.storage.catalog.migrations import migrate
from services.storage.identity.accounts import Accounts
from services.storage.tables import metadata
from tests.contract.storage.catalog.conftest import sealed


async def test_the_migrations_make_the_tables_that_the_code_knows(url: URL) -> None:
    differences: list[Any] = []

    def compare(connection: Connection) -> None:
        context = MigrationContext.configure(connection)
        differences.extend(compare_metadata(context, metadata))

    async with open_database(url) as database:
        await migrate(database)
        await database.change(compare)
    assert differences == []


async def test_replicas_that_start_together_migrate_once(url: URL) -> None:
    async def start() -> None:
        async with open_database(url) as database:
            await migrate(database)

    await asyncio.gather(*(start() for _ in range(5)))
    async with open_database(url) as database, database.read() as tx:
        assert len(await tx.all(text("SELECT version_num FROM alembic_version"))) == 1


async def test_starting_again_keeps_what_is_there(url: URL) -> None:
    async with open_database(url) as database:
        await migrate(database)
        made = await Accounts(await sealed(database)).create("Ada's")
    async with open_database(url) as database:
        await migrate(database)
        assert await Accounts(await sealed(database)).list() == [made]


async def test_replicas_of_the_version_before_record_videos_while_they_are_replaced(
    url: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first version's tables, as that version knew them, on the tables of this one."""
    upgrade, before = command.upgrade, MetaData()
    async with open_database(url) as database:
        with monkeypatch.context() as patched:
            patched.setattr(command, "upgrade", lambda config, _: upgrade(config, "0001"))
            await migrate(database)
        await database.change(before.reflect)
        async with database.write() as tx:
            await tx.execute(insert(before.tables["accounts"]).values(_row(before, "accounts")))
        await migrate(database)
        old = before.tables["videos"]
        async with database.write() as tx:
            await tx.execute(insert(old).values(_row(before, "videos")))
            kept = await tx.one(select(metadata.tables["videos"].c.stream_id))
    assert kept.stream_id is None


def _row(tables: MetaData, name: str) -> dict[str, Any]:
    """Some row of a table."""
    return {column.name: _some(column) for column in tables.tables[name].c if not column.nullable}


def _some(column: Column[Any]) -> Any:
    """A value that the column takes; ids are all the same."""
    known: dict[str, Any] = {"id": "1", "account_id": "1", "status": "queued"}
    if column.name in known:
        return known[column.name]
    if isinstance(column.type, JSON):
        return {}
    kind = column.type.python_type
    return datetime.now(UTC) if kind is datetime else kind(1)


async def test_a_database_of_a_newer_version_is_left_alone(url: URL) -> None:
    async with open_database(url) as database:
        await migrate(database)
        async with database.write() as tx:
            await tx.execute(text("UPDATE alembic_version SET version_num = 'from tomorrow'"))
        with pytest.raises(StartupError, match="version"):
            await migrate(database)


async def test_migrations_that_break_leave_nothing(
    url: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    def names(connection: Connection) -> None:
        tables.extend(inspect(connection).get_table_names())

    def upgrade_and_break(config: Config, revision: str) -> None:
        upgrade(config, revision)
        raise ZeroDivisionError

    tables: list[str] = []
    upgrade = command.upgrade
    monkeypatch.setattr(command, "upgrade", upgrade_and_break)
    async with open_database(url) as database:
        with pytest.raises(ZeroDivisionError):
            await migrate(database)
        await database.change(names)
    assert tables == []


async def test_an_unreachable_database_stops_the_start_and_tells_no_password() -> None:
    url = make_url("postgresql+asyncpg://ada:s3cret@127.0.0.1:1/catalog")
    async with open_database(url) as database:
        with pytest.raises(StartupError) as raised:
            await migrate(database)
    assert "s3cret" not in str(raised.value)
