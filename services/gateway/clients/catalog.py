"""The catalog, over gRPC: one class for each kind of record."""

from __future__ import annotations

from collections.abc import Sequence

import grpc
from vultus.storage.v1 import catalog_service_pb2 as catalog
from vultus.storage.v1.catalog_service_pb2_grpc import CatalogServiceStub

from services.common.grpc_client import call_metadata, unary
from services.gateway.clients import messages
from services.gateway.consents import Attested
from services.gateway.records import (
    Answer,
    Avatar,
    AvatarPack,
    AvatarStatus,
    NewVideo,
    Page,
    Stranded,
    StreamRecord,
    StreamSpec,
    StreamStatus,
    Trouble,
    Video,
    VideoResult,
    VideoStatus,
)

_QUICK_S = 10.0


class GrpcAvatars:
    """The record of avatars."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = CatalogServiceStub(channel)

    async def create(
        self,
        account_id: str,
        *,
        name: str,
        asset_id: str,
        owns_asset: bool,
        review_id: str = "",
        consent: str | Attested,
    ) -> Avatar:
        """Records an avatar, preparing."""
        request = catalog.CreateAvatarRequest(
            account_id=account_id,
            name=name,
            asset_id=asset_id,
            owns_asset=owns_asset,
            review_id=review_id,
            consent_id="" if isinstance(consent, Attested) else consent,
            attested_by=consent.by if isinstance(consent, Attested) else "",
        )
        call = self._stub.CreateAvatar(request, timeout=_QUICK_S, metadata=call_metadata())
        return messages.avatar((await unary(call)).avatar)

    async def get(self, account_id: str, avatar_id: str) -> Avatar:
        """One avatar."""
        request = catalog.GetAvatarRequest(account_id=account_id, avatar_id=avatar_id)
        call = self._stub.GetAvatar(request, timeout=_QUICK_S, metadata=call_metadata())
        return messages.avatar((await unary(call)).avatar)

    async def list(self, account_id: str, *, limit: int, cursor: str) -> Page[Avatar]:
        """A page of the account's avatars, newest first."""
        request = catalog.ListAvatarsRequest(account_id=account_id, limit=limit, cursor=cursor)
        call = self._stub.ListAvatars(request, timeout=_QUICK_S, metadata=call_metadata())
        page = await unary(call)
        return Page(tuple(map(messages.avatar, page.avatars)), page.next_cursor)

    async def finish(
        self,
        account_id: str,
        avatar_id: str,
        status: AvatarStatus,
        *,
        error: Trouble | None = None,
        pack: AvatarPack | None = None,
    ) -> Avatar:
        """Ends the preparing."""
        request = catalog.FinishAvatarRequest(
            account_id=account_id,
            avatar_id=avatar_id,
            status=messages.avatar_status_to_wire(status),
            error=messages.trouble_to_wire(error),
            width=pack.width if pack else 0,
            height=pack.height if pack else 0,
        )
        call = self._stub.FinishAvatar(request, timeout=_QUICK_S, metadata=call_metadata())
        return messages.avatar((await unary(call)).avatar)

    async def delete(self, account_id: str, avatar_id: str) -> None:
        """Erases an avatar."""
        request = catalog.DeleteAvatarRequest(account_id=account_id, avatar_id=avatar_id)
        await unary(self._stub.DeleteAvatar(request, timeout=_QUICK_S, metadata=call_metadata()))


class GrpcVideos:
    """The record of video jobs."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = CatalogServiceStub(channel)

    async def create(self, account_id: str, new: NewVideo) -> Video:
        """Records a job, queued."""
        request = catalog.CreateVideoRequest(
            account_id=account_id,
            spec=messages.spec_to_wire(new.spec),
            metadata=messages.metadata_to_wire(new.metadata),
            webhook_url=new.webhook_url,
        )
        call = self._stub.CreateVideo(request, timeout=_QUICK_S, metadata=call_metadata())
        return messages.video((await unary(call)).video)

    async def get(self, account_id: str, video_id: str) -> Video:
        """One video."""
        request = catalog.GetVideoRequest(account_id=account_id, video_id=video_id)
        call = self._stub.GetVideo(request, timeout=_QUICK_S, metadata=call_metadata())
        return messages.video((await unary(call)).video)

    async def list(self, account_id: str, *, limit: int, cursor: str) -> Page[Video]:
        """A page of the account's videos, newest first."""
        request = catalog.ListVideosRequest(account_id=account_id, limit=limit, cursor=cursor)
        call = self._stub.ListVideos(request, timeout=_QUICK_S, metadata=call_metadata())
        page = await unary(call)
        return Page(tuple(map(messages.video, page.videos)), page.next_cursor)

    async def cancel(self, account_id: str, video_id: str) -> Video:
        """Asks a job to stop."""
        request = catalog.CancelVideoRequest(account_id=account_id, video_id=video_id)
        call = self._stub.CancelVideo(request, timeout=_QUICK_S, metadata=call_metadata())
        return messages.video((await unary(call)).video)

    async def delete(self, account_id: str, video_id: str) -> None:
        """Erases the content."""
        request = catalog.DeleteVideoRequest(account_id=account_id, video_id=video_id)
        await unary(self._stub.DeleteVideo(request, timeout=_QUICK_S, metadata=call_metadata()))

    async def lease(self, account_id: str, video_id: str, *, holder: str, lease_s: int) -> Video:
        """Takes or renews a job."""
        request = catalog.LeaseVideoRequest(
            account_id=account_id, video_id=video_id, holder=holder, lease_s=lease_s
        )
        call = self._stub.LeaseVideo(request, timeout=_QUICK_S, metadata=call_metadata())
        return messages.video((await unary(call)).video)

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
        """Moves a leased job on."""
        request = catalog.UpdateVideoRequest(
            account_id=account_id,
            video_id=video_id,
            holder=holder,
            status=messages.video_status_to_wire(status),
            progress=progress,
            error=messages.trouble_to_wire(error),
            result=_result(result) if result else None,
            review_id=review_id,
        )
        call = self._stub.UpdateVideo(request, timeout=_QUICK_S, metadata=call_metadata())
        return messages.video((await unary(call)).video)

    async def stranded(self, *, idle_s: int) -> Stranded:
        """Jobs of all accounts that stand still without a worker."""
        request = catalog.ListStrandedJobsRequest(idle_s=idle_s)
        call = self._stub.ListStrandedJobs(request, timeout=_QUICK_S, metadata=call_metadata())
        found = await unary(call)
        return Stranded(
            tuple(map(messages.video, found.videos)), tuple(map(messages.avatar, found.avatars))
        )


