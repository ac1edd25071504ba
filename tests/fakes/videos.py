"""Video jobs in memory, with the leases and conflicts of the real catalog."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from services.common.errors import (
    InvalidInput,
    StateConflict,
    StreamNotFound,
    UnsupportedMedia,
    VideoNotFound,
)
from services.common.ids import new_id
from services.gateway.look import Look
from services.gateway.ports import Assets
from services.gateway.records import (
    AvatarStatus,
    NewVideo,
    Page,
    Stranded,
    StreamRecord,
    Trouble,
    Video,
    VideoResult,
    VideoSpec,
    VideoStatus,
)
from tests.fakes.catalog import FakeAvatars, page_of

Permit = Callable[[str, str, Look], None]
"""Refuses, or records, what bears no mark: the account, the video or stream, its look."""
_BADLY_ENDED = {VideoStatus.FAILED, VideoStatus.REJECTED}


@dataclass
class FakeVideos:
    """Video jobs of all accounts; leases run out by `now`."""

    avatars: FakeAvatars
    assets: Assets
    streams: Mapping[str, StreamRecord]
    now: Callable[[], datetime]
    permit: Permit
    kept: dict[str, Video] = field(default_factory=dict)
    """Without their places in the queue."""
    leases: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    moved_at: dict[str, datetime] = field(default_factory=dict)
    history: list[tuple[VideoStatus, float]] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)
    """Raised by the next updates, one each."""
    updated: asyncio.Event = field(default_factory=asyncio.Event)
    """Set at each update."""

    async def create(self, account_id: str, new: NewVideo) -> Video:
        await self._check_ingredients(account_id, new.spec)
        video_id = new_id("vd")
        if new.spec.stream_id is None:
            self.permit(account_id, video_id, new.spec.look)
        video = Video(
            id=video_id,
            account_id=account_id,
            spec=new.spec,
            status=VideoStatus.QUEUED,
            progress=0.0,
            queue_position=None,
            duration_s=None,
            width=new.spec.width,
            height=new.spec.height,
            size_bytes=None,
            error=None,
            metadata=new.metadata,
            webhook_url=new.webhook_url,
            cancel_requested=False,
            attempts=0,
            content=None,
            words=None,
            created_at=self.now(),
            started_at=None,
            finished_at=None,
            deleted_at=None,
        )
        return self._moved(video)

    async def _check_ingredients(self, account_id: str, spec: VideoSpec) -> None:
        if spec.stream_id is not None:
            stream = self.streams.get(spec.stream_id)
            if stream is None or stream.account_id != account_id:
                raise StreamNotFound("no such stream")
            if stream.spec.avatar_id != spec.avatar_id:
                raise InvalidInput("the stream shows another avatar")
            return
        await self.avatars.require_ready(account_id, spec.avatar_id)
        if spec.audio_asset_id is not None:
            asset = await self.assets.get(account_id, spec.audio_asset_id)
            if asset.kind != "audio":
                raise UnsupportedMedia("a script is a text or a recording")

    async def get(self, account_id: str, video_id: str) -> Video:
        return self._told(self._find(account_id, video_id))

    async def list(self, account_id: str, *, limit: int, cursor: str) -> Page[Video]:
        mine = [
            self._told(video)
            for video in self.kept.values()
            if video.account_id == account_id and video.deleted_at is None
        ]
        return page_of(mine, limit, cursor, "vd")

    async def cancel(self, account_id: str, video_id: str) -> Video:
        video = self._find(account_id, video_id)
        if video.ended:
            return self._told(video)
        if video.status is VideoStatus.QUEUED or not self._held(video_id):
            return self._moved(self._cancelled(video))
        return self._keep(replace(video, cancel_requested=True))

    async def delete(self, account_id: str, video_id: str) -> None:
        video = self._find(account_id, video_id)
        if video.deleted_at is not None:
            return
        ended = video if video.ended else self._cancelled(video)
        text = None if video.spec.text is None else ""
        self._keep(
            replace(
                ended,
                spec=replace(video.spec, text=text, look=Look()),
                metadata={},
                webhook_url="",
                content=None,
                words=None,
                deleted_at=self.now(),
            )
        )

    async def lease(self, account_id: str, video_id: str, *, holder: str, lease_s: int) -> Video:
        if not holder or lease_s <= 0:
            raise InvalidInput("a lease has a holder and lasts at least a second")
        video = self._find(account_id, video_id)
        mine = self.leases.get(video_id, ("", None))[0] == holder
        if video.ended or (not mine and self._held(video_id)):
            raise StateConflict("another holds it")
        self.leases[video_id] = (holder, self.now() + timedelta(seconds=lease_s))
        attempts = video.attempts if mine else video.attempts + 1
        begun = video.started_at or self.now()
        return self._moved(replace(video, attempts=attempts, started_at=begun))

    async def update(
        self,
        account_id: str,
        video_id: str,
        *,
        holder: str,
        status: VideoStatus,
        progress: float,
        error: Trouble | None = None,
        result: VideoResult | None = None,
        review_id: str = "",
    ) -> Video:
        if self.failures:
            raise self.failures.pop(0)
        _check_move(status, progress, error, result)
        video = self._find(account_id, video_id)
        if video.ended or self.leases.get(video_id, ("", None))[0] != holder:
            raise StateConflict("the lease is lost")
        self.history.append((status, progress))
        self.updated.set()
        if status is VideoStatus.QUEUED or review_id:
            self.leases.pop(video_id)
            if video.cancel_requested:
                return self._moved(self._cancelled(video))
        if status is VideoStatus.QUEUED:
            return self._moved(replace(video, status=status, progress=0.0))
        progress = max(video.progress, progress)
        known = review_id or video.review_id
        video = replace(video, status=status, progress=progress, error=error, review_id=known)
        if video.ended:
            self.leases.pop(video_id)
            video = replace(video, finished_at=self.now())
        return self._moved(_with(video, result) if result else video)

    async def stranded(self, *, idle_s: int) -> Stranded:
        idle_since = self.now() - timedelta(seconds=idle_s)
        waiting = [
            video
            for video in self.kept.values()
            if not (video.ended or self._held(video.id)) and self.moved_at[video.id] <= idle_since
        ]
        preparing = [
            avatar
            for avatar in self.avatars.kept.values()
            if avatar.status is AvatarStatus.PREPARING and avatar.created_at <= idle_since
        ]
        return Stranded(tuple(_brief(self._told(video)) for video in waiting), tuple(preparing))

    def put(self, video: Video, **changes: object) -> Video:
        """Changes a job behind everybody's back."""
        return self._moved(replace(video, **changes))  # type: ignore[arg-type]  # any field

    def _find(self, account_id: str, video_id: str) -> Video:
        video = self.kept.get(video_id)
        if video is None or video.account_id != account_id:
            raise VideoNotFound("no such video")
        return video

    def _held(self, video_id: str) -> bool:
        return video_id in self.leases and self.leases[video_id][1] > self.now()

    def _cancelled(self, video: Video) -> Video:
        self.leases.pop(video.id, None)
        ended = VideoStatus.CANCELLED
        return replace(video, status=ended, cancel_requested=True, finished_at=self.now())

    def _moved(self, video: Video) -> Video:
        self.moved_at[video.id] = self.now()
        return self._keep(video)

    def _keep(self, video: Video) -> Video:
        self.kept[video.id] = replace(video, queue_position=None)
        return self._told(video)

    def _told(self, video: Video) -> Video:
        """With its place in the queue."""
        if video.status is not VideoStatus.QUEUED:
            return replace(video, queue_position=None)
        ahead = [v for v in self.kept.values() if v.status is video.status and v.id < video.id]
        return replace(video, queue_position=len(ahead))


def _check_move(
    status: VideoStatus, progress: float, error: Trouble | None, result: VideoResult | None
) -> None:
    if not 0 <= progress <= 1:
        raise InvalidInput("progress must be from 0 to 1")
    if (status is VideoStatus.SUCCEEDED) != (result is not None):
        raise InvalidInput("a result belongs to SUCCEEDED")
    if (status in _BADLY_ENDED) != (error is not None):
        raise InvalidInput("an error belongs to FAILED and REJECTED")


def _with(video: Video, result: VideoResult) -> Video:
    return replace(
        video,
        progress=1.0,
        content=result.content,
        words=result.words,
        duration_s=result.duration_s,
        width=result.width,
        height=result.height,
        size_bytes=result.size_bytes,
    )


def _brief(video: Video) -> Video:
    text = None if video.spec.text is None else ""
    return replace(video, spec=replace(video.spec, text=text, look=Look()), metadata={})
