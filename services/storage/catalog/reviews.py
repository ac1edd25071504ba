"""What people decide about single contents: one review for each content of an account.

A review waits until its time runs out; then what its opener chose holds, without anything having
to happen. Decisions are only ever added, so that each can be taken back and none be hidden.
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Row, and_, exists, insert, or_, select, update

from services.common.errors import InvalidInput, ReviewNotFound, StorageFull, Unavailable
from services.common.ids import new_id
from services.storage.catalog.assets import erase_asset, require_asset
from services.storage.catalog.database import Database, Transaction
from services.storage.catalog.erasures import Erasures
from services.storage.catalog.page import Page, PageRequest
from services.storage.catalog.records import (
    AvatarStatus,
    Decided,
    Decision,
    NewReview,
    Review,
    ReviewStatus,
    VideoStatus,
)
from services.storage.catalog.tables import avatars, review_decisions, reviews, videos

log = structlog.get_logger()

REVIEW_ID = "rv"
MAX_TIME_LIMIT_S = 30 * 86_400
MAX_NOTE = 1_000
CONTENT_IS_KEPT = timedelta(days=30)
"""How long the content of an ended review is kept, so that its decision can be taken back."""
_PURGE_EVERY_S = 600.0
_AT_ONCE = 500
_WAITING_VIDEOS = tuple(status for status in VideoStatus if not status.is_end)


class Reviews:
    """The record of reviews. Every method may raise Unavailable or StorageFull."""

    def __init__(self, database: Database, erasures: Erasures) -> None:
        self._database = database
        self._erasures = erasures

    async def open(self, account_id: str, new: NewReview, *, known_id: str = "") -> Review:
        """The content's review, which may be decided already.

        One that lapsed undecided is opened anew, unless `known_id` names it: then its time is over
        for the caller. Raises AccountNotFound, AssetNotFound, InvalidInput.
        """
        if not 1 <= new.time_limit_s <= MAX_TIME_LIMIT_S:
            raise InvalidInput(f"a review waits for 1 to {MAX_TIME_LIMIT_S} seconds")
        if new.otherwise is ReviewStatus.PENDING:
            raise InvalidInput("otherwise must be APPROVED or REJECTED")
        async with self._database.write() as tx:
            if new.asset_id:
                await require_asset(tx, account_id, new.asset_id)
            now = await tx.now()
            due_at = now + timedelta(seconds=new.time_limit_s)
            this = (reviews.c.account_id == account_id) & (
                reviews.c.content_sha256 == new.content_sha256
            )
            row = await tx.one_or_none(select(reviews).where(this).with_for_update())
            if row is None:
                row = await self._begin(tx, account_id, new, due_at)
            elif row.status is ReviewStatus.PENDING:
                lapsed = row.due_at <= now
                if lapsed and row.id == known_id:
                    return await _read(tx, row, now)
                row = await self._renew(tx, row, new, due_at, anew=lapsed)
            elif new.owns_asset and row.asset_id != new.asset_id:
                await erase_asset(tx, self._erasures, account_id, new.asset_id)
            review = await _read(tx, row, now)
        self._erasures.hurry()
        return review

    async def get(self, account_id: str, review_id: str) -> Review:
        """One review with its decisions. Raises ReviewNotFound."""
        async with self._database.read() as tx:
            return await _find(tx, account_id, review_id)

    async def list(
        self,
        account_id: str,
        *,
        status: ReviewStatus | None,
        for_training: bool,
        limit: int,
        cursor: str,
    ) -> Page[Review]:
        """A page of the account's reviews, newest first. Raises InvalidInput."""
        wanted = PageRequest.parse(limit, cursor, prefix=REVIEW_ID)
        async with self._database.read() as tx:
            now = await tx.now()
            query = select(reviews).where(reviews.c.account_id == account_id)
            if status is not None:
                query = query.where(_stands(status, now))
            if for_training:
                query = query.where(reviews.c.for_training)
            rows = await tx.all(wanted.apply(query, reviews.c.id))
            return await wanted.read(rows, lambda row: _read(tx, row, now))

    async def decide(
        self,
        account_id: str,
        review_id: str,
        status: ReviewStatus,
        *,
        author: str,
        note: str,
        for_training: bool | None,
    ) -> Decided:
        """Decides a review, or decides it otherwise. Raises ReviewNotFound, InvalidInput."""
        if status is ReviewStatus.PENDING:
            raise InvalidInput("status must be APPROVED or REJECTED")
        if len(note) > MAX_NOTE:
            raise InvalidInput(f"a note has at most {MAX_NOTE} characters")
        async with self._database.write() as tx:
            await _find(tx, account_id, review_id)
            now = await tx.now()
            decision = {
                "id": new_id("rd"),
                "review_id": review_id,
                "status": status,
                "author": author,
                "note": await tx.seal(review_decisions.c.note, account_id, note),
                "decided_at": now,
            }
            await tx.execute(insert(review_decisions).values(decision))
            values: dict[str, Any] = {"status": status, "decided_at": now}
            if for_training is not None:
                values["for_training"] = for_training
            await tx.execute(update(reviews).where(reviews.c.id == review_id).values(values))
            return Decided(
                await _find(tx, account_id, review_id),
                await _ids(tx, videos.c.id, _video_waits(review_id)),
                await _ids(tx, avatars.c.id, _avatar_waits(review_id)),
            )

    async def run(self) -> None:
        """Erases what was kept long enough, again and again until cancelled."""
        while True:
            try:
                await self.purge()
            except (StorageFull, Unavailable) as error:
                log.warning("reviews.not_purged", reason=error.reason)
            await asyncio.sleep(_PURGE_EVERY_S)

    async def purge(self) -> None:
        """Erases the contents of reviews that ended long ago; what was decided stays."""
        async with self._database.write() as tx:
            ended_by = await tx.now() - CONTENT_IS_KEPT
            is_over = or_(
                reviews.c.decided_at <= ended_by,
                and_(reviews.c.decided_at.is_(None), reviews.c.due_at <= ended_by),
            )
            has_content = or_(reviews.c.text != "", reviews.c.asset_id != "")
            query = select(reviews).where(is_over, has_content, ~reviews.c.for_training)
            for row in await tx.all(query.limit(_AT_ONCE)):
                await _forget_content(tx, self._erasures, row)
        self._erasures.hurry()

    async def _begin(
        self, tx: Transaction, account_id: str, new: NewReview, due_at: datetime
    ) -> Row[Any]:
        values = await _sealed(tx, account_id, new) | {
            "id": new_id(REVIEW_ID),
            "account_id": account_id,
            "status": ReviewStatus.PENDING,
            "due_at": due_at,
            "for_training": False,
            "created_at": await tx.now(),
        }
        return await tx.one(insert(reviews).values(values).returning(*reviews.c))

    async def _renew(
        self, tx: Transaction, row: Row[Any], new: NewReview, due_at: datetime, *, anew: bool
    ) -> Row[Any]:
        """Waits for as long as the later of two callers wants."""
        values: dict[str, Any] = {"due_at": max(row.due_at, due_at)}
        if anew:
            values = await _sealed(tx, row.account_id, new) | {"due_at": due_at}
        if row.asset_id != new.asset_id:
            gone = row if anew else new
            if gone.owns_asset:
                await erase_asset(tx, self._erasures, row.account_id, gone.asset_id)
        this = update(reviews).where(reviews.c.id == row.id)
        return await tx.one(this.values(values).returning(*reviews.c))


