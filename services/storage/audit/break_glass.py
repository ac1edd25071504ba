"""The one way on which an operator comes to a user's media: said why, and told to the owner."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Row, Table, insert, select, update

from services.common.errors import (
    AssetNotFound,
    AvatarNotFound,
    DomainError,
    InvalidInput,
    NotFound,
    StorageFull,
    Unavailable,
    VideoNotFound,
)
from services.common.ids import new_id
from services.storage.audit.ledger import OPERATOR, note
from services.storage.audit.tables import operator_accesses
from services.storage.catalog.database import Database, Transaction
from services.storage.catalog.tables import assets, avatars, videos
from services.storage.notices.notices import send_notice
from services.storage.notices.records import Audience, NewNotice, NoticeKind, NoticeText
from services.storage.refs import ObjectRef

log = structlog.get_logger()

ACTION = "open_media"
MIN_REASON, MAX_REASON, MAX_PAPER = 20, 500, 100
_NAME = re.compile(r"[A-Za-z0-9._-]{1,60}")
_EVERY_S = 60.0
_AT_ONCE = 100
_TEXTS = {
    "zh": NoticeText(
        title="运营方查看了您的媒体文件",
        situation="运营方于 {at:%Y-%m-%d %H:%M} UTC 打开了 {target}。",
        measures="记录的理由：{reason}",
        remedies="完整记录见 GET /v1/account/operator-accesses 和您的审计日志。",
    ),
    "en": NoticeText(
        title="An operator opened a file of yours",
        situation="An operator opened {target} on {at:%Y-%m-%d %H:%M} UTC.",
        measures="The reason that was recorded: {reason}",
        remedies="All of it stands in GET /v1/account/operator-accesses and in your audit.",
    ),
}
_PLACES: dict[str, tuple[Table, str, type[DomainError]]] = {
    "vd": (videos, "content", VideoNotFound),
    "av": (avatars, "portrait", AvatarNotFound),
    "as": (assets, "object", AssetNotFound),
}
"""By an id's prefix: where it is recorded, which of its objects is opened."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What an operator wants to open, and why."""

    target: str
    """A video's, an avatar's or an asset's id."""
    operator: str
    reason: str
    case: str = ""
    legal_paper: str = ""
    """What the law demands it by."""
    notice_not_before: datetime | None = None
    """When the owner is told at the earliest, where a legal paper forbids it before."""


@dataclass(frozen=True, slots=True)
class Access:
    """An operator opened media."""

    id: str
    account_id: str
    target: str
    operator: str
    reason: str
    case: str
    legal_paper: str
    at: datetime
    notice_at: datetime
    """When the owner is told."""
    told_at: datetime | None


class BreakGlass:
    """Opens media to operators. Every method may raise Unavailable or StorageFull."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open(self, asked: Asked) -> tuple[Access, ObjectRef]:
        """Notes the access, and says where the object is.

        The access is in the operator's chain, and in the owner's unless a legal paper puts that
        off, when this returns; nothing is opened otherwise. Raises InvalidInput, NotFound.
        """
        _check(asked)
        async with self._database.write() as tx:
            now = await tx.now()
            later = asked.notice_not_before
            if later is not None and later <= now:
                raise InvalidInput("notice_not_before must lie ahead")
            account_id, ref = await _find(tx, asked.target)
            values = {
                "id": new_id("oa"),
                "account_id": account_id,
                "target": asked.target,
                "operator": asked.operator,
                "reason": asked.reason,
                "case": asked.case,
                "legal_paper": asked.legal_paper,
                "at": now,
                "notice_at": later or now,
                "told_at": None if later else now,
            }
            this = insert(operator_accesses).values(values).returning(*operator_accesses.c)
            access = _access(await tx.one(this))
            await _note(tx, access, OPERATOR)
            if access.told_at is not None:
                await _tell(tx, access)
        log.warning("operator.media_opened", account_id=account_id, target=asked.target)
        return access, ref

    async def told(self, account_id: str) -> Sequence[Access]:
        """The newest accesses to an account's media of which its owner may know."""
        known = (
            operator_accesses.c.account_id == account_id,
            operator_accesses.c.told_at.is_not(None),
        )
        query = select(operator_accesses).where(*known).order_by(operator_accesses.c.id.desc())
        async with self._database.read() as tx:
            return [_access(row) for row in await tx.all(query.limit(_AT_ONCE))]

    async def run(self) -> None:
        """Tells owners when their time has come, again and again until cancelled."""
        while True:
            try:
                await self.tell()
            except (StorageFull, Unavailable) as error:
                log.warning("operator.owners_not_told", reason=error.reason)
            await asyncio.sleep(_EVERY_S)

    async def tell(self) -> None:
        """Tells owners of what was put off until now."""
        async with self._database.write() as tx:
            now = await tx.now()
            due: ColumnElement[bool] = operator_accesses.c.told_at.is_(None) & (
                operator_accesses.c.notice_at <= now
            )
            query = select(operator_accesses).where(due).limit(_AT_ONCE)
            for row in await tx.all(query.with_for_update(skip_locked=True)):
                access = _access(row)
                await _tell(tx, access)
                this = update(operator_accesses).where(operator_accesses.c.id == access.id)
                await tx.execute(this.values(told_at=now))


