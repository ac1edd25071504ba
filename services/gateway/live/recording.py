"""Keeps a stream as a video: what is shown is stored as it is, nothing is encoded again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace

import structlog

from services.common.errors import DomainError
from services.common.ids import new_id
from services.gateway.jobs import News
from services.gateway.lease import Lease
from services.gateway.live.phrases import RATE_HZ
from services.gateway.live.program import RECORDER_LIMIT
from services.gateway.live.session import Session
from services.gateway.look import Look
from services.gateway.media import AudioChunk, Frame, Recordable
from services.gateway.pipeline import Stage
from services.gateway.places import places
from services.gateway.ports import Objects, Recorder, RecordingHeader, Streams, Videos
from services.gateway.records import NewVideo, Video, VideoResult, VideoSpec, VideoStatus
from services.gateway.trouble import trouble_of

log = structlog.get_logger()

_LEASE_S = 30


class Archive:
    """Makes videos of streams."""

    def __init__(
        self,
        streams: Streams,
        videos: Videos,
        recorder: Recorder,
        objects: Objects,
        news: News,
    ) -> None:
        self._streams = streams
        self._objects = objects
        self._videos = videos
        self._recorder = recorder
        self._news = news

    async def keep(self, session: Session) -> None:
        """Records a session until it ends; returns when its video is there, or has failed.

        A recording that fails does not disturb the stream: its video says why.
        """
        lease: Lease | None = None
        try:
            video = await self._video(session)
            lease = await Lease.take(
                self._videos, self._news, video, holder=new_id("rc"), lease_s=_LEASE_S
            )
            await self._record(session, lease)
        except DomainError as error:
            log.warning("recording.failed", stream_id=session.id, reason=error.reason)
            session.events.tell("recording.failed")
            if lease is not None:
                await self._give_up(lease, error)

    async def _video(self, session: Session) -> Video:
        spec = session.record.spec
        wish = VideoSpec(
            avatar_id=spec.avatar_id,
            text=None,
            audio_asset_id=None,
            stream_id=session.id,
            voice_id=spec.voice_id,
            speed=1.0,
            width=session.look.width,
            height=session.look.height,
            fps=spec.fps,
            subtitles=False,
            look=Look(unmarked=spec.look.unmarked),
        )
        video = await self._videos.create(session.record.account_id, NewVideo(wish))
        session.record = await self._streams.move(
            session.record.account_id,
            session.id,
            session.record.status,
            recording_video_id=video.id,
        )
        return video

    async def _record(self, session: Session, lease: Lease) -> None:
        look = session.look
        content, _ = places(lease.video)
        header = RecordingHeader(content, None, look.width, look.height, look.fps, RATE_HZ)
        lease.entered(Stage.RENDERING)
        keeping = asyncio.create_task(lease.keep())
        try:
            recording = await self._recorder.record(header, _media(session, lease))
        finally:
            keeping.cancel()
        result = VideoResult(
            content, None, recording.duration_s, look.width, look.height, recording.size_bytes
        )
        await lease.end(VideoStatus.SUCCEEDED, result=result)
        log.info("recording.kept", stream_id=session.id, video_id=lease.video.id)

    async def _give_up(self, lease: Lease, error: DomainError) -> None:
        """Says why there is no video, unless another has said so, and leaves no file."""
        try:
            await lease.end(VideoStatus.FAILED, error=trouble_of(error))
        except DomainError as unsaid:
            log.warning("recording.unrecorded", video_id=lease.video.id, reason=unsaid.reason)
        content, _ = places(lease.video)
        try:
            await self._objects.delete([content])
        except DomainError as left:
            log.warning("recording.left", video_id=lease.video.id, reason=left.reason)


async def _media(session: Session, lease: Lease) -> AsyncGenerator[Recordable, None]:
    """What is shown from the first keyframe on, on a timeline that begins there."""
    begins_us: int | None = None
    with session.program.subscribe(Frame, AudioChunk, limit=RECORDER_LIMIT) as items:
        async for item in items:
            if isinstance(item, Frame):
                begins_us = item.pts_us if begins_us is None else begins_us
                yield replace(item, pts_us=item.pts_us - begins_us)
            elif isinstance(item, AudioChunk) and begins_us is not None:
                yield replace(item, start_us=item.start_us - begins_us)
            if lease.stopped.done():
                return
