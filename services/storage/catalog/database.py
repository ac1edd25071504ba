"""The SQL database: connections, transactions, its clock, its failures."""

from __future__ import annotations

import asyncio
import base64
import sqlite3
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, nullcontext
from datetime import UTC, datetime
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Column, Connection, Executable, Row, event, func, select
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from services.common.errors import StartupError
from services.storage.catalog.failures import domain_error, unavailable
from services.storage.catalog.tables import SEAL

_WAIT_S = 5
"""For a connection, and for SQLite's other writer."""
_STATEMENT_MAY_TAKE_S = 10
_SETTLE_TRIES = 3
_SETTLE_PAUSE_S = 0.2
_OLDEST_SQLITE = (3, 35, 0)
"""The first with RETURNING."""
_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    # A job that was accepted must survive a power cut, which NORMAL does not promise in WAL mode.
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    # What is erased is overwritten.
    "PRAGMA secure_delete = ON",
)

Clock = Callable[[AsyncConnection], Awaitable[datetime]]
"""The time that leases and deadlines are measured by."""


async def database_clock(connection: AsyncConnection) -> datetime:
    """The server's time, which all replicas share; SQLite's is that of its one machine."""
    if connection.dialect.name == "postgresql":
        now = await connection.scalar(select(func.clock_timestamp()))
        assert isinstance(now, datetime)  # noqa: S101 - as PostgreSQL defines it
        return now
    return datetime.now(UTC)


class Sealer(Protocol):
    """Encrypts texts under the key of whoever they belong to."""

    async def seal(self, tx: Transaction, owner_id: str, text: str, *, field: str) -> bytes:
        """The text encrypted. Raises KeyErased."""
        ...

    async def unseal(self, tx: Transaction, owner_id: str, sealed: bytes, *, field: str) -> str:
        """The text. Raises KeyErased."""
        ...

    def blind_index(self, text: str, *, field: str) -> str:
        """What equal texts of a field have in common, and tells nothing of them."""
        ...


class Transaction:
    """Statements that take effect together or not at all."""

    def __init__(
        self,
        connection: AsyncConnection,
        clock: Clock,
        sealer: Sealer | None = None,
        *,
        writes: bool = False,
    ) -> None:
        self._connection = connection
        self._clock = clock
        self._sealer = sealer
        self._writes = writes
        self._last: list[tuple[str, Callable[[], Awaitable[None]]]] = []

    async def now(self) -> datetime:
        """The present time."""
        return await self._clock(self._connection)

    async def seal(self, column: Column[Any], owner_id: str, text: str) -> str:
        """The text as a `Sealed` column keeps it; nothing stays nothing. Raises KeyErased."""
        if not text:
            return ""
        sealed = await self._sealing.seal(self, owner_id, text, field=str(column))
        return SEAL + base64.b64encode(sealed).decode()

    async def unseal(self, column: Column[Any], owner_id: str, kept: str) -> str:
        """The text that a `Sealed` column keeps. Raises KeyErased."""
        if not kept.startswith(SEAL):
            return kept
        sealed = base64.b64decode(kept.removeprefix(SEAL))
        return await self._sealing.unseal(self, owner_id, sealed, field=str(column))

    def blind_index(self, text: str, *, field: str) -> str:
        """What equal texts of a field have in common, and tells nothing of them."""
        return self._sealing.blind_index(text, field=field)

    @property
    def _sealing(self) -> Sealer:
        if self._sealer is None:
            raise RuntimeError("this database was opened without a vault")
        return self._sealer

    async def execute(self, statement: Executable) -> int:
        """The number of rows that were changed."""
        return (await self._connection.execute(statement)).rowcount

    async def one(self, statement: Executable) -> Row[Any]:
        """The only row."""
        return (await self._connection.execute(statement)).one()

    async def one_or_none(self, statement: Executable) -> Row[Any] | None:
        """The only row, if there is one."""
        return (await self._connection.execute(statement)).one_or_none()

    async def all(self, statement: Executable) -> Sequence[Row[Any]]:
        """All rows."""
        return (await self._connection.execute(statement)).all()

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """A part that, when it raises, is undone without undoing the rest."""
        before = len(self._last)
        try:
            async with self._connection.begin_nested():
                yield
        except BaseException:
            del self._last[before:]
            raise

    def at_last(self, key: str, work: Callable[[], Awaitable[None]]) -> None:
        """Has work done right before the commit, the keys in their order.

        So rows that everybody changes are locked for a moment only, and never crosswise.
        """
        if not self._writes:
            raise RuntimeError("nothing can be done in a transaction that only reads")
        self._last.append((key, work))

    async def finish(self) -> None:
        """Does what was left for the end."""
        for _, work in sorted(self._last, key=itemgetter(0)):
            await work()