async def _find(tx: Transaction, target: str) -> tuple[str, ObjectRef]:
    """Whose it is, and where it is. Raises NotFound, InvalidInput."""
    place = _PLACES.get(target.partition("_")[0])
    if place is None:
        raise InvalidInput("name a video (vd_…), an avatar (av_…) or an asset (as_…)")
    table, column, absent = place
    row = await tx.one_or_none(select(table).where(table.c.id == target))
    if row is None:
        raise absent("there is no such thing")
    ref: ObjectRef | None = getattr(row, column)
    if ref is None or getattr(row, "deleted_at", None) is not None:
        raise NotFound("it has no file")
    return row.account_id, ref


async def _tell(tx: Transaction, access: Access) -> None:
    """Notes it in the owner's chain, and sends the owner a notice."""
    await _note(tx, access, access.account_id)
    texts = {
        language: replace(
            text,
            situation=text.situation.format(target=access.target, at=access.at),
            measures=text.measures.format(reason=access.reason),
        )
        for language, text in _TEXTS.items()
    }
    audience = Audience((access.account_id,))
    operator = f"operator:{access.operator}"
    await send_notice(tx, NewNotice(NoticeKind.OTHER, texts, operator, audience))


async def _note(tx: Transaction, access: Access, account_id: str) -> None:
    parts = [access.reason]
    if access.case:
        parts.append(f"case {access.case}")
    if access.legal_paper:
        parts.append(f"legal paper {access.legal_paper}")
    if access.notice_at != access.at:
        parts.append(
            f"the owner is told at {access.notice_at.isoformat()}"
            if account_id == OPERATOR
            else f"opened at {access.at.isoformat()}"
        )
    await note(
        tx,
        account_id,
        actor=f"operator:{access.operator}",
        action=ACTION,
        target=access.target if account_id else f"{access.account_id}/{access.target}",
        reason="; ".join(parts),
    )


def _check(asked: Asked) -> None:
    if not _NAME.fullmatch(asked.operator):
        raise InvalidInput("an operator's name has letters, digits and . _ -")
    if not MIN_REASON <= len(asked.reason.strip()) <= len(asked.reason) <= MAX_REASON:
        raise InvalidInput(f"a reason has {MIN_REASON} to {MAX_REASON} characters")
    if max(len(asked.case), len(asked.legal_paper)) > MAX_PAPER:
        raise InvalidInput(f"a case and a legal paper have at most {MAX_PAPER} characters")
    if asked.notice_not_before is not None and not asked.legal_paper.strip():
        raise InvalidInput("only a legal paper can put off that the owner is told")


def _access(row: Row[Any]) -> Access:
    return Access(**row._asdict())
