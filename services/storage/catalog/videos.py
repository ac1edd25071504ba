"""Video jobs and their results, as the catalog records them.

A job has at most one holder: whoever changes it locks its row, so that what is looked at still
holds when it is changed. A lease that ran out is still its holder's until another takes it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, case, func, insert, or_, select, update

from services.common.errors import (
    AssetNotFound,
    InvalidInput,
    StateConflict,
    StreamNotFound,
    UnsupportedMedia,
    VideoNotFound,
)
from services.common.ids import new_id
from services.storage.catalog.avatars import avatar_record, require_ready_avatar
from services.storage.catalog.database import Database, Transaction
from services.storage.catalog.erasures import LATE_WRITES_END_AFTER, Erasures
from services.storage.catalog.page import Page, PageRequest
from services.storage.catalog.records import (
    AssetKind,
    Avatar,
    AvatarStatus,
    Problem,
    Video,
    VideoResult,
    VideoSpec,
    VideoStatus,
)
from services.storage.catalog.reviews import awaited, withdraw
from services.storage.catalog.tables import assets, avatars, streams, videos
from services.storage.identity.accounts import require_open
from services.storage.provenance.agreements import permit
from services.storage.provenance.fingerprints import forget
from services.storage.refs import VIDEOS, ObjectRef
from services.storage.usage.meter import count_video
from services.storage.usage.quotas import NO_LIMITS, admit_video
from services.storage.usage.records import Limits

VIDEO_ID = "vd"
_UNFINISHED = tuple(status for status in VideoStatus if not status.is_end)
_BADLY_ENDED = (VideoStatus.FAILED, VideoStatus.REJECTED)
_FREE = {"lease_holder": None, "leased_until": None}
_MOST_STRANDED = 500
_ahead = videos.alias()
_POSITION = case(
    (
        videos.c.status == VideoStatus.QUEUED,
        select(func.count())
        .where(_ahead.c.status == VideoStatus.QUEUED, _ahead.c.id < videos.c.id)
        .scalar_subquery(),
    ),
    else_=None,
).label("queue_position")
_QUERY = select(videos, _POSITION)


@dataclass(frozen=True, slots=True)
class NewVideo:
    """A job that is to be recorded."""

    spec: VideoSpec
    metadata: dict[str, Any]
    webhook_url: str


@dataclass(frozen=True, slots=True)
class Move:
    """How far a job has come, as its holder tells it."""

    status: VideoStatus
    progress: float
    error: Problem | None
    result: VideoResult | None
    review_id: str = ""
    """The review that it waits for; its lease ends."""

    def __post_init__(self) -> None:
        """Raises InvalidInput when the parts don't fit together."""
        if not (math.isfinite(self.progress) and 0 <= self.progress <= 1):
            raise InvalidInput("progress must be from 0 to 1")
        if (self.status is VideoStatus.SUCCEEDED) != (self.result is not None):
            raise InvalidInput("a result belongs to SUCCEEDED")
        if (self.status in _BADLY_ENDED) != (self.error is not None):
            raise InvalidInput("an error belongs to FAILED and REJECTED")
        if self.review_id and self.status is not VideoStatus.MODERATING:
            raise InvalidInput("a review belongs to MODERATING")


@dataclass(frozen=True, slots=True)
class Stranded:
    """Jobs that stand still without a worker, oldest first."""

    videos: tuple[Video, ...]
    avatars: tuple[Avatar, ...]


