"""What a database's failures mean to a caller."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError

from services.common.errors import (
    AccountNotFound,
    DomainError,
    InvalidInput,
    StorageFull,
    Unavailable,
)

_FULL = ("SQLITE_FULL", "53100")
_UNKNOWN_ACCOUNT = ("SQLITE_CONSTRAINT_FOREIGNKEY", "23503")
"""Accounts are the only rows that others refer to by a foreign key."""
_UNSTORABLE = ("22",)  # data exception, such as a NUL in a text
_PASSING = (
    "SQLITE_BUSY",
    "SQLITE_LOCKED",
    "SQLITE_IOERR",
    "SQLITE_CANTOPEN",
    "08",  # connection exception
    "25006",  # a standby that is not promoted yet
    "40",  # transaction rollback: deadlock, serialisation
    "53",  # insufficient resources
    "55P03",  # lock not available
    "57",  # operator intervention: shutdown, cancelled
)
_RETRY_AFTER_S = 1.0


def domain_error(error: DBAPIError) -> DomainError | None:
    """The caller's view of a database error; None for what must be a defect of ours."""
    code = _code(error)
    if code.startswith(_FULL):
        return StorageFull("the database has no room left")
    if error.connection_invalidated or code.startswith(_PASSING):
        return unavailable()
    if code.startswith(_UNKNOWN_ACCOUNT):
        return AccountNotFound("no such account")
    if code.startswith(_UNSTORABLE):
        return InvalidInput("a text holds a character that can't be stored")
    return None


def unavailable() -> Unavailable:
    """The database can't be reached for the moment."""
    return Unavailable("the database is not available", retry_after_s=_RETRY_AFTER_S)


def _code(error: DBAPIError) -> str:
    """SQLite's error name or PostgreSQL's SQLSTATE; empty when the connection broke without one."""
    for attribute in ("sqlite_errorname", "sqlstate"):
        code = getattr(error.orig, attribute, None)
        if isinstance(code, str):
            return code
    return ""