def awaited(review_id: ColumnElement[Any], now: datetime) -> ColumnElement[bool]:
    """Whether a person is still waited for in the review that a job's column names."""
    return exists().where(
        reviews.c.id == review_id, reviews.c.status == ReviewStatus.PENDING, reviews.c.due_at > now
    )


async def withdraw(tx: Transaction, erasures: Erasures, review_id: str | None) -> None:
    """A job that waited is gone: nobody is asked any more, unless another job waits as well."""
    if not review_id:
        return
    row = await tx.one_or_none(select(reviews).where(reviews.c.id == review_id))
    if row is None or row.status is not ReviewStatus.PENDING:
        return
    if await _ids(tx, videos.c.id, _video_waits(review_id)) or await _ids(
        tx, avatars.c.id, _avatar_waits(review_id)
    ):
        return
    await tx.execute(update(reviews).where(reviews.c.id == review_id).values(due_at=await tx.now()))
    await _forget_content(tx, erasures, row)


async def _forget_content(tx: Transaction, erasures: Erasures, row: Row[Any]) -> None:
    if row.owns_asset:
        await erase_asset(tx, erasures, row.account_id, row.asset_id)
    emptied = {"text": "", "asset_id": "", "owns_asset": False}
    await tx.execute(update(reviews).where(reviews.c.id == row.id).values(emptied))


async def _ids(
    tx: Transaction, column: ColumnElement[Any], condition: ColumnElement[bool]
) -> tuple[str, ...]:
    return tuple(row[0] for row in await tx.all(select(column).where(condition).order_by(column)))


def _video_waits(review_id: str) -> ColumnElement[bool]:
    return (videos.c.review_id == review_id) & videos.c.status.in_(_WAITING_VIDEOS)


def _avatar_waits(review_id: str) -> ColumnElement[bool]:
    return (avatars.c.review_id == review_id) & (avatars.c.status == AvatarStatus.PREPARING)


def _stands(status: ReviewStatus, now: datetime) -> ColumnElement[bool]:
    pending = reviews.c.status == ReviewStatus.PENDING
    if status is ReviewStatus.PENDING:
        return pending & (reviews.c.due_at > now)
    lapsed = pending & (reviews.c.due_at <= now) & (reviews.c.otherwise == status)
    return (reviews.c.status == status) | lapsed


async def _find(tx: Transaction, account_id: str, review_id: str) -> Review:
    query = select(reviews).where(reviews.c.id == review_id, reviews.c.account_id == account_id)
    row = await tx.one_or_none(query)
    if row is None:
        raise ReviewNotFound("no such review")
    made = select(review_decisions).where(review_decisions.c.review_id == review_id)
    rows = await tx.all(made.order_by(review_decisions.c.decided_at, review_decisions.c.id))
    decisions = [await _decision(tx, account_id, row) for row in rows]
    return replace(await _read(tx, row, await tx.now()), decisions=tuple(decisions))


async def _sealed(tx: Transaction, account_id: str, new: NewReview) -> dict[str, Any]:
    values = asdict(new)
    del values["time_limit_s"]
    values["text"] = await tx.seal(reviews.c.text, account_id, new.text)
    return values


async def _decision(tx: Transaction, account_id: str, row: Row[Any]) -> Decision:
    note = await tx.unseal(review_decisions.c.note, account_id, row.note)
    return Decision(row.status, row.author, note, row.decided_at)


async def _read(tx: Transaction, row: Row[Any], now: datetime) -> Review:
    values = row._asdict()
    del values["owns_asset"]
    values["text"] = await tx.unseal(reviews.c.text, row.account_id, row.text)
    if row.status is ReviewStatus.PENDING and row.due_at <= now:
        values["status"] = row.otherwise
    return Review(**values, decided=row.status is not ReviewStatus.PENDING)
