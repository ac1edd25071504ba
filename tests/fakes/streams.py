"""Live streams in memory, with the rules of the real catalog."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from services.common.errors import InvalidInput, StateConflict, StreamNotFound, VideoNotFound
from services.common.ids import new_id
from services.gateway.records import Page, StreamRecord, StreamSpec, StreamStatus, Video
from tests.fakes.catalog import FakeAvatars, page_of
from tests.fakes.videos import Permit

_ORDER = tuple(StreamStatus)
_REASON = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_MAX_REASON_CHARACTERS = 64
_MAX_UNENDED = 500


@dataclass
class FakeStreams:
    """Streams of all accounts."""

    avatars: FakeAvatars
    videos: Mapping[str, Video]
    now: Callable[[], datetime]
    permit: Permit
    kept: dict[str, StreamRecord] = field(default_factory=dict)

    async def create(self, account_id: str, spec: StreamSpec) -> StreamRecord:
        await self.avatars.require_ready(account_id, spec.avatar_id)
        stream_id = new_id("st")
        self.permit(account_id, stream_id, spec.look)
        stream = StreamRecord(
            id=stream_id,
            account_id=account_id,
            spec=spec,
            status=StreamStatus.CREATED,
            reason="",
            recording_video_id="",
            created_at=self.now(),
            live_at=None,
            ended_at=None,
        )
        self.kept[stream.id] = stream
        return stream

    async def get(self, account_id: str, stream_id: str) -> StreamRecord:
        stream = self.kept.get(stream_id)
        if stream is None or stream.account_id != account_id:
            raise StreamNotFound("no such stream")
        return stream

    async def list(self, account_id: str, *, limit: int, cursor: str) -> Page[StreamRecord]:
        mine = [stream for stream in self.kept.values() if stream.account_id == account_id]
        return page_of(mine, limit, cursor, "st")

    async def move(
        self,
        account_id: str,
        stream_id: str,
        status: StreamStatus,
        *,
        reason: str = "",
        recording_video_id: str = "",
    ) -> StreamRecord:
        _check_reason(status, reason)
        stream = await self.get(account_id, stream_id)
        if status is not stream.status:
            stream = self._moved(stream, status, reason)
        if recording_video_id not in ("", stream.recording_video_id):
            self._check_recording(stream, recording_video_id)
            stream = replace(stream, recording_video_id=recording_video_id)
        self.kept[stream_id] = stream
        return stream

    async def unended(
        self, *, limit: int = _MAX_UNENDED, after: str = ""
    ) -> Sequence[StreamRecord]:
        if not 1 <= limit <= _MAX_UNENDED:
            raise InvalidInput(f"limit must be from 1 to {_MAX_UNENDED}")
        found = [stream for stream in self.kept.values() if not stream.ended and stream.id > after]
        return sorted(found, key=lambda stream: stream.id)[:limit]

    def _moved(self, stream: StreamRecord, status: StreamStatus, reason: str) -> StreamRecord:
        if stream.ended or _ORDER.index(status) < _ORDER.index(stream.status):
            raise StateConflict(f"the stream is {stream.status}")
        live_at = self.now() if status is StreamStatus.LIVE else stream.live_at
        ended_at = self.now() if status.is_end else None
        return replace(stream, status=status, reason=reason, live_at=live_at, ended_at=ended_at)

    def _check_recording(self, stream: StreamRecord, video_id: str) -> None:
        if stream.recording_video_id:
            raise StateConflict("the stream has another recording")
        video = self.videos.get(video_id)
        if video is None or (video.account_id, video.spec.stream_id) != (
            stream.account_id,
            stream.id,
        ):
            raise VideoNotFound("no such video of this stream")


def _check_reason(status: StreamStatus, reason: str) -> None:
    if status.is_end != bool(reason):
        raise InvalidInput("a reason belongs to an end")
    too_long = len(reason) > _MAX_REASON_CHARACTERS
    if reason and (too_long or not _REASON.fullmatch(reason)):
        raise InvalidInput("a reason is a word in snake case")
