"""PostgreSQL by TLS: under its name, certified by the authorities that are told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from services.common.errors import StartupError
from services.common.tls import AUTHORITY
from services.local.certificates import certify_all
from services.storage.catalog.database import open_database
from services.storage.catalog.migrations import migrate
from tests.fakes.postgres import PostgresServer, programs_with_tls


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    certify_all(("postgres",), tmp_path)
    certify_all(("postgres",), tmp_path / "foreign")
    return tmp_path


@pytest.fixture
def postgres(certificates: Path) -> Iterator[PostgresServer]:
    """One that hears nobody in the clear."""
    server = PostgresServer(programs_with_tls())
    server.require_tls(certificates / "postgres")
    yield server
    server.stop()
    server.remove()


async def test_the_database_is_spoken_to_by_tls_alone(
    postgres: PostgresServer, certificates: Path
) -> None:
    url = make_url(postgres.url)
    async with open_database(url, ca_file=certificates / "postgres" / AUTHORITY) as database:
        await migrate(database)
        async with database.read() as tx:
            query = text("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
            assert (await tx.one(query)).ssl is True


async def test_a_server_that_others_certified_is_not_spoken_to(
    postgres: PostgresServer, certificates: Path
) -> None:
    foreign = certificates / "foreign" / "postgres" / AUTHORITY
    async with open_database(make_url(postgres.url), ca_file=foreign) as database:
        with pytest.raises(StartupError, match="can't be reached"):
            await migrate(database)


async def test_authorities_that_can_not_be_read_stop_the_start(certificates: Path) -> None:
    url = make_url("postgresql+asyncpg://ada@127.0.0.1:1/catalog")
    with pytest.raises(StartupError, match="authorities"):
        async with open_database(url, ca_file=certificates / "none"):
            pass