def _result(result: VideoResult) -> catalog.VideoResult:
    return catalog.VideoResult(
        content=messages.ref_to_wire(result.content),
        words=messages.ref_to_wire(result.words) if result.words else None,
        duration_s=result.duration_s,
        width=result.width,
        height=result.height,
        size_bytes=result.size_bytes,
    )


class GrpcStreams:
    """The record of live streams."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = CatalogServiceStub(channel)

    async def create(self, account_id: str, spec: StreamSpec) -> StreamRecord:
        """Records a stream, created."""
        request = catalog.CreateStreamRequest(
            account_id=account_id, spec=messages.stream_spec_to_wire(spec)
        )
        call = self._stub.CreateStream(request, timeout=_QUICK_S, metadata=call_metadata())
        return messages.stream((await unary(call)).stream)

    async def get(self, account_id: str, stream_id: str) -> StreamRecord:
        """One stream."""
        request = catalog.GetStreamRequest(account_id=account_id, stream_id=stream_id)
        call = self._stub.GetStream(request, timeout=_QUICK_S, metadata=call_metadata())
        return messages.stream((await unary(call)).stream)

    async def list(self, account_id: str, *, limit: int, cursor: str) -> Page[StreamRecord]:
        """A page of the account's streams, newest first."""
        request = catalog.ListStreamsRequest(account_id=account_id, limit=limit, cursor=cursor)
        call = self._stub.ListStreams(request, timeout=_QUICK_S, metadata=call_metadata())
        page = await unary(call)
        return Page(tuple(map(messages.stream, page.streams)), page.next_cursor)

    async def move(
        self,
        account_id: str,
        stream_id: str,
        status: StreamStatus,
        *,
        reason: str = "",
        recording_video_id: str = "",
    ) -> StreamRecord:
        """Moves a stream forward."""
        request = catalog.MoveStreamRequest(
            account_id=account_id,
            stream_id=stream_id,
            status=messages.stream_status_to_wire(status),
            reason=reason,
            recording_video_id=recording_video_id,
        )
        call = self._stub.MoveStream(request, timeout=_QUICK_S, metadata=call_metadata())
        return messages.stream((await unary(call)).stream)

    async def unended(self, *, limit: int = 500, after: str = "") -> Sequence[StreamRecord]:
        """Streams of all accounts that have not ended, oldest first."""
        request = catalog.ListUnendedStreamsRequest(limit=limit, after=after)
        call = self._stub.ListUnendedStreams(request, timeout=_QUICK_S, metadata=call_metadata())
        return [messages.stream(found) for found in (await unary(call)).streams]


class GrpcIdempotency:
    """Answers of creating requests, kept under the client's key."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = CatalogServiceStub(channel)

    async def begin(self, account_id: str, key: str, request_sha256: str) -> Answer | None:
        """Claims a key (None) or tells its first answer."""
        request = catalog.BeginIdempotentRequest(
            account_id=account_id, key=key, request_sha256=request_sha256
        )
        call = self._stub.BeginIdempotent(request, timeout=_QUICK_S, metadata=call_metadata())
        begun = await unary(call)
        if not begun.HasField("answer"):
            return None
        return Answer(begun.answer.status, begun.answer.body)

    async def complete(self, account_id: str, key: str, answer: Answer) -> None:
        """Keeps the answer for 24 hours."""
        request = catalog.CompleteIdempotentRequest(
            account_id=account_id,
            key=key,
            answer=catalog.IdempotentAnswer(status=answer.status, body=answer.body),
        )
        call = self._stub.CompleteIdempotent(request, timeout=_QUICK_S, metadata=call_metadata())
        await unary(call)

    async def abandon(self, account_id: str, key: str) -> None:
        """Frees a key whose request failed."""
        request = catalog.AbandonIdempotentRequest(account_id=account_id, key=key)
        call = self._stub.AbandonIdempotent(request, timeout=_QUICK_S, metadata=call_metadata())
        await unary(call)
