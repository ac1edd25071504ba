"""API keys: what they may do, until when, and their secrets."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Row, func, insert, or_, select, update

from services.common.errors import (
    ApiKeyNotFound,
    InvalidInput,
    StateConflict,
    StorageFull,
    Unauthenticated,
    Unavailable,
)
from services.common.ids import new_id
from services.storage.audit.ledger import note
from services.storage.catalog.database import Database, Transaction
from services.storage.identity.accounts import checked_name, require_open
from services.storage.identity.records import ApiKey, NewApiKey, Principal
from services.storage.identity.secrets import PREFIX_LENGTH, digest, new_secret
from services.storage.identity.tables import accounts, api_keys

log = structlog.get_logger()

_OPERATOR = "operator"
MAX_OVERLAP = timedelta(days=7)
_SCOPE = re.compile(r"\*|[a-z]{1,20}:(read|write)")
_MAX_SCOPES = 100
_USE_IS_TOLD_EVERY = timedelta(minutes=1)


class ApiKeys:
    """The record of API keys. Every method may raise Unavailable or StorageFull."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, account_id: str, new: NewApiKey) -> tuple[ApiKey, str]:
        """A new key and its secret, which nobody can tell again.

        Raises AccountNotFound, AccountClosing, InvalidInput.
        """
        secret = new_secret("vk")
        async with self._database.write() as tx:
            await require_open(tx, account_id)
            now = await tx.now()
            if new.expires_at is not None and new.expires_at <= now:
                raise InvalidInput("expires_at must lie ahead")
            values = {
                "id": new_id("key"),
                "account_id": account_id,
                "name": checked_name(new.name),
                "prefix": secret[:PREFIX_LENGTH],
                "secret_sha256": digest(secret),
                "created_at": now,
                "scopes": _checked(new.scopes),
                "expires_at": new.expires_at,
                "created_by": new.created_by,
            }
            row = await tx.one(insert(api_keys).values(values).returning(*api_keys.c))
            if new.created_by == _OPERATOR:
                # A key opens what the account has: its owner sees who made one.
                await note(tx, account_id, actor=_OPERATOR, action="create_api_key", target=row.id)
        return _key(row), secret

    async def get(self, account_id: str, key_id: str) -> ApiKey:
        """One key. Raises ApiKeyNotFound."""
        async with self._database.read() as tx:
            return _key(await _find(tx, account_id, key_id))

    async def list(self, account_id: str) -> Sequence[ApiKey]:
        """The account's keys, newest first."""
        mine = api_keys.c.account_id == account_id
        query = select(api_keys).where(mine).order_by(api_keys.c.id.desc())
        async with self._database.read() as tx:
            return [_key(row) for row in await tx.all(query)]

    async def rotate(
        self, account_id: str, key_id: str, *, overlap: timedelta
    ) -> tuple[ApiKey, str]:
        """Gives a key another secret; the one that it had stays good for the overlap.

        Raises ApiKeyNotFound, InvalidInput, StateConflict when the key has ended.
        """
        if not timedelta(0) <= overlap <= MAX_OVERLAP:
            raise InvalidInput(f"the overlap has 0 to {int(MAX_OVERLAP.total_seconds())} seconds")
        secret = new_secret("vk")
        async with self._database.write() as tx:
            row, now = await _find(tx, account_id, key_id, locked=True), await tx.now()
            if _ended(row, now):
                raise StateConflict("the key has ended")
            values = {
                "prefix": secret[:PREFIX_LENGTH],
                "secret_sha256": digest(secret),
                "rotated_sha256": row.secret_sha256,
                "rotated_until": now + overlap,
            }
            this = update(api_keys).where(api_keys.c.id == key_id).values(values)
            row = await tx.one(this.returning(*api_keys.c))
        return _key(row), secret

    async def revoke(self, account_id: str, key_id: str) -> ApiKey:
        """Ends a key; one that has ended stays as it is. Raises ApiKeyNotFound."""
        async with self._database.write() as tx:
            ended = (
                update(api_keys)
                .where(api_keys.c.id == key_id, api_keys.c.account_id == account_id)
                .values(revoked_at=func.coalesce(api_keys.c.revoked_at, await tx.now()))
                .returning(*api_keys.c)
            )
            row = await tx.one_or_none(ended)
        if row is None:
            raise ApiKeyNotFound("no such API key")
        return _key(row)

    async def authenticate(self, secret: str) -> Principal:
        """Who bears the secret of a key. Raises Unauthenticated."""
        known = digest(secret)
        async with self._database.read() as tx:
            either = or_(api_keys.c.secret_sha256 == known, api_keys.c.rotated_sha256 == known)
            with_account = select(api_keys, accounts.c.erases_at).join(accounts)
            row, now = await tx.one_or_none(with_account.where(either)), await tx.now()
        if row is None or _ended(row, now):
            raise Unauthenticated("the API key is not valid")
        until = row.expires_at
        if row.secret_sha256 != known:
            if row.rotated_until <= now:
                raise Unauthenticated("the API key was given another secret")
            until = min(filter(None, (until, row.rotated_until)))
        if row.last_used_at is None or now - row.last_used_at >= _USE_IS_TOLD_EVERY:
            await self._note_use(row.id, now.replace(second=0, microsecond=0))
        closing = row.erases_at is not None
        return Principal(row.account_id, row.id, tuple(row.scopes), until, closing=closing)

    async def _note_use(self, key_id: str, used_at: datetime) -> None:
        try:
            async with self._database.write() as tx:
                this = update(api_keys).where(api_keys.c.id == key_id)
                await tx.execute(this.values(last_used_at=used_at))
        except (StorageFull, Unavailable) as error:
            # A full disk must not lock people out of what they have.
            log.warning("key.use_not_noted", reason=error.reason)


async def _find(tx: Transaction, account_id: str, key_id: str, *, locked: bool = False) -> Row[Any]:
    query = select(api_keys).where(api_keys.c.id == key_id, api_keys.c.account_id == account_id)
    row = await tx.one_or_none(query.with_for_update() if locked else query)
    if row is None:
        raise ApiKeyNotFound("no such API key")
    return row


def _ended(row: Row[Any], now: datetime) -> bool:
    return row.revoked_at is not None or (row.expires_at is not None and row.expires_at <= now)


def _checked(scopes: Sequence[str]) -> list[str]:
    if not 0 < len(scopes) <= _MAX_SCOPES or not all(map(_SCOPE.fullmatch, scopes)):
        raise InvalidInput("a key has scopes such as videos:read")
    return sorted(set(scopes))


def _key(row: Row[Any]) -> ApiKey:
    values = row._asdict()
    del values["secret_sha256"], values["rotated_sha256"]
    return ApiKey(**{**values, "scopes": tuple(row.scopes)})
