"""Live streams, as the catalog records them: they only move forward, and end once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, insert, select, update

from services.common.errors import InvalidInput, StateConflict, StreamNotFound, VideoNotFound
from services.common.ids import new_id
from services.storage.catalog.avatars import require_ready_avatar
from services.storage.catalog.database import Database, Transaction
from services.storage.catalog.page import Page, PageRequest
from services.storage.catalog.records import Stream, StreamSpec, StreamStatus
from services.storage.catalog.tables import streams, videos
from services.storage.identity.accounts import require_open
from services.storage.provenance.agreements import permit
from services.storage.usage.meter import count_streams
from services.storage.usage.quotas import NO_LIMITS, admit_stream
from services.storage.usage.records import Limits

STREAM_ID = "st"
MAX_UNENDED = 500
_UNENDED = tuple(status for status in StreamStatus if not status.is_end)
_REASON = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_MAX_REASON_CHARACTERS = 64


@dataclass(frozen=True, slots=True)
class StreamMove:
    """How a stream comes on, as its gateway tells it."""

    status: StreamStatus
    reason: str
    recording_video_id: str
    """Empty: as it is."""

    def __post_init__(self) -> None:
        """Raises InvalidInput when the parts don't fit together."""
        if self.status.is_end != bool(self.reason):
            raise InvalidInput("a reason belongs to ENDED and FAILED")
        too_long = len(self.reason) > _MAX_REASON_CHARACTERS
        if self.reason and (too_long or not _REASON.fullmatch(self.reason)):
            raise InvalidInput("a reason is a word in snake case")


class Streams:
    """The record of streams. Every method may raise Unavailable or StorageFull."""

    def __init__(self, database: Database, limits: Limits = NO_LIMITS) -> None:
        self._database = database
        self._limits = limits

    async def create(self, account_id: str, spec: StreamSpec) -> Stream:
        """Records a stream, created.

        Raises AccountClosing, AvatarNotFound, AvatarNotReady, Restricted, AgreementRequired,
        QuotaExceeded, QuotaUsedUp.
        """
        stream_id = new_id(STREAM_ID)
        async with self._database.write() as tx:
            await require_open(tx, account_id)
            await admit_stream(tx, account_id, self._limits)
            await require_ready_avatar(tx, account_id, spec.avatar_id)
            await permit(tx, account_id, stream_id, spec.look)
            values = {
                "id": stream_id,
                "account_id": account_id,
                **_spec_columns(spec),
                "status": StreamStatus.CREATED,
                "reason": "",
                "recording_video_id": "",
                "created_at": await tx.now(),
            }
            return _record(await tx.one(insert(streams).values(values).returning(*streams.c)))

    async def get(self, account_id: str, stream_id: str) -> Stream:
        """One stream. Raises StreamNotFound."""
        async with self._database.read() as tx:
            row = await tx.one_or_none(select(streams).where(*_this(account_id, stream_id)))
        return _record(_found(row))

    async def list(self, account_id: str, *, limit: int, cursor: str) -> Page[Stream]:
        """A page of the account's streams, newest first. Raises InvalidInput."""
        wanted = PageRequest.parse(limit, cursor, prefix=STREAM_ID)
        query = select(streams).where(streams.c.account_id == account_id)
        async with self._database.read() as tx:
            return wanted.page(await tx.all(wanted.apply(query, streams.c.id)), _record)

    async def move(self, account_id: str, stream_id: str, move: StreamMove) -> Stream:
        """Moves a stream forward; what is told again changes nothing, and the first reason stands.

        Raises StreamNotFound, VideoNotFound, StateConflict.
        """
        this = _this(account_id, stream_id)
        async with self._database.write() as tx:
            stream = _found(await tx.one_or_none(select(streams).where(*this).with_for_update()))
            values = await _moved(tx, stream, move) | await _recorded(tx, stream, move)
            if not values:
                return _record(stream)
            changed = update(streams).where(*this).values(values).returning(*streams.c)
            return _record(await tx.one(changed))

    async def unended(self, *, limit: int, after: str) -> tuple[Stream, ...]:
        """Streams of all accounts that have not ended and whose id follows `after`, oldest first.

        Raises InvalidInput.
        """
        if not 1 <= limit <= MAX_UNENDED:
            raise InvalidInput(f"limit must be from 1 to {MAX_UNENDED}")
        query = select(streams).where(streams.c.status.in_(_UNENDED), streams.c.id > after)
        async with self._database.read() as tx:
            return tuple(map(_record, await tx.all(query.order_by(streams.c.id).limit(limit))))


