"""Brings the tables to the form that this version of the service needs."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, text

from services.common.errors import StartupError, Unavailable
from services.storage.catalog.database import Database

SCRIPTS = Path(__file__).parents[1] / "migrations"
_LOCK = 0x76756C747573
"""Names the migrating among PostgreSQL's advisory locks."""


async def migrate(database: Database) -> None:
    """Applies what is missing, whole or not at all; of several at once, one does it.

    Raises StartupError when the database can't be reached, or is newer than this service.
    """
    try:
        await database.change(_upgrade)
    except CommandError as error:
        raise StartupError(f"the database is not one of this version: {error}") from error
    except Unavailable as error:
        raise StartupError("the database can't be reached") from error


def _upgrade(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
