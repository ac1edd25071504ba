"""Notices: what the operator tells accounts, kept until the account goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Row, Select, insert, select, union, update

from services.common.errors import AccountNotFound, InvalidInput, NoticeNotFound
from services.common.ids import new_id
from services.storage.audit.ledger import OPERATOR, note
from services.storage.catalog.database import Database, Transaction
from services.storage.catalog.page import Page, PageRequest
from services.storage.catalog.tables import assets, avatars, streams, videos
from services.storage.identity.tables import accounts
from services.storage.notices.deliveries import schedule
from services.storage.notices.records import (
    LANGUAGES,
    Audience,
    Delivery,
    NewNotice,
    Notice,
    NoticeText,
    ReceivedNotice,
    Recipient,
)
from services.storage.notices.tables import notice_deliveries, notice_recipients, notices

NOTICE_ID = "no"
MAX_TITLE, MAX_TEXT = 200, 10_000
_AT_ONCE = 500


class Notices:
    """The record of notices. Every method may raise Unavailable or StorageFull."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def send(self, new: NewNotice) -> tuple[Notice, int]:
        """A notice, and to how many accounts it went. Raises InvalidInput."""
        async with self._database.write() as tx:
            return await send_notice(tx, new)

    async def get(self, notice_id: str) -> tuple[Notice, Sequence[Recipient], Sequence[Delivery]]:
        """A notice, whom it was for, and how it reached them. Raises NoticeNotFound."""
        recipients = select(notice_recipients).where(notice_recipients.c.notice_id == notice_id)
        deliveries = select(notice_deliveries).where(notice_deliveries.c.notice_id == notice_id)
        async with self._database.read() as tx:
            row = await tx.one_or_none(select(notices).where(notices.c.id == notice_id))
            if row is None:
                raise NoticeNotFound("no such notice")
            told = await tx.all(recipients.order_by(notice_recipients.c.account_id))
            sent = await tx.all(deliveries.order_by(notice_deliveries.c.id))
        return (
            notice_record(row),
            [Recipient(one.account_id, one.read_at) for one in told],
            [_delivery(one) for one in sent],
        )

    async def list(
        self, account_id: str, *, limit: int, cursor: str, unread_only: bool
    ) -> Page[ReceivedNotice]:
        """A page of what an account was told, newest first. Raises InvalidInput."""
        wanted = PageRequest.parse(limit, cursor, prefix=NOTICE_ID)
        query = _received(account_id)
        if unread_only:
            query = query.where(notice_recipients.c.read_at.is_(None))
        async with self._database.read() as tx:
            return wanted.page(await tx.all(wanted.apply(query, notices.c.id)), _received_record)

    async def mark_read(self, account_id: str, notice_id: str, *, read_by: str) -> ReceivedNotice:
        """Notes the first reading of a notice. Raises NoticeNotFound."""
        mine = (
            notice_recipients.c.account_id == account_id,
            notice_recipients.c.notice_id == notice_id,
        )
        async with self._database.write() as tx:
            unread = update(notice_recipients).where(*mine, notice_recipients.c.read_at.is_(None))
            await tx.execute(unread.values(read_at=await tx.now(), read_by=read_by))
            row = await tx.one_or_none(_received(account_id).where(notices.c.id == notice_id))
        if row is None:
            raise NoticeNotFound("no such notice")
        return _received_record(row)


async def send_notice(tx: Transaction, new: NewNotice) -> tuple[Notice, int]:
    """Likewise, together with what else the transaction does. Raises InvalidInput."""
    _check(new.texts)
    now = await tx.now()
    values = {
        "id": new_id(NOTICE_ID),
        "kind": new.kind,
        "texts": {language: asdict(text) for language, text in new.texts.items()},
        "sent_by": new.sent_by,
        "sent_at": now,
    }
    row = await tx.one(insert(notices).values(values).returning(*notices.c))
    account_ids = await _accounts_of(tx, new.audience)
    for start in range(0, len(account_ids), _AT_ONCE):
        some = account_ids[start : start + _AT_ONCE]
        rows = [
            {"notice_id": row.id, "account_id": one, "read_at": None, "read_by": ""} for one in some
        ]
        await tx.execute(insert(notice_recipients).values(rows))
        await schedule(tx, row.id, some)
    await note(tx, OPERATOR, actor=new.sent_by, action="notice.sent", target=row.id)
    return notice_record(row), len(account_ids)


def notice_record(row: Row[Any]) -> Notice:
    """A notice's row."""
    texts = {language: NoticeText(**text) for language, text in row.texts.items()}
    return Notice(row.id, row.kind, texts, row.sent_by, row.sent_at)


async def _accounts_of(tx: Transaction, audience: Audience) -> list[str]:
    query = select(accounts.c.id).order_by(accounts.c.id)
    if audience.account_ids:
        query = query.where(accounts.c.id.in_(audience.account_ids))
    if audience.active_from is not None or audience.active_until is not None:
        query = query.where(accounts.c.id.in_(_active(audience)))
    found = [row.id for row in await tx.all(query)]
    if unknown := set(audience.account_ids) - set(found):
        everybody = select(accounts.c.id).where(accounts.c.id.in_(unknown))
        if missing := unknown - {row.id for row in await tx.all(everybody)}:
            raise AccountNotFound(f"no such account: {', '.join(sorted(missing))}")
    return found


def _active(audience: Audience) -> Any:
    """Who made anything within the audience's time."""
    made = []
    for table in (assets, avatars, videos, streams):
        query = select(table.c.account_id)
        if audience.active_from is not None:
            query = query.where(table.c.created_at >= audience.active_from)
        if audience.active_until is not None:
            query = query.where(table.c.created_at < audience.active_until)
        made.append(query)
    return union(*made)


def _check(texts: Mapping[str, NoticeText]) -> None:
    if not texts or not set(LANGUAGES).issuperset(texts):
        raise InvalidInput(f"a notice is written in one or more of {', '.join(LANGUAGES)}")
    for text in texts.values():
        if not text.title.strip() or len(text.title) > MAX_TITLE:
            raise InvalidInput(f"a notice's title has 1 to {MAX_TITLE} characters")
        if any(len(part) > MAX_TEXT for part in asdict(text).values()):
            raise InvalidInput(f"each part of a notice has at most {MAX_TEXT} characters")


def _received(account_id: str) -> Select[Any]:
    return (
        select(notices, notice_recipients.c.read_at, notice_recipients.c.read_by)
        .join(notice_recipients, notice_recipients.c.notice_id == notices.c.id)
        .where(notice_recipients.c.account_id == account_id)
    )


def _received_record(row: Row[Any]) -> ReceivedNotice:
    return ReceivedNotice(notice_record(row), row.read_at, row.read_by)


def _delivery(row: Row[Any]) -> Delivery:
    return Delivery(
        row.account_id, row.channel, row.status, row.attempts, row.outcome, row.finished_at
    )
