"""One-time codes, by which somebody shows that a phone is theirs."""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from services.common.errors import CodeInvalid, InvalidInput, Overloaded
from services.common.ids import new_id
from services.storage.catalog.database import Database, Transaction
from services.storage.identity.tables import codes, people
from services.storage.protection.vault import Vault

PHONE = "phone"
"""The field of phone numbers, for seals and blind indices."""
SIGN_UP, SIGN_IN, OLD_PHONE, NEW_PHONE = "sign_up", "sign_in", "old_phone", "new_phone"
"""Purposes of the identity itself; others name their own."""
GOOD_FOR = timedelta(minutes=5)
MAX_TRIES = 5
_ONE_EACH = timedelta(minutes=1)
_AN_HOUR, _MOST_AN_HOUR = timedelta(hours=1), 5
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_PURPOSE = re.compile(r"[a-z_]{1,40}")
_INVALID = "the code is wrong, too old, or was used"


class Codes:
    """Makes codes and sees whether they are right. Every method may raise Unavailable, StorageFull.

    Six digits, kept as an HMAC with the phone and the purpose, good for five minutes and five
    tries. A phone gets one a minute and five an hour; only the newest of a purpose is good.
    """

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    async def make(self, phone: str, purpose: str) -> str:
        """A new code for a phone in E.164, whoever's it is. Raises InvalidInput, Overloaded."""
        if not _PURPOSE.fullmatch(purpose):
            raise InvalidInput("the purpose is not known")
        code, whose = f"{secrets.randbelow(10**6):06}", phone_index(self._vault, phone)
        async with self._database.write() as tx:
            now = await tx.now()
            await tx.execute(delete(codes).where(codes.c.created_at <= now - _AN_HOUR))
            await _require_room(tx, whose, now)
            new = {
                "id": new_id("oc"),
                "phone_index": whose,
                "purpose": purpose,
                "code_hmac": self._hmac(whose, purpose, code),
                "tries": 0,
                "minute": int(now.timestamp()) // 60,
                "created_at": now,
            }
            try:
                async with tx.savepoint():
                    await tx.execute(insert(codes).values(new))
            except IntegrityError as error:
                raise _too_soon(_ONE_EACH) from error
        return code

    @asynccontextmanager
    async def confirmed(self, who: str, purpose: str, code: str) -> AsyncIterator[Transaction]:
        """A transaction that writes, for whoever told the right code; it uses the code up.

        `who` is a phone in E.164 or a person's id. When the block raises, the code is as good as
        before, but the try counts. Raises CodeInvalid.
        """
        async with self.all_confirmed((who, purpose, code)) as tx:
            yield tx

    @asynccontextmanager
    async def all_confirmed(self, *told: tuple[str, str, str]) -> AsyncIterator[Transaction]:
        """Likewise for several codes, each with whoever told it and its purpose: all are right."""
        tried = [await self._try(who, purpose, code) for who, purpose, code in told]
        async with self._database.write() as tx:
            for code_id in tried:
                unused = (codes.c.id == code_id, codes.c.used_at.is_(None))
                used = update(codes).where(*unused).values(used_at=await tx.now())
                if not await tx.execute(used):
                    raise CodeInvalid(_INVALID)
            yield tx

    async def _try(self, who: str, purpose: str, code: str) -> str:
        """The id of the code that was told; the try counts, whatever comes of it."""
        async with self._database.write() as tx:
            whose = await self._index_of(tx, who)
            row = await _newest(tx, whose, purpose)
            if row is None or row.used_at or row.created_at + GOOD_FOR <= await tx.now():
                raise CodeInvalid(_INVALID)
            if row.tries >= MAX_TRIES:
                raise CodeInvalid("the code was tried too often; ask for another")
            await tx.execute(update(codes).where(codes.c.id == row.id).values(tries=row.tries + 1))
        if not hmac.compare_digest(row.code_hmac, self._hmac(whose, purpose, code)):
            raise CodeInvalid(_INVALID)
        return str(row.id)

    async def _index_of(self, tx: Transaction, who: str) -> str:
        if not who.startswith("us_"):
            return phone_index(self._vault, who)
        row = await tx.one_or_none(select(people.c.phone_index).where(people.c.id == who))
        if row is None:
            raise CodeInvalid(_INVALID)
        return str(row.phone_index)

    def _hmac(self, whose: str, purpose: str, code: str) -> str:
        return self._vault.blind_index(f"{whose} {purpose} {code}", field="code")


def phone_index(vault: Vault, phone: str) -> str:
    """What a phone in E.164 is looked up by. Raises InvalidInput."""
    if not _E164.fullmatch(phone):
        raise InvalidInput("a phone number is written as E.164, such as +8613800138000")
    return vault.blind_index(phone, field=PHONE)


async def _newest(tx: Transaction, whose: str, purpose: str) -> Row[Any] | None:
    its = select(codes).where(codes.c.phone_index == whose, codes.c.purpose == purpose)
    newest = its.order_by(codes.c.created_at.desc()).limit(1)
    return await tx.one_or_none(newest.with_for_update())


async def _require_room(tx: Transaction, whose: str, now: datetime) -> None:
    """Raises Overloaded when the phone has had enough."""
    recent = select(codes.c.created_at).where(codes.c.phone_index == whose)
    made = [row.created_at for row in await tx.all(recent.order_by(codes.c.created_at.desc()))]
    if made and made[0] > now - _ONE_EACH:
        raise _too_soon(made[0] + _ONE_EACH - now)
    if len(made) >= _MOST_AN_HOUR:
        raise _too_soon(made[_MOST_AN_HOUR - 1] + _AN_HOUR - now)


def _too_soon(wait: timedelta) -> Overloaded:
    return Overloaded(
        "this phone number has had enough codes for now", retry_after_s=wait.total_seconds()
    )
