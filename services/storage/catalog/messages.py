"""The catalog's records to wire messages, and back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp
from vultus.storage.v1 import catalog_service_pb2 as wire

from services.common.errors import InvalidInput
from services.storage.catalog.records import (
    Avatar,
    AvatarStatus,
    Problem,
    Stream,
    StreamSpec,
    StreamStatus,
    Video,
    VideoResult,
    VideoSpec,
    VideoStatus,
)
from services.storage.objects.wire import ref_from_wire, ref_to_wire

_AVATAR_STATUS = {
    wire.AVATAR_STATUS_PREPARING: AvatarStatus.PREPARING,
    wire.AVATAR_STATUS_READY: AvatarStatus.READY,
    wire.AVATAR_STATUS_FAILED: AvatarStatus.FAILED,
    wire.AVATAR_STATUS_REJECTED: AvatarStatus.REJECTED,
}
_AVATAR_STATUS_TO_WIRE = {status: number for number, status in _AVATAR_STATUS.items()}
_VIDEO_STATUS = {
    wire.VIDEO_STATUS_QUEUED: VideoStatus.QUEUED,
    wire.VIDEO_STATUS_MODERATING: VideoStatus.MODERATING,
    wire.VIDEO_STATUS_SYNTHESISING: VideoStatus.SYNTHESISING,
    wire.VIDEO_STATUS_RENDERING: VideoStatus.RENDERING,
    wire.VIDEO_STATUS_ARCHIVING: VideoStatus.ARCHIVING,
    wire.VIDEO_STATUS_SUCCEEDED: VideoStatus.SUCCEEDED,
    wire.VIDEO_STATUS_FAILED: VideoStatus.FAILED,
    wire.VIDEO_STATUS_CANCELLED: VideoStatus.CANCELLED,
    wire.VIDEO_STATUS_REJECTED: VideoStatus.REJECTED,
}
_VIDEO_STATUS_TO_WIRE = {status: number for number, status in _VIDEO_STATUS.items()}
_STREAM_STATUS = {
    wire.STREAM_STATUS_CREATED: StreamStatus.CREATED,
    wire.STREAM_STATUS_CONNECTING: StreamStatus.CONNECTING,
    wire.STREAM_STATUS_LIVE: StreamStatus.LIVE,
    wire.STREAM_STATUS_ENDED: StreamStatus.ENDED,
    wire.STREAM_STATUS_FAILED: StreamStatus.FAILED,
}
_STREAM_STATUS_TO_WIRE = {status: number for number, status in _STREAM_STATUS.items()}


def problem(message: wire.Problem) -> Problem:
    """Why something ended badly."""
    return Problem(message.code, message.detail, message.retryable, tuple(message.categories))


def problem_to_wire(error: Problem | None) -> wire.Problem | None:
    """Why something ended badly."""
    if error is None:
        return None
    return wire.Problem(
        code=error.code,
        detail=error.detail,
        retryable=error.retryable,
        categories=error.categories,
    )


def avatar_status(number: wire.AvatarStatus.ValueType) -> AvatarStatus:
    """Where an avatar stands. Raises InvalidInput."""
    if number not in _AVATAR_STATUS:
        raise InvalidInput("status is missing or not known")
    return _AVATAR_STATUS[number]


def avatar_to_wire(avatar: Avatar) -> wire.Avatar:
    """A visual identity."""
    return wire.Avatar(
        id=avatar.id,
        account_id=avatar.account_id,
        kind=avatar.kind,
        name=avatar.name,
        status=_AVATAR_STATUS_TO_WIRE[avatar.status],
        error=problem_to_wire(avatar.error),
        width=avatar.width,
        height=avatar.height,
        asset_id=avatar.asset_id,
        portrait=ref_to_wire(avatar.portrait),
        pack=ref_to_wire(avatar.pack),
        preview=ref_to_wire(avatar.preview),
        attested_at=time_to_wire(avatar.attested_at),
        review_id=avatar.review_id,
        consent_id=avatar.consent_id,
        created_at=time_to_wire(avatar.created_at),
    )


def video_status(number: wire.VideoStatus.ValueType) -> VideoStatus:
    """Where a video job stands. Raises InvalidInput."""
    if number not in _VIDEO_STATUS:
        raise InvalidInput("status is missing or not known")
    return _VIDEO_STATUS[number]


def spec(message: wire.VideoSpec) -> VideoSpec:
    """What a video is made from. Raises InvalidInput."""
    script = message.WhichOneof("script")
    if script is None:
        raise InvalidInput("a video needs a text, a recording or a stream")
    return VideoSpec(
        avatar_id=message.avatar_id,
        text=message.text if script == "text" else None,
        audio_asset_id=message.audio_asset_id if script == "audio_asset_id" else None,
        stream_id=message.stream_id if script == "stream_id" else None,
        voice_id=message.voice_id,
        speed=message.speed,
        width=message.width,
        height=message.height,
        fps=message.fps,
        subtitles=message.subtitles,
        look=metadata(message.look),
    )


def spec_to_wire(made_from: VideoSpec) -> wire.VideoSpec:
    """What a video is made from."""
    message = wire.VideoSpec(
        avatar_id=made_from.avatar_id,
        voice_id=made_from.voice_id,
        speed=made_from.speed,
        width=made_from.width,
        height=made_from.height,
        fps=made_from.fps,
        subtitles=made_from.subtitles,
        look=metadata_to_wire(made_from.look) if made_from.look else None,
    )
    if made_from.audio_asset_id is not None:
        message.audio_asset_id = made_from.audio_asset_id
    elif made_from.stream_id is not None:
        message.stream_id = made_from.stream_id
    else:
        message.text = made_from.text or ""
    return message


def result(message: wire.VideoResult) -> VideoResult:
    """What a worker made. Raises InvalidInput."""
    return VideoResult(
        content=ref_from_wire(message.content),
        words=ref_from_wire(message.words) if message.HasField("words") else None,
        duration_s=message.duration_s,
        width=message.width,
        height=message.height,
        size_bytes=message.size_bytes,
    )


def video_to_wire(video: Video) -> wire.Video:
    """A video job and its result."""
    return wire.Video(
        id=video.id,
        account_id=video.account_id,
        spec=spec_to_wire(video.spec),
        status=_VIDEO_STATUS_TO_WIRE[video.status],
        progress=video.progress,
        queue_position=video.queue_position,
        duration_s=video.duration_s,
        width=video.width,
        height=video.height,
        size_bytes=video.size_bytes,
        error=problem_to_wire(video.error),
        metadata=metadata_to_wire(video.metadata),
        webhook_url=video.webhook_url,
        cancel_requested=video.cancel_requested,
        attempts=video.attempts,
        content=ref_to_wire(video.content) if video.content else None,
        words=ref_to_wire(video.words) if video.words else None,
        created_at=time_to_wire(video.created_at),
        started_at=time_to_wire(video.started_at),
        finished_at=time_to_wire(video.finished_at),
        deleted_at=time_to_wire(video.deleted_at),
        review_id=video.review_id,
    )


def stream_status(number: wire.StreamStatus.ValueType) -> StreamStatus:
    """Where a live stream stands. Raises InvalidInput."""
    if number not in _STREAM_STATUS:
        raise InvalidInput("status is missing or not known")
    return _STREAM_STATUS[number]


def stream_spec(message: wire.StreamSpec) -> StreamSpec:
    """What a live stream shows."""
    return StreamSpec(
        avatar_id=message.avatar_id,
        voice_id=message.voice_id,
        width=message.width,
        height=message.height,
        fps=message.fps,
        idle_timeout_s=message.idle_timeout_s,
        max_duration_s=message.max_duration_s,
        record=message.record,
        look=metadata(message.look),
    )


def stream_to_wire(stream: Stream) -> wire.Stream:
    """A live stream."""
    shown = stream.spec
    return wire.Stream(
        id=stream.id,
        account_id=stream.account_id,
        spec=wire.StreamSpec(
            avatar_id=shown.avatar_id,
            voice_id=shown.voice_id,
            width=shown.width,
            height=shown.height,
            fps=shown.fps,
            idle_timeout_s=shown.idle_timeout_s,
            max_duration_s=shown.max_duration_s,
            record=shown.record,
            look=metadata_to_wire(shown.look) if shown.look else None,
        ),
        status=_STREAM_STATUS_TO_WIRE[stream.status],
        reason=stream.reason,
        recording_video_id=stream.recording_video_id,
        created_at=time_to_wire(stream.created_at),
        live_at=time_to_wire(stream.live_at),
        ended_at=time_to_wire(stream.ended_at),
    )


def metadata(message: Struct) -> dict[str, Any]:
    """A JSON object, such as the owner's own data. Raises InvalidInput for what JSON can't say."""
    try:
        return MessageToDict(message)
    except ValueError as error:
        raise InvalidInput("metadata holds a number that JSON can't say") from error


def metadata_to_wire(values: dict[str, Any]) -> Struct:
    """A JSON object."""
    struct = Struct()
    struct.update(values)
    return struct


def time_to_wire(value: datetime | None) -> Timestamp | None:
    """A point in time."""
    if value is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(value)
    return stamp
