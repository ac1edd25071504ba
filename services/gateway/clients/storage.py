"""Storage's objects and assets, over gRPC."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing

import grpc
from vultus.storage.v1 import asset_service_pb2 as assets
from vultus.storage.v1 import object_service_pb2 as objects
from vultus.storage.v1.asset_service_pb2_grpc import AssetServiceStub
from vultus.storage.v1.object_service_pb2_grpc import ObjectServiceStub

from services.common.errors import DeadlineExceeded, Internal
from services.common.grpc_client import call_metadata, responses, unary
from services.gateway.clients import messages
from services.gateway.clients.calls import upload
from services.gateway.media import ObjectRef
from services.gateway.records import Asset, Page, StoredObject

_QUICK_S = 10.0
_UPLOAD_S = 300.0
_MAX_MESSAGE_BYTES = 256 * 1024


class GrpcObjects:
    """Bytes in storage."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = ObjectServiceStub(channel)

    async def open(
        self, ref: ObjectRef, *, offset: int = 0, length: int | None = None
    ) -> tuple[StoredObject, AsyncGenerator[bytes, None]]:
        """Looks at an object and starts to read it, or a part of it."""
        request = objects.GetRequest(object=messages.ref_to_wire(ref), offset=offset, length=length)
        stream = responses(self._stub.Get(request, metadata=call_metadata()))
        try:
            async with asyncio.timeout(_QUICK_S):
                header = (await anext(stream)).header
        except StopAsyncIteration as error:
            raise Internal("storage sent nothing") from error
        except TimeoutError as error:
            raise DeadlineExceeded("storage does not answer") from error
        return StoredObject(header.content_type, header.size_bytes), _bytes(stream)

    async def delete(self, refs: Sequence[ObjectRef]) -> None:
        """Deletes objects; those that are not there are ignored."""
        request = objects.DeleteRequest(objects=[messages.ref_to_wire(ref) for ref in refs])
        await unary(self._stub.Delete(request, timeout=_QUICK_S, metadata=call_metadata()))


async def _bytes(
    stream: AsyncGenerator[objects.GetResponse, None],
) -> AsyncGenerator[bytes, None]:
    async with aclosing(stream):
        async for response in stream:
            yield response.data


class GrpcAssets:
    """Files that accounts upload."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = AssetServiceStub(channel)

    async def upload(
        self,
        account_id: str,
        *,
        file_name: str,
        accept_kinds: Sequence[str],
        data: AsyncIterator[bytes],
    ) -> Asset:
        """Validates and stores a file; on any failure nothing is left."""
        header = assets.UploadAssetHeader(
            account_id=account_id, file_name=file_name, accept_kinds=accept_kinds
        )
        call = self._stub.UploadAsset(timeout=_UPLOAD_S, metadata=call_metadata())
        return messages.asset((await upload(call, _file(header, data))).asset)

    async def get(self, account_id: str, asset_id: str) -> Asset:
        """One asset."""
        request = assets.GetAssetRequest(account_id=account_id, asset_id=asset_id)
        call = self._stub.GetAsset(request, timeout=_QUICK_S, metadata=call_metadata())
        return messages.asset((await unary(call)).asset)

    async def list(self, account_id: str, *, limit: int, cursor: str) -> Page[Asset]:
        """A page of the account's assets, newest first."""
        request = assets.ListAssetsRequest(account_id=account_id, limit=limit, cursor=cursor)
        call = self._stub.ListAssets(request, timeout=_QUICK_S, metadata=call_metadata())
        page = await unary(call)
        return Page(tuple(map(messages.asset, page.assets)), page.next_cursor)

    async def delete(self, account_id: str, asset_id: str) -> None:
        """Erases an asset."""
        request = assets.DeleteAssetRequest(account_id=account_id, asset_id=asset_id)
        await unary(self._stub.DeleteAsset(request, timeout=_QUICK_S, metadata=call_metadata()))


async def _file(
    header: assets.UploadAssetHeader, data: AsyncIterator[bytes]
) -> AsyncGenerator[assets.UploadAssetRequest, None]:
    yield assets.UploadAssetRequest(header=header)
    async for block in data:
        for start in range(0, len(block), _MAX_MESSAGE_BYTES):
            yield assets.UploadAssetRequest(data=block[start : start + _MAX_MESSAGE_BYTES])
