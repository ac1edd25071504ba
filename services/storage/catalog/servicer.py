"""The wire of CatalogService: messages in, records out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import grpc
from vultus.storage.v1 import catalog_service_pb2 as wire
from vultus.storage.v1.catalog_service_pb2_grpc import CatalogServiceServicer

from services.storage.catalog import messages
from services.storage.catalog.avatars import Avatars
from services.storage.catalog.consents import attestation
from services.storage.catalog.idempotency import Idempotency
from services.storage.catalog.records import Answer
from services.storage.catalog.streams import StreamMove, Streams
from services.storage.catalog.videos import Move, NewVideo, Videos

Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True, slots=True)
class Catalog:
    """The records that CatalogService tells of."""

    avatars: Avatars
    videos: Videos
    streams: Streams
    idempotency: Idempotency


class CatalogServicer(CatalogServiceServicer):
    """Serves CatalogService; every method is described in the proto."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def CreateAvatar(
        self, request: wire.CreateAvatarRequest, context: Context
    ) -> wire.CreateAvatarResponse:
        """See the proto."""
        avatar = await self._catalog.avatars.create(
            request.account_id,
            name=request.name,
            asset_id=request.asset_id,
            owns_asset=request.owns_asset,
            review_id=request.review_id,
            consent=request.consent_id or attestation(request.name, request.attested_by),
        )
        return wire.CreateAvatarResponse(avatar=messages.avatar_to_wire(avatar))

    async def GetAvatar(
        self, request: wire.GetAvatarRequest, context: Context
    ) -> wire.GetAvatarResponse:
        """See the proto."""
        avatar = await self._catalog.avatars.get(request.account_id, request.avatar_id)
        return wire.GetAvatarResponse(avatar=messages.avatar_to_wire(avatar))

    async def ListAvatars(
        self, request: wire.ListAvatarsRequest, context: Context
    ) -> wire.ListAvatarsResponse:
        """See the proto."""
        page = await self._catalog.avatars.list(
            request.account_id, limit=request.limit, cursor=request.cursor
        )
        return wire.ListAvatarsResponse(
            avatars=map(messages.avatar_to_wire, page.items), next_cursor=page.next_cursor
        )

    async def FinishAvatar(
        self, request: wire.FinishAvatarRequest, context: Context
    ) -> wire.FinishAvatarResponse:
        """See the proto."""
        avatar = await self._catalog.avatars.finish(
            request.account_id,
            request.avatar_id,
            messages.avatar_status(request.status),
            error=messages.problem(request.error) if request.HasField("error") else None,
            width=request.width,
            height=request.height,
        )
        return wire.FinishAvatarResponse(avatar=messages.avatar_to_wire(avatar))

    async def DeleteAvatar(
        self, request: wire.DeleteAvatarRequest, context: Context
    ) -> wire.DeleteAvatarResponse:
        """See the proto."""
        await self._catalog.avatars.delete(request.account_id, request.avatar_id)
        return wire.DeleteAvatarResponse()

    async def CreateVideo(
        self, request: wire.CreateVideoRequest, context: Context
    ) -> wire.CreateVideoResponse:
        """See the proto."""
        new = NewVideo(
            messages.spec(request.spec), messages.metadata(request.metadata), request.webhook_url
        )
        video = await self._catalog.videos.create(request.account_id, new)
        return wire.CreateVideoResponse(video=messages.video_to_wire(video))

    async def GetVideo(
        self, request: wire.GetVideoRequest, context: Context
    ) -> wire.GetVideoResponse:
        """See the proto."""
        video = await self._catalog.videos.get(request.account_id, request.video_id)
        return wire.GetVideoResponse(video=messages.video_to_wire(video))

    async def ListVideos(
        self, request: wire.ListVideosRequest, context: Context
    ) -> wire.ListVideosResponse:
        """See the proto."""
        page = await self._catalog.videos.list(
            request.account_id, limit=request.limit, cursor=request.cursor
        )
        return wire.ListVideosResponse(
            videos=map(messages.video_to_wire, page.items), next_cursor=page.next_cursor
        )

    async def LeaseVideo(
        self, request: wire.LeaseVideoRequest, context: Context
    ) -> wire.LeaseVideoResponse:
        """See the proto."""
        video = await self._catalog.videos.lease(
            request.account_id, request.video_id, holder=request.holder, lease_s=request.lease_s
        )
        return wire.LeaseVideoResponse(video=messages.video_to_wire(video))

    async def UpdateVideo(
        self, request: wire.UpdateVideoRequest, context: Context
    ) -> wire.UpdateVideoResponse:
        """See the proto."""
        move = Move(
            messages.video_status(request.status),
            request.progress,
            messages.problem(request.error) if request.HasField("error") else None,
            messages.result(request.result) if request.HasField("result") else None,
            request.review_id,
        )
        video = await self._catalog.videos.update(
            request.account_id, request.video_id, holder=request.holder, move=move
        )
        return wire.UpdateVideoResponse(video=messages.video_to_wire(video))

    async def CancelVideo(
        self, request: wire.CancelVideoRequest, context: Context
    ) -> wire.CancelVideoResponse:
        """See the proto."""
        video = await self._catalog.videos.cancel(request.account_id, request.video_id)
        return wire.CancelVideoResponse(video=messages.video_to_wire(video))

    async def DeleteVideo(
        self, request: wire.DeleteVideoRequest, context: Context
    ) -> wire.DeleteVideoResponse:
        """See the proto."""
        await self._catalog.videos.delete(request.account_id, request.video_id)
        return wire.DeleteVideoResponse()

    async def ListStrandedJobs(
        self, request: wire.ListStrandedJobsRequest, context: Context
    ) -> wire.ListStrandedJobsResponse:
        """See the proto."""
        stranded = await self._catalog.videos.stranded(idle_s=request.idle_s)
        return wire.ListStrandedJobsResponse(
            videos=map(messages.video_to_wire, stranded.videos),
            avatars=map(messages.avatar_to_wire, stranded.avatars),
        )

    async def CreateStream(
        self, request: wire.CreateStreamRequest, context: Context
    ) -> wire.CreateStreamResponse:
        """See the proto."""
        spec = messages.stream_spec(request.spec)
        stream = await self._catalog.streams.create(request.account_id, spec)
        return wire.CreateStreamResponse(stream=messages.stream_to_wire(stream))

    async def GetStream(
        self, request: wire.GetStreamRequest, context: Context
    ) -> wire.GetStreamResponse:
        """See the proto."""
        stream = await self._catalog.streams.get(request.account_id, request.stream_id)
        return wire.GetStreamResponse(stream=messages.stream_to_wire(stream))

    async def ListStreams(
        self, request: wire.ListStreamsRequest, context: Context
    ) -> wire.ListStreamsResponse:
        """See the proto."""
        page = await self._catalog.streams.list(
            request.account_id, limit=request.limit, cursor=request.cursor
        )
        return wire.ListStreamsResponse(
            streams=map(messages.stream_to_wire, page.items), next_cursor=page.next_cursor
        )

    async def MoveStream(
        self, request: wire.MoveStreamRequest, context: Context
    ) -> wire.MoveStreamResponse:
        """See the proto."""
        move = StreamMove(
            messages.stream_status(request.status), request.reason, request.recording_video_id
        )
        stream = await self._catalog.streams.move(request.account_id, request.stream_id, move)
        return wire.MoveStreamResponse(stream=messages.stream_to_wire(stream))

    async def ListUnendedStreams(
        self, request: wire.ListUnendedStreamsRequest, context: Context
    ) -> wire.ListUnendedStreamsResponse:
        """See the proto."""
        unended = await self._catalog.streams.unended(limit=request.limit, after=request.after)
        return wire.ListUnendedStreamsResponse(streams=map(messages.stream_to_wire, unended))

    async def BeginIdempotent(
        self, request: wire.BeginIdempotentRequest, context: Context
    ) -> wire.BeginIdempotentResponse:
        """See the proto."""
        answer = await self._catalog.idempotency.begin(
            request.account_id, request.key, request.request_sha256
        )
        if answer is None:
            return wire.BeginIdempotentResponse()
        kept = wire.IdempotentAnswer(status=answer.status, body=answer.body)
        return wire.BeginIdempotentResponse(answer=kept)

    async def CompleteIdempotent(
        self, request: wire.CompleteIdempotentRequest, context: Context
    ) -> wire.CompleteIdempotentResponse:
        """See the proto."""
        answer = Answer(request.answer.status, request.answer.body)
        await self._catalog.idempotency.complete(request.account_id, request.key, answer)
        return wire.CompleteIdempotentResponse()

    async def AbandonIdempotent(
        self, request: wire.AbandonIdempotentRequest, context: Context
    ) -> wire.AbandonIdempotentResponse:
        """See the proto."""
        await self._catalog.idempotency.abandon(request.account_id, request.key)
        return wire.AbandonIdempotentResponse()
