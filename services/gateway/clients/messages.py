"""Wire messages to the gateway's own types, and back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp
from vultus.media.v1 import media_pb2
from vultus.storage.v1 import asset_service_pb2 as assets
from vultus.storage.v1 import catalog_service_pb2 as catalog

from services.gateway import look, media, records

SHAPES = {
    media_pb2.VISEME_SHAPE_SIL: "sil",
    media_pb2.VISEME_SHAPE_PP: "PP",
    media_pb2.VISEME_SHAPE_FF: "FF",
    media_pb2.VISEME_SHAPE_TH: "TH",
    media_pb2.VISEME_SHAPE_DD: "DD",
    media_pb2.VISEME_SHAPE_KK: "kk",
    media_pb2.VISEME_SHAPE_CH: "CH",
    media_pb2.VISEME_SHAPE_SS: "SS",
    media_pb2.VISEME_SHAPE_NN: "nn",
    media_pb2.VISEME_SHAPE_RR: "RR",
    media_pb2.VISEME_SHAPE_AA: "aa",
    media_pb2.VISEME_SHAPE_E: "E",
    media_pb2.VISEME_SHAPE_IH: "ih",
    media_pb2.VISEME_SHAPE_OH: "oh",
    media_pb2.VISEME_SHAPE_OU: "ou",
}
"""The usual names of the fifteen visemes."""
_SHAPE_NUMBERS = {name: number for number, name in SHAPES.items()}
_MAX_EXACT_INTEGER = 2**53


def moment_to_wire(value: datetime | None) -> Timestamp | None:
    """A point in time that may be missing."""
    if value is None:
        return None
    message = Timestamp()
    message.FromDatetime(value)
    return message


def ref_to_wire(ref: media.ObjectRef) -> media_pb2.ObjectRef:
    """Where an object lies."""
    return media_pb2.ObjectRef(bucket=ref.bucket, key=ref.key)


def ref(message: media_pb2.ObjectRef) -> media.ObjectRef:
    """Where an object lies."""
    return media.ObjectRef(message.bucket, message.key)


def chunk_to_wire(chunk: media.AudioChunk) -> media_pb2.AudioChunk:
    """A run of sound."""
    return media_pb2.AudioChunk(
        pcm_s16le=chunk.pcm_s16le, sample_rate_hz=chunk.sample_rate_hz, start_us=chunk.start_us
    )


def chunk(message: media_pb2.AudioChunk) -> media.AudioChunk:
    """A run of sound."""
    return media.AudioChunk(message.pcm_s16le, message.sample_rate_hz, message.start_us)


def frame_to_wire(frame: media.Frame) -> media_pb2.FrameChunk:
    """An encoded picture."""
    return media_pb2.FrameChunk(
        access_unit=frame.access_unit,
        pts_us=frame.pts_us,
        keyframe=frame.keyframe,
        alpha=frame.alpha,
    )


def frame(message: media_pb2.FrameChunk) -> media.Frame:
    """An encoded picture."""
    return media.Frame(message.access_unit, message.pts_us, message.keyframe, message.alpha)


def viseme_to_wire(viseme: media.Viseme) -> media_pb2.Viseme:
    """A mouth shape."""
    return media_pb2.Viseme(
        shape=_SHAPE_NUMBERS[viseme.shape],
        start_us=viseme.start_us,
        duration_us=viseme.duration_us,
        weight=viseme.weight,
    )


def viseme(message: media_pb2.Viseme) -> media.Viseme:
    """A mouth shape."""
    return media.Viseme(
        SHAPES[message.shape], message.start_us, message.duration_us, message.weight
    )


def word_to_wire(word: media.Word) -> media_pb2.Word:
    """A spoken word."""
    return media_pb2.Word(
        text=word.text,
        start_us=word.start_us,
        end_us=word.end_us,
        char_start=word.char_start,
        char_end=word.char_end,
    )


def word(message: media_pb2.Word) -> media.Word:
    """A spoken word."""
    return media.Word(
        message.text, message.start_us, message.end_us, message.char_start, message.char_end
    )


def trouble(message: catalog.Problem) -> records.Trouble:
    """Why something ended badly."""
    return records.Trouble(
        message.code, message.detail, message.retryable, tuple(message.categories)
    )


def trouble_to_wire(error: records.Trouble | None) -> catalog.Problem | None:
    """Why something ended badly."""
    if error is None:
        return None
    return catalog.Problem(
        code=error.code,
        detail=error.detail,
        retryable=error.retryable,
        categories=error.categories,
    )


def asset(message: assets.Asset) -> records.Asset:
    """A stored upload."""
    return records.Asset(
        id=message.id,
        kind=message.kind,
        content_type=message.content_type,
        file_name=message.file_name,
        size_bytes=message.size_bytes,
        sha256=message.sha256,
        duration_s=message.duration_s if message.HasField("duration_s") else None,
        width=message.width if message.HasField("width") else None,
        height=message.height if message.HasField("height") else None,
        object=ref(message.object),
        picture=ref(message.picture) if message.HasField("picture") else None,
        created_at=moment(message.created_at),
    )


def avatar_status(number: catalog.AvatarStatus.ValueType) -> records.AvatarStatus:
    """Where an avatar stands."""
    return records.AvatarStatus(
        catalog.AvatarStatus.Name(number).removeprefix("AVATAR_STATUS_").lower()
    )


def avatar_status_to_wire(status: records.AvatarStatus) -> catalog.AvatarStatus.ValueType:
    """Where an avatar stands."""
    return catalog.AvatarStatus.Value(f"AVATAR_STATUS_{status.upper()}")


def avatar(message: catalog.Avatar) -> records.Avatar:
    """A visual identity."""
    return records.Avatar(
        id=message.id,
        account_id=message.account_id,
        kind=message.kind,
        name=message.name,
        status=avatar_status(message.status),
        error=trouble(message.error) if message.HasField("error") else None,
        width=message.width,
        height=message.height,
        portrait=ref(message.portrait),
        pack=ref(message.pack),
        preview=ref(message.preview),
        created_at=moment(message.created_at),
        review_id=message.review_id,
        consent_id=message.consent_id,
    )


def video_status(number: catalog.VideoStatus.ValueType) -> records.VideoStatus:
    """Where a video job stands."""
    return records.VideoStatus(
        catalog.VideoStatus.Name(number).removeprefix("VIDEO_STATUS_").lower()
    )


def video_status_to_wire(status: records.VideoStatus) -> catalog.VideoStatus.ValueType:
    """Where a video job stands."""
    return catalog.VideoStatus.Value(f"VIDEO_STATUS_{status.upper()}")


def spec(message: catalog.VideoSpec) -> records.VideoSpec:
    """What a video is made from."""
    script = message.WhichOneof("script")
    return records.VideoSpec(
        avatar_id=message.avatar_id,
        text=message.text if script in ("text", None) else None,
        audio_asset_id=message.audio_asset_id if script == "audio_asset_id" else None,
        voice_id=message.voice_id,
        speed=message.speed or 1.0,
        width=message.width,
        height=message.height,
        fps=message.fps,
        subtitles=message.subtitles,
        stream_id=message.stream_id if script == "stream_id" else None,
        look=look.from_json(MessageToDict(message.look)),
    )


def spec_to_wire(made_from: records.VideoSpec) -> catalog.VideoSpec:
    """What a video is made from."""
    message = catalog.VideoSpec(
        avatar_id=made_from.avatar_id,
        voice_id=made_from.voice_id,
        speed=made_from.speed,
        width=made_from.width,
        height=made_from.height,
        fps=made_from.fps,
        subtitles=made_from.subtitles,
        look=_look_to_wire(made_from.look),
    )
    if made_from.audio_asset_id is not None:
        message.audio_asset_id = made_from.audio_asset_id
    elif made_from.stream_id is not None:
        message.stream_id = made_from.stream_id
    else:
        message.text = made_from.text or ""
    return message


def video(message: catalog.Video) -> records.Video:
    """A video job and its result."""
    has = message.HasField
    return records.Video(
        id=message.id,
        account_id=message.account_id,
        spec=spec(message.spec),
        status=video_status(message.status),
        progress=message.progress,
        queue_position=message.queue_position if has("queue_position") else None,
        duration_s=message.duration_s if has("duration_s") else None,
        width=message.width,
        height=message.height,
        size_bytes=message.size_bytes if has("size_bytes") else None,
        error=trouble(message.error) if has("error") else None,
        metadata=metadata(message.metadata),
        webhook_url=message.webhook_url,
        cancel_requested=message.cancel_requested,
        attempts=message.attempts,
        content=ref(message.content) if has("content") else None,
        words=ref(message.words) if has("words") else None,
        created_at=moment(message.created_at),
        started_at=optional_moment(message, "started_at"),
        finished_at=optional_moment(message, "finished_at"),
        deleted_at=optional_moment(message, "deleted_at"),
        review_id=message.review_id,
    )


def stream_status(number: catalog.StreamStatus.ValueType) -> records.StreamStatus:
    """Where a live stream stands."""
    return records.StreamStatus(
        catalog.StreamStatus.Name(number).removeprefix("STREAM_STATUS_").lower()
    )


def stream_status_to_wire(status: records.StreamStatus) -> catalog.StreamStatus.ValueType:
    """Where a live stream stands."""
    return catalog.StreamStatus.Value(f"STREAM_STATUS_{status.upper()}")


def stream_spec(message: catalog.StreamSpec) -> records.StreamSpec:
    """What a live stream shows."""
    return records.StreamSpec(
        avatar_id=message.avatar_id,
        voice_id=message.voice_id,
        width=message.width,
        height=message.height,
        fps=message.fps,
        idle_timeout_s=message.idle_timeout_s,
        max_duration_s=message.max_duration_s,
        record=message.record,
        look=look.from_json(MessageToDict(message.look)),
    )


def stream_spec_to_wire(shown: records.StreamSpec) -> catalog.StreamSpec:
    """What a live stream shows."""
    return catalog.StreamSpec(
        avatar_id=shown.avatar_id,
        voice_id=shown.voice_id,
        width=shown.width,
        height=shown.height,
        fps=shown.fps,
        idle_timeout_s=shown.idle_timeout_s,
        max_duration_s=shown.max_duration_s,
        record=shown.record,
        look=_look_to_wire(shown.look),
    )


def stream(message: catalog.Stream) -> records.StreamRecord:
    """A live stream."""
    return records.StreamRecord(
        id=message.id,
        account_id=message.account_id,
        spec=stream_spec(message.spec),
        status=stream_status(message.status),
        reason=message.reason,
        recording_video_id=message.recording_video_id,
        created_at=moment(message.created_at),
        live_at=optional_moment(message, "live_at"),
        ended_at=optional_moment(message, "ended_at"),
    )


def metadata(message: Struct) -> dict[str, records.Scalar]:
    """The owner's own data; whole numbers come back as such."""
    values: dict[str, records.Scalar] = {}
    for key, value in message.fields.items():
        match value.WhichOneof("kind"):
            case "string_value":
                values[key] = value.string_value
            case "bool_value":
                values[key] = value.bool_value
            case "number_value":
                values[key] = _number(value.number_value)
            case _:
                values[key] = None
    return values


def metadata_to_wire(values: dict[str, records.Scalar]) -> Struct:
    """The owner's own data."""
    return document_to_wire(values)


def _look_to_wire(asked: look.Look) -> Struct | None:
    values = look.to_json(asked)
    return document_to_wire(values) if values else None


def document(message: Struct) -> dict[str, Any]:
    """A JSON object; its numbers come as floats."""
    return MessageToDict(message)


def document_to_wire(values: Mapping[str, Any]) -> Struct:
    """A JSON object."""
    struct = Struct()
    struct.update(values)
    return struct


def _number(value: float) -> int | float:
    return int(value) if value.is_integer() and abs(value) <= _MAX_EXACT_INTEGER else value


def moment(message: Timestamp) -> datetime:
    """A point in time."""
    return message.ToDatetime(tzinfo=UTC)


def optional_moment(message: Message, field: str) -> datetime | None:
    """A point in time that a message may hold."""
    return moment(getattr(message, field)) if message.HasField(field) else None