class Videos:
    """The record of videos. Every method may raise Unavailable or StorageFull."""

    def __init__(self, database: Database, erasures: Erasures, limits: Limits = NO_LIMITS) -> None:
        self._database = database
        self._erasures = erasures
        self._limits = limits

    async def create(self, account_id: str, new: NewVideo) -> Video:
        """Records a job, queued.

        Raises AvatarNotFound, AvatarNotReady, Restricted, AssetNotFound, UnsupportedMedia,
        StreamNotFound, AgreementRequired, and but for what a stream is recorded to, AccountClosing,
        QuotaExceeded, QuotaUsedUp.
        """
        video_id = new_id(VIDEO_ID)
        async with self._database.write() as tx:
            if new.spec.stream_id is None:
                await require_open(tx, account_id)
                await admit_video(tx, account_id, self._limits)
            await _check_ingredients(tx, account_id, new.spec)
            if new.spec.stream_id is None:
                # A recording is what its stream was permitted to be.
                await permit(tx, account_id, video_id, new.spec.look)
            now = await tx.now()
            values = {
                "id": video_id,
                "account_id": account_id,
                **_spec_columns(new.spec),
                "text": await _sealed(tx, account_id, new.spec.text),
                "status": VideoStatus.QUEUED,
                "progress": 0.0,
                "width": new.spec.width,
                "height": new.spec.height,
                "metadata": new.metadata,
                "webhook_url": new.webhook_url,
                "cancel_requested": False,
                "attempts": 0,
                "moved_at": now,
                "created_at": now,
            }
            await tx.execute(insert(videos).values(values))
            return await _find(tx, account_id, video_id)

    async def get(self, account_id: str, video_id: str) -> Video:
        """One video, erased or not. Raises VideoNotFound."""
        async with self._database.read() as tx:
            return await _find(tx, account_id, video_id)

    async def list(self, account_id: str, *, limit: int, cursor: str) -> Page[Video]:
        """A page of the account's videos that are not erased, newest first. Raises InvalidInput."""
        wanted = PageRequest.parse(limit, cursor, prefix=VIDEO_ID)
        query = _QUERY.where(videos.c.account_id == account_id, videos.c.deleted_at.is_(None))
        async with self._database.read() as tx:
            rows = await tx.all(wanted.apply(query, videos.c.id))
            return await wanted.read(rows, lambda row: _read(tx, row))

    async def lease(self, account_id: str, video_id: str, *, holder: str, lease_s: int) -> Video:
        """Takes or renews the lease on a job. Raises VideoNotFound, StateConflict, InvalidInput."""
        if not holder or lease_s <= 0:
            raise InvalidInput("a lease has a holder and lasts at least a second")
        async with self._database.write() as tx:
            job = await _locked(tx, account_id, video_id)
            now = await tx.now()
            if job.status.is_end:
                raise StateConflict(f"the job is {job.status}")
            mine = job.lease_holder == holder
            if not mine and _is_held(job, now):
                raise StateConflict("another worker holds the job")
            values = {
                "lease_holder": holder,
                "leased_until": now + timedelta(seconds=lease_s),
                "attempts": job.attempts if mine else job.attempts + 1,
                "started_at": job.started_at or now,
                "moved_at": now,
            }
            return await _changed(tx, job, values)

    async def update(self, account_id: str, video_id: str, *, holder: str, move: Move) -> Video:
        """Moves a job on; QUEUED gives it back. Raises VideoNotFound, StateConflict."""
        async with self._database.write() as tx:
            job = await _locked(tx, account_id, video_id)
            if job.status.is_end or job.lease_holder != holder:
                raise StateConflict("the lease is lost")
            now = await tx.now()
            lets_go = move.status is VideoStatus.QUEUED or bool(move.review_id)
            if lets_go and job.cancel_requested:
                values = _cancelled(now)
            else:
                values = {"moved_at": now} | _moved(job, move, now)
            if move.result is not None and job.stream_id is None:
                await count_video(tx, account_id, move.result.duration_s)
            if values["status"].is_end and move.result is None:
                await self._erase(tx, job, running=False)
            video = await _changed(tx, job, values)
        self._erasures.hurry()
        return video

    async def cancel(self, account_id: str, video_id: str) -> Video:
        """Ends a job that no worker holds, marks one that is held; an ended one stays as it is.

        Raises VideoNotFound.
        """
        async with self._database.write() as tx:
            job = await _locked(tx, account_id, video_id)
            now = await tx.now()
            if job.status.is_end:
                values: dict[str, Any] = {}
            elif job.status is VideoStatus.QUEUED or not _is_held(job, now):
                values = _cancelled(now)
                await self._erase(tx, job, running=True)
            else:
                values = {"cancel_requested": True}
            video = await _changed(tx, job, values)
            if video.status.is_end:
                await withdraw(tx, self._erasures, job.review_id)
        self._erasures.hurry()
        return video

    async def delete(self, account_id: str, video_id: str) -> None:
        """Erases a video's content and ends its job; a tombstone stays. Raises VideoNotFound."""
        async with self._database.write() as tx:
            job = await _locked(tx, account_id, video_id)
            if job.deleted_at is not None:
                return
            now = await tx.now()
            ended = {} if job.status.is_end else _cancelled(now)
            await self._erase(tx, job, running=not job.status.is_end)
            await _changed(tx, job, ended | _tombstone(job, now))
            await withdraw(tx, self._erasures, job.review_id)
        self._erasures.hurry()

    async def stranded(self, *, idle_s: int) -> Stranded:
        """Jobs of all accounts that no worker holds and that have stood still for so long.

        Texts and metadata are left out; of very many only the oldest are told.
        """
        async with self._database.read() as tx:
            now = await tx.now()
            idle_since = now - timedelta(seconds=idle_s)
            waiting = _QUERY.where(
                videos.c.status.in_(_UNFINISHED),
                or_(videos.c.leased_until.is_(None), videos.c.leased_until <= now),
                videos.c.moved_at <= idle_since,
                ~awaited(videos.c.review_id, now),
            ).order_by(videos.c.id)
            preparing = (
                select(avatars)
                .where(
                    avatars.c.status == AvatarStatus.PREPARING,
                    avatars.c.created_at <= idle_since,
                    ~awaited(avatars.c.review_id, now),
                )
                .order_by(avatars.c.id)
            )
            return Stranded(
                tuple(map(_brief, await tx.all(waiting.limit(_MOST_STRANDED)))),
                tuple(map(avatar_record, await tx.all(preparing.limit(_MOST_STRANDED)))),
            )

    async def _erase(self, tx: Transaction, job: Row[Any], *, running: bool) -> None:
        """Has everything deleted that workers made, or one that still runs may yet write."""
        if not job.attempts:
            return
        refs = {*_places(job.account_id, job.id), job.content, job.words} - {None}
        await self._erasures.schedule(tx, list(refs))
        if running:
            await self._erasures.schedule(tx, list(refs), after=LATE_WRITES_END_AFTER)


