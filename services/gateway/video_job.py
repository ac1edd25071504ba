"""One video job from its delivery to its end: lease, pipeline, result, and every way to fail."""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from structlog.contextvars import bound_contextvars
from vultus.events.v1 import events_pb2 as events

from services.common.errors import (
    AvatarNotReady,
    ContentRejected,
    DeadlineExceeded,
    DomainError,
    Internal,
    RecordingLost,
    ReviewPending,
    StateConflict,
    StorageFull,
    VideoNotFound,
)
from services.common.ids import new_id
from services.common.jetstream import Delivery, Discard, RetryLater, retry_delay_s
from services.gateway import audio_file
from services.gateway.backgrounds import Backgrounds
from services.gateway.jobs import Jobs, News, parse_job
from services.gateway.lease import Lease, Stop
from services.gateway.media import US_PER_S
from services.gateway.moderation.approval import Approvals
from services.gateway.pipeline import (
    RECORDING_RATE_HZ,
    Script,
    Services,
    SpokenRecording,
    SpokenText,
    VideoOrder,
    make_video,
)
from services.gateway.places import leftovers, places
from services.gateway.ports import Assets, Avatars, Objects, Videos
from services.gateway.records import AvatarStatus, Video, VideoResult, VideoStatus
from services.gateway.settings import WorkerSettings
from services.gateway.strikes import Strikes
from services.gateway.trouble import trouble_of

log = structlog.get_logger()

_PAUSE_WHILE_DOWN_S = 3.0
_FEW_ATTEMPTS = 3
"""For what rarely passes by itself: a full disk, a stage that stands still."""


def _seed(video: Video) -> int:
    """The same in every attempt at a video, so that all give the same pictures."""
    return int.from_bytes(hashlib.sha256(video.id.encode()).digest()[:7], "big") + 1


class _Stopped(Exception):
    def __init__(self, why: Stop) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class Peers:
    """Whom a video job talks to."""

    videos: Videos
    avatars: Avatars
    assets: Assets
    objects: Objects
    services: Services
    approvals: Approvals
    jobs: Jobs
    news: News
    strikes: Strikes
    ready: Callable[[], Awaitable[bool]]
    """Whether every service that a job needs can be reached now."""


