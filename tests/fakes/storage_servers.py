"""Storage's files, bytes and recordings: the fakes, as gRPC services."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from vultus.storage.v1 import asset_service_pb2 as assets
from vultus.storage.v1 import asset_service_pb2_grpc as assets_grpc
from vultus.storage.v1 import object_service_pb2 as objects
from vultus.storage.v1 import object_service_pb2_grpc as objects_grpc
from vultus.storage.v1 import record_service_pb2 as record
from vultus.storage.v1 import record_service_pb2_grpc as record_grpc

from services.gateway import media, records
from services.gateway.clients import messages
from services.gateway.ports import RecordingHeader
from tests.fakes.catalog_server import time_to_wire
from tests.fakes.stage import Stage

Context = Any
"""A gRPC context: the fakes look at nothing of it."""


class Recorder(record_grpc.RecordServiceServicer):
    """Storage's muxer."""

    def __init__(self, stage: Stage) -> None:
        self._port = stage.recorder

    async def Record(self, request_iterator: Any, context: Context) -> Any:
        first = (await anext(aiter(request_iterator))).header
        header = RecordingHeader(
            messages.ref(first.content),
            messages.ref(first.words) if first.HasField("words") else None,
            first.width,
            first.height,
            first.fps,
            first.sample_rate_hz,
            first.transparent,
        )
        stored = await self._port.record(header, _recordable(request_iterator))
        return record.RecordResponse(duration_s=stored.duration_s, size_bytes=stored.size_bytes)


async def _recordable(requests: AsyncIterator[Any]) -> AsyncGenerator[media.Recordable, None]:
    async for request in requests:
        match request.WhichOneof("payload"):
            case "frame":
                yield messages.frame(request.frame)
            case "audio":
                yield messages.chunk(request.audio)
            case "words":
                yield tuple(map(messages.word, request.words.words))
            case "end":
                return
    raise AssertionError("the recording broke off")


class Objects(objects_grpc.ObjectServiceServicer):
    """Storage's bytes."""

    def __init__(self, stage: Stage) -> None:
        self._port = stage.objects

    async def Put(self, request_iterator: Any, context: Context) -> Any:
        requests = [request async for request in request_iterator]
        content = b"".join(request.data for request in requests[1:])
        self._port.kept[messages.ref(requests[0].header.object)] = content
        digest = hashlib.sha256(content).hexdigest()
        return objects.PutResponse(size_bytes=len(content), sha256=digest)

    async def Get(self, request: Any, context: Context) -> Any:
        stored, data = await self._port.open(
            messages.ref(request.object),
            offset=request.offset,
            length=request.length if request.HasField("length") else None,
        )
        header = objects.GetHeader(content_type=stored.content_type, size_bytes=stored.size_bytes)
        yield objects.GetResponse(header=header)
        async for block in data:
            yield objects.GetResponse(data=block)

    async def Delete(self, request: Any, context: Context) -> Any:
        await self._port.delete([messages.ref(ref) for ref in request.objects])
        return objects.DeleteResponse()


class Assets(assets_grpc.AssetServiceServicer):
    """Storage's uploads."""

    def __init__(self, stage: Stage) -> None:
        self._port = stage.assets

    async def UploadAsset(self, request_iterator: Any, context: Context) -> Any:
        header = (await anext(aiter(request_iterator))).header

        async def data() -> AsyncIterator[bytes]:
            async for request in request_iterator:
                yield request.data

        asset = await self._port.upload(
            header.account_id,
            file_name=header.file_name,
            accept_kinds=tuple(header.accept_kinds),
            data=data(),
        )
        return assets.UploadAssetResponse(asset=_asset(asset))

    async def GetAsset(self, request: Any, context: Context) -> Any:
        asset = await self._port.get(request.account_id, request.asset_id)
        return assets.GetAssetResponse(asset=_asset(asset))

    async def ListAssets(self, request: Any, context: Context) -> Any:
        page = await self._port.list(request.account_id, limit=request.limit, cursor=request.cursor)
        return assets.ListAssetsResponse(
            assets=map(_asset, page.items), next_cursor=page.next_cursor
        )

    async def DeleteAsset(self, request: Any, context: Context) -> Any:
        await self._port.delete(request.account_id, request.asset_id)
        return assets.DeleteAssetResponse()


def _asset(asset: records.Asset) -> assets.Asset:
    return assets.Asset(
        id=asset.id,
        kind=asset.kind,
        content_type=asset.content_type,
        file_name=asset.file_name,
        size_bytes=asset.size_bytes,
        sha256=asset.sha256,
        duration_s=asset.duration_s,
        width=asset.width,
        height=asset.height,
        object=messages.ref_to_wire(asset.object),
        picture=messages.ref_to_wire(asset.picture) if asset.picture else None,
        created_at=time_to_wire(asset.created_at),
    )