async def end_streams(
    tx: Transaction, account_id: str, avatar_ids: Sequence[str] | None, reason: str
) -> tuple[str, ...]:
    """Ends what is shown live of some avatars, or of all (None); which streams those were."""
    now = await tx.now()
    shown = [streams.c.account_id == account_id, streams.c.status.in_(_UNENDED)]
    if avatar_ids is not None:
        shown.append(streams.c.avatar_id.in_(avatar_ids))
    ended = {"status": StreamStatus.ENDED, "reason": reason, "ended_at": now}
    changed = update(streams).where(*shown).values(ended)
    rows = await tx.all(changed.returning(streams.c.id, streams.c.live_at))
    await count_streams(tx, account_id, [row.live_at for row in rows], now)
    return tuple(sorted(row.id for row in rows))


async def _moved(tx: Transaction, stream: Row[Any], move: StreamMove) -> dict[str, Any]:
    if move.status is stream.status:
        return {}
    if stream.status.is_end or not move.status.follows(stream.status):
        raise StateConflict(f"the stream is {stream.status}")
    values: dict[str, Any] = {"status": move.status, "reason": move.reason}
    if move.status is StreamStatus.LIVE:
        values["live_at"] = await tx.now()
    if move.status.is_end:
        values["ended_at"] = await tx.now()
        await count_streams(tx, stream.account_id, [stream.live_at], values["ended_at"])
    return values


async def _recorded(tx: Transaction, stream: Row[Any], move: StreamMove) -> dict[str, Any]:
    video_id = move.recording_video_id
    if video_id in ("", stream.recording_video_id):
        return {}
    if stream.recording_video_id:
        raise StateConflict("the stream has another recording")
    made_of_it = (
        videos.c.id == video_id,
        videos.c.account_id == stream.account_id,
        videos.c.stream_id == stream.id,
    )
    if await tx.one_or_none(select(videos.c.id).where(*made_of_it)) is None:
        raise VideoNotFound("no such video of this stream")
    return {"recording_video_id": video_id}


def _this(account_id: str, stream_id: str) -> tuple[ColumnElement[bool], ...]:
    return (streams.c.id == stream_id, streams.c.account_id == account_id)


def _found(row: Row[Any] | None) -> Row[Any]:
    if row is None:
        raise StreamNotFound("no such stream")
    return row


def _spec_columns(spec: StreamSpec) -> dict[str, Any]:
    return {
        "avatar_id": spec.avatar_id,
        "voice_id": spec.voice_id,
        "width": spec.width,
        "height": spec.height,
        "fps": spec.fps,
        "idle_timeout_s": spec.idle_timeout_s,
        "max_duration_s": spec.max_duration_s,
        "record": spec.record,
        "look": spec.look,
    }


def _record(row: Row[Any]) -> Stream:
    return Stream(
        id=row.id,
        account_id=row.account_id,
        spec=StreamSpec(
            avatar_id=row.avatar_id,
            voice_id=row.voice_id,
            width=row.width,
            height=row.height,
            fps=row.fps,
            idle_timeout_s=row.idle_timeout_s,
            max_duration_s=row.max_duration_s,
            record=row.record,
            look=row.look or {},
        ),
        status=row.status,
        reason=row.reason,
        recording_video_id=row.recording_video_id,
        created_at=row.created_at,
        live_at=row.live_at,
        ended_at=row.ended_at,
    )
