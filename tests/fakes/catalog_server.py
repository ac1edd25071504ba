"""Storage's record of what exists: the fakes, as a gRPC service."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from vultus.storage.v1 import catalog_service_pb2 as catalog
from vultus.storage.v1 import catalog_service_pb2_grpc as catalog_grpc

from services.gateway import records
from services.gateway.clients import messages
from services.gateway.consents import Attested
from tests.fakes.stage import Stage

Context = Any
"""A gRPC context: the fakes look at nothing of it."""


def time_to_wire(value: datetime | None) -> Timestamp | None:
    """A point in time."""
    if value is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(value)
    return stamp


def _avatar(avatar: records.Avatar) -> catalog.Avatar:
    return catalog.Avatar(
        id=avatar.id,
        account_id=avatar.account_id,
        kind=avatar.kind,
        name=avatar.name,
        status=messages.avatar_status_to_wire(avatar.status),
        error=messages.trouble_to_wire(avatar.error),
        width=avatar.width,
        height=avatar.height,
        portrait=messages.ref_to_wire(avatar.portrait),
        pack=messages.ref_to_wire(avatar.pack),
        preview=messages.ref_to_wire(avatar.preview),
        review_id=avatar.review_id,
        consent_id=avatar.consent_id,
        created_at=time_to_wire(avatar.created_at),
    )


def _video(video: records.Video) -> catalog.Video:
    return catalog.Video(
        id=video.id,
        account_id=video.account_id,
        spec=messages.spec_to_wire(video.spec),
        status=messages.video_status_to_wire(video.status),
        progress=video.progress,
        queue_position=video.queue_position,
        duration_s=video.duration_s,
        width=video.width,
        height=video.height,
        size_bytes=video.size_bytes,
        error=messages.trouble_to_wire(video.error),
        metadata=messages.metadata_to_wire(video.metadata),
        webhook_url=video.webhook_url,
        cancel_requested=video.cancel_requested,
        attempts=video.attempts,
        content=messages.ref_to_wire(video.content) if video.content else None,
        words=messages.ref_to_wire(video.words) if video.words else None,
        created_at=time_to_wire(video.created_at),
        started_at=time_to_wire(video.started_at),
        finished_at=time_to_wire(video.finished_at),
        deleted_at=time_to_wire(video.deleted_at),
    )


def _stream(stream: records.StreamRecord) -> catalog.Stream:
    return catalog.Stream(
        id=stream.id,
        account_id=stream.account_id,
        spec=messages.stream_spec_to_wire(stream.spec),
        status=messages.stream_status_to_wire(stream.status),
        reason=stream.reason,
        recording_video_id=stream.recording_video_id,
        created_at=time_to_wire(stream.created_at),
        live_at=time_to_wire(stream.live_at),
        ended_at=time_to_wire(stream.ended_at),
    )


class Catalog(catalog_grpc.CatalogServiceServicer):
    """Storage's record of what exists."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    async def CreateAvatar(self, request: Any, context: Context) -> Any:
        avatar = await self._stage.avatars.create(
            request.account_id,
            name=request.name,
            asset_id=request.asset_id,
            owns_asset=request.owns_asset,
            consent=request.consent_id or Attested(request.attested_by),
        )
        return catalog.CreateAvatarResponse(avatar=_avatar(avatar))

    async def GetAvatar(self, request: Any, context: Context) -> Any:
        avatar = await self._stage.avatars.get(request.account_id, request.avatar_id)
        return catalog.GetAvatarResponse(avatar=_avatar(avatar))

    async def ListAvatars(self, request: Any, context: Context) -> Any:
        page = await self._stage.avatars.list(
            request.account_id, limit=request.limit, cursor=request.cursor
        )
        return catalog.ListAvatarsResponse(
            avatars=map(_avatar, page.items), next_cursor=page.next_cursor
        )

    async def FinishAvatar(self, request: Any, context: Context) -> Any:
        ready = request.status == catalog.AVATAR_STATUS_READY
        avatar = await self._stage.avatars.finish(
            request.account_id,
            request.avatar_id,
            messages.avatar_status(request.status),
            error=messages.trouble(request.error) if request.HasField("error") else None,
            pack=records.AvatarPack(request.width, request.height) if ready else None,
        )
        return catalog.FinishAvatarResponse(avatar=_avatar(avatar))

    async def DeleteAvatar(self, request: Any, context: Context) -> Any:
        await self._stage.avatars.delete(request.account_id, request.avatar_id)
        return catalog.DeleteAvatarResponse()

    async def CreateVideo(self, request: Any, context: Context) -> Any:
        new = records.NewVideo(
            messages.spec(request.spec), messages.metadata(request.metadata), request.webhook_url
        )
        video = await self._stage.videos.create(request.account_id, new)
        return catalog.CreateVideoResponse(video=_video(video))

    async def GetVideo(self, request: Any, context: Context) -> Any:
        video = await self._stage.videos.get(request.account_id, request.video_id)
        return catalog.GetVideoResponse(video=_video(video))

    async def ListVideos(self, request: Any, context: Context) -> Any:
        page = await self._stage.videos.list(
            request.account_id, limit=request.limit, cursor=request.cursor
        )
        return catalog.ListVideosResponse(
            videos=map(_video, page.items), next_cursor=page.next_cursor
        )

    async def LeaseVideo(self, request: Any, context: Context) -> Any:
        video = await self._stage.videos.lease(
            request.account_id, request.video_id, holder=request.holder, lease_s=request.lease_s
        )
        return catalog.LeaseVideoResponse(video=_video(video))

    async def UpdateVideo(self, request: Any, context: Context) -> Any:
        made = request.result
        result = records.VideoResult(
            messages.ref(made.content),
            messages.ref(made.words) if made.HasField("words") else None,
            made.duration_s,
            made.width,
            made.height,
            made.size_bytes,
        )
        video = await self._stage.videos.update(
            request.account_id,
            request.video_id,
            holder=request.holder,
            status=messages.video_status(request.status),
            progress=request.progress,
            error=messages.trouble(request.error) if request.HasField("error") else None,
            result=result if request.HasField("result") else None,
        )
        return catalog.UpdateVideoResponse(video=_video(video))

    async def CancelVideo(self, request: Any, context: Context) -> Any:
        video = await self._stage.videos.cancel(request.account_id, request.video_id)
        return catalog.CancelVideoResponse(video=_video(video))

    async def DeleteVideo(self, request: Any, context: Context) -> Any:
        await self._stage.videos.delete(request.account_id, request.video_id)
        return catalog.DeleteVideoResponse()

    async def ListStrandedJobs(self, request: Any, context: Context) -> Any:
        stranded = await self._stage.videos.stranded(idle_s=request.idle_s)
        return catalog.ListStrandedJobsResponse(
            videos=map(_video, stranded.videos), avatars=map(_avatar, stranded.avatars)
        )

    async def CreateStream(self, request: Any, context: Context) -> Any:
        spec = messages.stream_spec(request.spec)
        stream = await self._stage.streams.create(request.account_id, spec)
        return catalog.CreateStreamResponse(stream=_stream(stream))

    async def GetStream(self, request: Any, context: Context) -> Any:
        stream = await self._stage.streams.get(request.account_id, request.stream_id)
        return catalog.GetStreamResponse(stream=_stream(stream))

    async def ListStreams(self, request: Any, context: Context) -> Any:
        page = await self._stage.streams.list(
            request.account_id, limit=request.limit, cursor=request.cursor
        )
        return catalog.ListStreamsResponse(
            streams=map(_stream, page.items), next_cursor=page.next_cursor
        )

    async def MoveStream(self, request: Any, context: Context) -> Any:
        stream = await self._stage.streams.move(
            request.account_id,
            request.stream_id,
            messages.stream_status(request.status),
            reason=request.reason,
            recording_video_id=request.recording_video_id,
        )
        return catalog.MoveStreamResponse(stream=_stream(stream))

    async def ListUnendedStreams(self, request: Any, context: Context) -> Any:
        unended = await self._stage.streams.unended(limit=request.limit, after=request.after)
        return catalog.ListUnendedStreamsResponse(streams=map(_stream, unended))

    async def BeginIdempotent(self, request: Any, context: Context) -> Any:
        answer = await self._stage.idempotency.begin(
            request.account_id, request.key, request.request_sha256
        )
        if answer is None:
            return catalog.BeginIdempotentResponse()
        kept = catalog.IdempotentAnswer(status=answer.status, body=answer.body)
        return catalog.BeginIdempotentResponse(answer=kept)

    async def CompleteIdempotent(self, request: Any, context: Context) -> Any:
        answer = records.Answer(request.answer.status, request.answer.body)
        await self._stage.idempotency.complete(request.account_id, request.key, answer)
        return catalog.CompleteIdempotentResponse()

    async def AbandonIdempotent(self, request: Any, context: Context) -> Any:
        await self._stage.idempotency.abandon(request.account_id, request.key)
        return catalog.AbandonIdempotentResponse()