class VideoJobs:
    """Handles the deliveries of the queue `videos`."""

    def __init__(self, peers: Peers, settings: WorkerSettings) -> None:
        self._peers = peers
        self._settings = settings
        self._backgrounds = Backgrounds(peers.assets, peers.approvals)

    async def handle(self, delivery: Delivery) -> None:
        """Returns when the job has ended; raises RetryLater or Discard."""
        job = parse_job(delivery, events.VideoJob())
        with bound_contextvars(video_id=job.video_id):
            try:
                video = await self._peers.videos.get(job.account_id, job.video_id)
            except VideoNotFound:
                return
            if video.ended:
                if delivery.attempt > 1:
                    await self._tell_owner(video)
                return
            if not await self._peers.ready():
                raise RetryLater(_PAUSE_WHILE_DOWN_S, "a service that is needed is down")
            await self._attempt(await self._take(video))

    async def _take(self, video: Video) -> Lease:
        try:
            return await Lease.take(
                self._peers.videos,
                self._peers.news,
                video,
                holder=new_id("wk"),
                lease_s=self._settings.lease_s,
            )
        except StateConflict as error:
            raise RetryLater(self._settings.lease_s / 3, "another worker holds it") from error

    async def _attempt(self, lease: Lease) -> None:
        """One attempt under a lease; the lease is free again afterwards, come what may."""
        strikes = await self._peers.strikes.begin(lease.video.id)
        settled = False
        try:
            if strikes > self._settings.max_strikes:
                await self._bury(lease)
            await self._work(lease, strikes)
            settled = True
        except (RetryLater, Discard):
            settled = True
            raise
        except asyncio.CancelledError:
            await asyncio.shield(self._peers.strikes.end(lease.video.id))
            raise
        finally:
            if not settled:
                await asyncio.shield(lease.give_back())

    async def _work(self, lease: Lease, strikes: int) -> None:
        log.info("video.begun", attempt=lease.video.attempts)
        try:
            video = await self._supervised(lease)
        except _Stopped as stopped:
            await self._stopped(lease, stopped.why)
        except (StateConflict, VideoNotFound):
            await self._stopped(lease, Stop.LOST)
        except ContentRejected as error:
            await self._end(lease, VideoStatus.REJECTED, error)
        except ReviewPending as pending:
            await self._put_aside(lease, pending.context["review_id"])
        except Internal as error:
            if strikes >= self._settings.max_strikes:
                await self._bury(lease)
            log.exception("video.broken", strikes=strikes)
            await lease.give_back()
            raise RetryLater(retry_delay_s(strikes), error.reason) from error
        except DomainError as error:
            await self._failed(lease, error)
        else:
            log.info("video.succeeded", duration_s=video.duration_s)
            await self._tell_owner(video)
        await self._peers.strikes.end(lease.video.id)

    async def _supervised(self, lease: Lease) -> Video:
        """Makes the video while the lease is kept; ends the work when the job is to stop."""
        if lease.stopped.done():
            raise _Stopped(lease.stopped.result())
        work = asyncio.ensure_future(self._make(lease))
        keeper = asyncio.ensure_future(lease.keep())
        try:
            async with self._peers.news.on_cancel(
                lease.video.id, partial(lease.stop, Stop.CANCELLED)
            ):
                both: set[asyncio.Future[Any]] = {work, lease.stopped}
                done, _ = await asyncio.wait(
                    both,
                    timeout=self._settings.video_timeout_s,
                    return_when=asyncio.FIRST_COMPLETED,
                )
        finally:
            for task in (work, keeper):
                task.cancel()
            results = await asyncio.gather(work, keeper, return_exceptions=True)
        if work in done:
            return work.result()
        if isinstance(results[0], Video):
            return results[0]
        if lease.stopped.done():
            raise _Stopped(lease.stopped.result())
        raise DeadlineExceeded(f"it took longer than {self._settings.video_timeout_s:g} s")

    async def _make(self, lease: Lease) -> Video:
        video = lease.video
        if video.spec.stream_id is not None:
            raise RecordingLost("the recording was lost with the process that made it")
        avatar = await self._peers.avatars.get(video.account_id, video.spec.avatar_id)
        if avatar.status is not AvatarStatus.READY:
            raise AvatarNotReady("the avatar can't be used")
        content, words = places(video)
        async with self._script(video) as script:
            order = VideoOrder(
                script,
                avatar.pack,
                video.spec.width,
                video.spec.height,
                video.spec.fps,
                content,
                words,
                self._settings.stall_s,
                seed=_seed(video),
                performance=video.spec.look.performance,
                background=await self._backgrounds.drawable(
                    video.account_id, video.spec.look.background
                ),
                mark=self._settings.mark_rules.in_file(video.spec.look),
            )
            approver = self._peers.approvals.for_job(
                video.account_id, "video", known_review_id=video.review_id
            )
            made = await make_video(self._peers.services, approver, order, lease)
        result = VideoResult(
            content,
            words,
            made.recording.duration_s,
            made.width,
            made.height,
            made.recording.size_bytes,
        )
        return await lease.end(VideoStatus.SUCCEEDED, result=result)

    @asynccontextmanager
    async def _script(self, video: Video) -> AsyncIterator[Script]:
        spec = video.spec
        if spec.audio_asset_id is None:
            yield SpokenText(spec.text or "", spec.voice_id, spec.speed)
            return
        asset = await self._peers.assets.get(video.account_id, spec.audio_asset_id)
        _, data = await self._peers.objects.open(asset.object)
        with tempfile.TemporaryDirectory(prefix="vultus-") as folder:
            path = Path(folder) / "recording"
            await audio_file.save(data, path)
            yield SpokenRecording(
                asset,
                partial(audio_file.read, path, rate_hz=RECORDING_RATE_HZ),
                int((asset.duration_s or 0) * US_PER_S),
            )

    async def _put_aside(self, lease: Lease, review_id: str) -> None:
        """A person has to decide; the job goes on when that is done, or its time is over."""
        log.info("video.awaits_review", review_id=review_id)
        try:
            video = await lease.put_aside(review_id)
        except (StateConflict, VideoNotFound):
            await self._stopped(lease, Stop.LOST)
            return
        if video.ended:
            await self._tell_owner(video)

    async def _stopped(self, lease: Lease, why: Stop) -> None:
        if why is Stop.CANCELLED:
            log.info("video.cancelled")
            await self._end(lease, VideoStatus.CANCELLED, None)
            return
        try:
            video = await self._peers.videos.get(lease.video.account_id, lease.video.id)
        except VideoNotFound:
            await self._erase(lease.video)
            return
        if not video.ended:
            raise RetryLater(self._settings.lease_s / 3, "the lease was lost")
        if video.status is not VideoStatus.SUCCEEDED or video.deleted_at is not None:
            await self._erase(video)
        await self._tell_owner(video)

    async def _failed(self, lease: Lease, error: DomainError) -> None:
        rare = isinstance(error, StorageFull | DeadlineExceeded)
        limit = _FEW_ATTEMPTS if rare else self._settings.max_attempts
        if error.retryable and lease.video.attempts < limit:
            await lease.give_back()
            await self._peers.strikes.end(lease.video.id)
            delay_s = max(retry_delay_s(lease.video.attempts), error.retry_after_s or 0.0)
            raise RetryLater(delay_s, error.reason) from error
        await self._end(lease, VideoStatus.FAILED, error)

    async def _bury(self, lease: Lease) -> None:
        await self._end(lease, VideoStatus.FAILED, Internal("the video can't be made"))
        await self._peers.strikes.end(lease.video.id)
        raise Discard("it broke its worker or failed by a defect again and again")

    async def _end(self, lease: Lease, status: VideoStatus, error: DomainError | None) -> None:
        """Ends a job without a result; what another made of it meanwhile stands."""
        log.info("video.ended", status=status.value, reason=error.reason if error else None)
        try:
            video = await lease.end(status, error=trouble_of(error) if error else None)
        except (StateConflict, VideoNotFound):
            await self._stopped(lease, Stop.LOST)
            return
        await self._erase(video)
        await self._tell_owner(video)

    async def _tell_owner(self, video: Video) -> None:
        if video.deleted_at is None:
            await self._peers.jobs.tell_owner(video, now_s=int(time.time()))

    async def _erase(self, video: Video) -> None:
        """Leaves nothing of an attempt that had no result."""
        try:
            await self._peers.objects.delete(leftovers(video))
        except DomainError as error:
            log.warning("video.leftovers", reason=error.reason)