async def end_videos(
    tx: Transaction,
    erasures: Erasures,
    account_id: str,
    avatar_ids: Sequence[str],
    *,
    finished_too: bool,
) -> tuple[list[str], list[ObjectRef]]:
    """Cancels what is being made with some avatars, and erases what was made if that is wanted.

    Which videos that were, and the objects that go.
    """
    theirs = (videos.c.account_id == account_id, videos.c.avatar_id.in_(avatar_ids))
    query = select(videos).where(*theirs, videos.c.deleted_at.is_(None)).order_by(videos.c.id)
    now = await tx.now()
    ids: list[str] = []
    objects: list[ObjectRef] = []
    for job in await tx.all(query.with_for_update()):
        running = not job.status.is_end
        if not (running or finished_too):
            continue
        refs = [*{*_places(job.account_id, job.id), job.content, job.words} - {None}]
        await erasures.schedule(tx, refs)
        if running:
            await erasures.schedule(tx, refs, after=LATE_WRITES_END_AFTER)
        ended = _cancelled(now) if running else {}
        await _changed(tx, job, ended | (_tombstone(job, now) if finished_too else {}))
        await withdraw(tx, erasures, job.review_id)
        ids.append(job.id)
        objects += [ref for ref in (job.content, job.words) if ref is not None]
    return ids, objects


def _places(account_id: str, video_id: str) -> tuple[ObjectRef, ...]:
    """Where workers put the file of a video, an MP4 or a WebM, and its words."""
    stem = f"{account_id}/{video_id}"
    return tuple(ObjectRef(VIDEOS, f"{stem}.{name}") for name in ("mp4", "webm", "words.json"))


async def _check_ingredients(tx: Transaction, account_id: str, spec: VideoSpec) -> None:
    if spec.stream_id is not None:
        await _check_stream(tx, account_id, spec)
        return
    await require_ready_avatar(tx, account_id, spec.avatar_id)
    if spec.audio_asset_id is None:
        return
    mine = (assets.c.id == spec.audio_asset_id, assets.c.account_id == account_id)
    asset = await tx.one_or_none(select(assets.c.kind).where(*mine))
    if asset is None:
        raise AssetNotFound("no such asset")
    if asset.kind is not AssetKind.AUDIO:
        raise UnsupportedMedia("a script is a text or a recording")


async def _check_stream(tx: Transaction, account_id: str, spec: VideoSpec) -> None:
    """The avatar is not looked at: it was ready when the stream began, and may be gone."""
    mine = (streams.c.id == spec.stream_id, streams.c.account_id == account_id)
    stream = await tx.one_or_none(select(streams.c.avatar_id).where(*mine))
    if stream is None:
        raise StreamNotFound("no such stream")
    if stream.avatar_id != spec.avatar_id:
        raise InvalidInput("the stream shows another avatar")


