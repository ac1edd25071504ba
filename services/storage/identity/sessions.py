"""Sessions: a person who has signed in, for one account, until it was idle or lasted too long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Row, and_, delete, insert, select, update

from services.common.errors import SessionNotFound, StorageFull, Unauthenticated, Unavailable
from services.common.ids import new_id
from services.storage.catalog.database import Database, Transaction
from services.storage.identity.records import Principal, Session
from services.storage.identity.secrets import digest, new_secret
from services.storage.identity.tables import accounts, members, sessions

log = structlog.get_logger()

TOKEN_PREFIX = "vs"  # noqa: S105 - a prefix
_USE_IS_TOLD_EVERY = timedelta(minutes=1)
_COLUMNS = [column for column in sessions.c if column.name not in ("token_sha256", "ended_at")]


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """How long sessions last."""

    idle: timedelta
    longest: timedelta


class Sessions:
    """The record of sessions. Every method may raise Unavailable or StorageFull."""

    def __init__(self, database: Database, limits: SessionLimits) -> None:
        self._database = database
        self._limits = limits

    async def open(self, tx: Transaction, person_id: str, account_id: str) -> tuple[Session, str]:
        """A new session and its token, which nobody can tell again."""
        token, now = f"{new_secret(TOKEN_PREFIX)}", await tx.now()
        await tx.execute(delete(sessions).where(sessions.c.expires_at <= now))
        values = {
            "id": new_id("ss"),
            "account_id": account_id,
            "person_id": person_id,
            "token_sha256": digest(token),
            "created_at": now,
            "last_used_at": now,
            "expires_at": now + self._limits.longest,
        }
        return _session(await tx.one(insert(sessions).values(values).returning(*_COLUMNS))), token

    async def list(self, person_id: str) -> Sequence[Session]:
        """A person's sessions that have not ended, newest first."""
        async with self._database.read() as tx:
            good = self._good(await tx.now())
            query = select(*_COLUMNS).where(sessions.c.person_id == person_id, *good)
            return [_session(row) for row in await tx.all(query.order_by(sessions.c.id.desc()))]

    async def end(self, person_id: str, session_id: str) -> None:
        """Ends a session at once. Raises SessionNotFound."""
        async with self._database.write() as tx:
            now = await tx.now()
            mine = (sessions.c.id == session_id, sessions.c.person_id == person_id)
            this = update(sessions).where(*mine, *self._good(now))
            if not await tx.execute(this.values(ended_at=now)):
                raise SessionNotFound("no such session")

    async def end_all(self, person_id: str, *, but: str = "") -> None:
        """Ends all sessions of a person, but one."""
        async with self._database.write() as tx:
            theirs = (sessions.c.person_id == person_id, sessions.c.id != but)
            await end_sessions(tx, *theirs)

    async def authenticate(self, token: str) -> Principal:
        """Who bears the token of a session. Raises Unauthenticated."""
        async with self._database.read() as tx:
            now = await tx.now()
            query = (
                select(*_COLUMNS, members.c.role, accounts.c.erases_at)
                .join(accounts, accounts.c.id == sessions.c.account_id)
                .join(
                    members,
                    and_(
                        members.c.account_id == sessions.c.account_id,
                        members.c.person_id == sessions.c.person_id,
                    ),
                )
                .where(sessions.c.token_sha256 == digest(token), *self._good(now))
            )
            row = await tx.one_or_none(query)
        if row is None:
            raise Unauthenticated("the session has ended; sign in again")
        until = min(row.expires_at, row.last_used_at + self._limits.idle)
        if now - row.last_used_at >= _USE_IS_TOLD_EVERY:
            await self._note_use(row.id, now)
            until = min(row.expires_at, now + self._limits.idle)
        return Principal(
            row.account_id,
            row.person_id,
            (),
            until,
            role=row.role,
            session_id=row.id,
            closing=row.erases_at is not None,
        )

    async def _note_use(self, session_id: str, used_at: datetime) -> None:
        try:
            async with self._database.write() as tx:
                this = update(sessions).where(sessions.c.id == session_id)
                await tx.execute(this.values(last_used_at=used_at))
        except (StorageFull, Unavailable) as error:
            # A full disk must not lock people out of what they have.
            log.warning("session.use_not_noted", reason=error.reason)

    def _good(self, now: datetime) -> tuple[Any, ...]:
        return (
            sessions.c.ended_at.is_(None),
            sessions.c.expires_at > now,
            sessions.c.last_used_at > now - self._limits.idle,
        )


async def end_sessions(tx: Transaction, *which: Any) -> None:
    """Ends those that are meant, together with what else the transaction does."""
    unended = update(sessions).where(*which, sessions.c.ended_at.is_(None))
    await tx.execute(unended.values(ended_at=await tx.now()))


def _session(row: Row[Any]) -> Session:
    return Session(**row._asdict())
