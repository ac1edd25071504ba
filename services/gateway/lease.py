"""A worker's hold on one video job, and how the catalog learns how the job comes on."""

from __future__ import annotations

import asyncio
from enum import StrEnum

import structlog

from services.common.errors import DomainError, StateConflict, Unavailable, VideoNotFound
from services.gateway.jobs import News
from services.gateway.pipeline import Stage
from services.gateway.ports import Videos
from services.gateway.records import Trouble, Video, VideoResult, VideoStatus

log = structlog.get_logger()

_TICK_S = 1.0
_LAST_WORD_DELAYS_S = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Pauses between tries to tell the catalog how a job ended."""
_STAGE_PROGRESS = {
    Stage.MODERATING: 0.0,
    Stage.SYNTHESISING: 0.02,
    Stage.RENDERING: 0.05,
    Stage.ARCHIVING: 0.97,
}
_DRAWING_SHARE = _STAGE_PROGRESS[Stage.ARCHIVING] - _STAGE_PROGRESS[Stage.RENDERING]


class Stop(StrEnum):
    """Why a worker must let go of a job."""

    CANCELLED = "cancelled"
    LOST = "lost"


class Lease:
    """One attempt at a video; whoever holds it is the only one who may move the job.

    It is an Observer of the pipeline: what it is told reaches the catalog within a second.
    """

    def __init__(
        self, videos: Videos, news: News, video: Video, *, holder: str, lease_s: int
    ) -> None:
        self.video = video
        self.stopped: asyncio.Future[Stop] = asyncio.get_running_loop().create_future()
        """Done when the job is to stop before its end."""
        self._videos = videos
        self._news = news
        self._holder = holder
        self._lease_s = lease_s
        self._renewed_s = asyncio.get_running_loop().time()
        self._status = video.status
        self._progress = 0.0
        self._told: tuple[VideoStatus, float] = (video.status, 0.0)
        if video.cancel_requested:
            self.stop(Stop.CANCELLED)

    @classmethod
    async def take(
        cls, videos: Videos, news: News, video: Video, *, holder: str, lease_s: int
    ) -> Lease:
        """Takes the job. Raises StateConflict when it ended or another worker holds it."""
        taken = await videos.lease(video.account_id, video.id, holder=holder, lease_s=lease_s)
        return cls(videos, news, taken, holder=holder, lease_s=lease_s)

    def entered(self, stage: Stage) -> None:
        """The video is now in this stage."""
        self._status = VideoStatus(stage.value)
        self._progress = max(self._progress, _STAGE_PROGRESS[stage])

    def advanced(self, share: float) -> None:
        """That share of the script has been drawn."""
        drawn = _STAGE_PROGRESS[Stage.RENDERING] + _DRAWING_SHARE * share
        self._progress = max(self._progress, round(drawn, 2))

    def stop(self, why: Stop) -> None:
        """The job is to stop; the first reason stands."""
        if not self.stopped.done():
            self.stopped.set_result(why)

    async def keep(self) -> None:
        """Renews the lease and passes the progress on until cancelled or stopped."""
        while not self.stopped.done():
            try:
                await self._tick()
            except (StateConflict, VideoNotFound):
                self.stop(Stop.LOST)
            except Unavailable as error:
                log.warning("lease.unreachable", reason=error.reason)
                if self._age_s() > self._lease_s:
                    self.stop(Stop.LOST)
            await asyncio.sleep(_TICK_S)

    async def end(
        self,
        status: VideoStatus,
        *,
        error: Trouble | None = None,
        result: VideoResult | None = None,
    ) -> Video:
        """Tells the catalog how the job ended; waits out a short outage of it.

        Raises StateConflict or VideoNotFound when it is no longer ours, Unavailable.
        """
        progress = 1.0 if status is VideoStatus.SUCCEEDED else self._progress
        for delay_s in _LAST_WORD_DELAYS_S:
            try:
                return await self._update(status, progress, error, result)
            except Unavailable as unavailable:
                log.warning("lease.unreachable", reason=unavailable.reason)
                await asyncio.sleep(delay_s)
        return await self._update(status, progress, error, result)

    async def give_back(self) -> None:
        """Lets another worker take the job at once, if the catalog can be reached."""
        try:
            await self._update(VideoStatus.QUEUED, 0.0, None, None)
        except DomainError as error:
            log.info("lease.not_given_back", reason=error.reason)

    async def put_aside(self, review_id: str) -> Video:
        """Lets go of a job that waits for a person; whoever decides has it taken up again.

        Raises StateConflict or VideoNotFound when it is no longer ours, Unavailable.
        """
        return await self._update(VideoStatus.MODERATING, self._progress, None, None, review_id)

    async def _tick(self) -> None:
        if self._age_s() > self._lease_s / 3:
            self._look(
                await self._videos.lease(
                    self.video.account_id,
                    self.video.id,
                    holder=self._holder,
                    lease_s=self._lease_s,
                )
            )
            self._renewed_s = asyncio.get_running_loop().time()
        if (self._status, self._progress) != self._told:
            self._look(await self._update(self._status, self._progress, None, None))

    def _age_s(self) -> float:
        return asyncio.get_running_loop().time() - self._renewed_s

    def _look(self, video: Video) -> None:
        if video.cancel_requested:
            self.stop(Stop.CANCELLED)

    async def _update(
        self,
        status: VideoStatus,
        progress: float,
        error: Trouble | None,
        result: VideoResult | None,
        review_id: str = "",
    ) -> Video:
        video = await self._videos.update(
            self.video.account_id,
            self.video.id,
            holder=self._holder,
            status=status,
            progress=progress,
            error=error,
            result=result,
            review_id=review_id,
        )
        self._told = (status, progress)
        await self._news.video_changed(video)
        return video