def _this(account_id: str, video_id: str) -> tuple[ColumnElement[bool], ...]:
    return (videos.c.id == video_id, videos.c.account_id == account_id)


async def _find(tx: Transaction, account_id: str, video_id: str) -> Video:
    row = await tx.one_or_none(_QUERY.where(*_this(account_id, video_id)))
    if row is None:
        raise VideoNotFound("no such video")
    return await _read(tx, row)


async def _read(tx: Transaction, row: Row[Any]) -> Video:
    text = row.text and await tx.unseal(videos.c.text, row.account_id, row.text)
    return _record(row, text)


async def _sealed(tx: Transaction, account_id: str, text: str | None) -> str | None:
    return text and await tx.seal(videos.c.text, account_id, text)


async def _locked(tx: Transaction, account_id: str, video_id: str) -> Row[Any]:
    """The job's row; nobody else changes it before the transaction ends. Raises VideoNotFound."""
    query = select(videos).where(*_this(account_id, video_id)).with_for_update()
    row = await tx.one_or_none(query)
    if row is None:
        raise VideoNotFound("no such video")
    return row


async def _changed(tx: Transaction, job: Row[Any], values: dict[str, Any]) -> Video:
    if values:
        await tx.execute(update(videos).where(videos.c.id == job.id).values(values))
    if "deleted_at" in values or values.get("status") in (*_BADLY_ENDED, VideoStatus.CANCELLED):
        await forget(tx, [job.id])
    return await _find(tx, job.account_id, job.id)


def _is_held(job: Row[Any], now: datetime) -> bool:
    return job.leased_until is not None and job.leased_until > now


def _moved(job: Row[Any], move: Move, now: datetime) -> dict[str, Any]:
    if move.status is VideoStatus.QUEUED:
        return {"status": move.status, "progress": 0.0, **_FREE}
    values: dict[str, Any] = {
        "status": move.status,
        "progress": max(job.progress, move.progress),
        "error": move.error,
    }
    if move.status.is_end:
        values |= {"finished_at": now, **_FREE}
    if move.review_id:
        values |= {"review_id": move.review_id, **_FREE}
    if move.result is not None:
        values |= {
            "progress": 1.0,
            "content": move.result.content,
            "words": move.result.words,
            "duration_s": move.result.duration_s,
            "width": move.result.width,
            "height": move.result.height,
            "size_bytes": move.result.size_bytes,
        }
    return values


def _cancelled(now: datetime) -> dict[str, Any]:
    return {
        "status": VideoStatus.CANCELLED,
        "cancel_requested": True,
        "moved_at": now,
        "finished_at": now,
        **_FREE,
    }


def _tombstone(job: Row[Any], now: datetime) -> dict[str, Any]:
    return {
        "text": None if job.text is None else "",
        "look": {},
        "metadata": {},
        "webhook_url": "",
        "content": None,
        "words": None,
        "deleted_at": now,
    }


def _spec_columns(spec: VideoSpec) -> dict[str, Any]:
    return {
        "avatar_id": spec.avatar_id,
        "audio_asset_id": spec.audio_asset_id,
        "stream_id": spec.stream_id,
        "voice_id": spec.voice_id,
        "speed": spec.speed,
        "asked_width": spec.width,
        "asked_height": spec.height,
        "fps": spec.fps,
        "subtitles": spec.subtitles,
        "look": spec.look,
    }


def _brief(row: Row[Any]) -> Video:
    """Without what people wrote, which may be long."""
    return replace(_record(row, None if row.text is None else ""), metadata={})


def _record(row: Row[Any], text: str | None) -> Video:
    return Video(
        id=row.id,
        account_id=row.account_id,
        spec=VideoSpec(
            avatar_id=row.avatar_id,
            text=text,
            audio_asset_id=row.audio_asset_id,
            stream_id=row.stream_id,
            voice_id=row.voice_id,
            speed=row.speed,
            width=row.asked_width,
            height=row.asked_height,
            fps=row.fps,
            subtitles=row.subtitles,
            look=row.look or {},
        ),
        status=row.status,
        progress=row.progress,
        queue_position=row.queue_position,
        duration_s=row.duration_s,
        width=row.width,
        height=row.height,
        size_bytes=row.size_bytes,
        error=row.error,
        metadata=row.metadata,
        webhook_url=row.webhook_url,
        cancel_requested=row.cancel_requested,
        attempts=row.attempts,
        content=row.content,
        words=row.words,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        deleted_at=row.deleted_at,
        review_id=row.review_id or "",
    )