class Database:
    """SQLite or PostgreSQL.

    Blocks of `read` and `write` raise Unavailable while the database is locked, restarting or
    unreachable, StorageFull when its disk is, and AccountNotFound when a row of an account that
    does not exist was to be stored.
    """

    def __init__(
        self, engine: AsyncEngine, clock: Clock = database_clock, sealer: Sealer | None = None
    ) -> None:
        self._engine = engine
        self._writing = engine.execution_options(write=True)
        # SQLite takes one writer at a time and lets the others poll: a queue is fair and faster.
        alone = engine.dialect.name == "sqlite"
        self._turn = asyncio.Lock() if alone else nullcontext()
        self._clock = clock
        self._sealer = sealer

    def sealed_by(self, sealer: Sealer) -> Database:
        """The same database, whose transactions can seal; to be used in its stead."""
        return Database(self._engine, self._clock, sealer)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Transaction]:
        """A transaction that only reads."""
        async with _translated(), self._engine.begin() as connection:
            yield Transaction(connection, self._clock, self._sealer)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Transaction]:
        """A transaction that is committed when the block ends, rolled back when it raises."""
        async with _translated(), self._turn, self._writing.begin() as connection:
            tx = Transaction(connection, self._clock, self._sealer, writes=True)
            yield tx
            await tx.finish()

    async def settle(self) -> bool:
        """Has what was deleted go from SQLite's log of changes, too; whether it did.

        Until then the log holds pages as they were before. Somebody who reads in it hinders that;
        it is tried a few times.
        """
        if self._engine.dialect.name != "sqlite":
            return True
        for _ in range(_SETTLE_TRIES):
            if await self._truncate_log():
                return True
            # Lets those in who waited for their turn.
            await asyncio.sleep(_SETTLE_PAUSE_S)
        return False

    async def _truncate_log(self) -> bool:
        async with _translated(), self._turn, self._engine.connect() as connection:
            raw = await connection.get_raw_connection()
            assert raw.driver_connection is not None  # noqa: S101 - it was just opened
            # Not within a transaction, which every statement of the engine's would begin.
            cursor = await raw.driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            (busy, *_) = await cursor.fetchone()
            await cursor.close()
        return not busy

    async def change(self, work: Callable[[Connection], None]) -> None:
        """Runs synchronous work, such as migrations, in one write transaction."""
        async with _translated(), self._turn, self._writing.begin() as connection:
            await connection.run_sync(work)


@asynccontextmanager
async def open_database(
    url: URL,
    *,
    connections: int = 10,
    clock: Clock = database_clock,
    ca_file: Path | None = None,
) -> AsyncIterator[Database]:
    """A database whose connections are closed with the block; a missing SQLite file is made.

    With `ca_file`, PostgreSQL is spoken to by TLS alone, if these authorities certify its name.
    Raises StartupError when the file can't be used.
    """
    is_sqlite = url.get_backend_name() == "sqlite"
    make = _sqlite if is_sqlite else partial(_postgresql, ca_file)
    engine = make(
        url,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=_WAIT_S,
        # Errors are logged; what people wrote and secrets are not.
        hide_parameters=True,
    )
    try:
        yield Database(engine, clock)
    finally:
        await engine.dispose()


def _sqlite(url: URL, **options: Any) -> AsyncEngine:
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        oldest = ".".join(map(str, _OLDEST_SQLITE))
        raise StartupError(f"Python's SQLite is {sqlite3.sqlite_version}; {oldest} is needed")
    Path(url.database or "").parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    engine = create_async_engine(url, connect_args={"timeout": _WAIT_S}, **options)

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _: object) -> None:
        # Python's own BEGIN comes too late to make reads and writes one transaction.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in _PRAGMAS:
            cursor.execute(pragma)
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Connection) -> None:
        # A transaction that turns from reading to writing is refused at once; one that begins as
        # a writer waits for its turn.
        writes = connection.get_execution_options().get("write")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _postgresql(ca_file: Path | None, url: URL, **options: Any) -> AsyncEngine:
    how: dict[str, Any] = {"timeout": _WAIT_S, "command_timeout": _STATEMENT_MAY_TAKE_S}
    if ca_file:
        try:
            how["ssl"] = ssl.create_default_context(cafile=ca_file)
        except OSError as error:
            raise StartupError(f"the authorities in {ca_file} can't be read: {error}") from error
    # Connections that a restart of the server broke are replaced before they are used.
    return create_async_engine(url, pool_pre_ping=True, connect_args=how, **options)


@asynccontextmanager
async def _translated() -> AsyncIterator[None]:
    try:
        yield
    except DBAPIError as error:
        meaning = domain_error(error)
        if meaning is None:
            raise
        raise meaning from error
    except (PoolTimeoutError, TimeoutError, OSError) as error:
        raise unavailable() from error
