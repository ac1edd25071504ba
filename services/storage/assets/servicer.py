"""The wire of AssetService: messages in, uploads and the catalog, messages out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from vultus.storage.v1 import asset_service_pb2 as wire
from vultus.storage.v1 import asset_service_pb2_grpc

from services.common.errors import InvalidInput
from services.storage.assets.uploads import Uploads
from services.storage.catalog.assets import Assets
from services.storage.catalog.records import Asset
from services.storage.objects.wire import ref_to_wire

Context = grpc.aio.ServicerContext[Any, Any]


class AssetServicer(asset_service_pb2_grpc.AssetServiceServicer):
    """Serves AssetService."""

    def __init__(self, uploads: Uploads, assets: Assets) -> None:
        self._uploads = uploads
        self._assets = assets

    async def UploadAsset(
        self, request_iterator: AsyncIterator[wire.UploadAssetRequest], context: Context
    ) -> wire.UploadAssetResponse:
        """See the proto."""
        header = await _header(request_iterator)
        asset = await self._uploads.take(
            header.account_id,
            file_name=header.file_name,
            accept_kinds=tuple(header.accept_kinds),
            blocks=_blocks(request_iterator),
        )
        return wire.UploadAssetResponse(asset=_to_wire(asset))

    async def GetAsset(
        self, request: wire.GetAssetRequest, context: Context
    ) -> wire.GetAssetResponse:
        """See the proto."""
        asset = await self._assets.get(request.account_id, request.asset_id)
        return wire.GetAssetResponse(asset=_to_wire(asset))

    async def ListAssets(
        self, request: wire.ListAssetsRequest, context: Context
    ) -> wire.ListAssetsResponse:
        """See the proto."""
        page = await self._assets.list(
            request.account_id, limit=request.limit, cursor=request.cursor
        )
        return wire.ListAssetsResponse(
            assets=map(_to_wire, page.items), next_cursor=page.next_cursor
        )

    async def DeleteAsset(
        self, request: wire.DeleteAssetRequest, context: Context
    ) -> wire.DeleteAssetResponse:
        """See the proto."""
        await self._assets.delete(request.account_id, request.asset_id)
        return wire.DeleteAssetResponse()


async def _header(requests: AsyncIterator[wire.UploadAssetRequest]) -> wire.UploadAssetHeader:
    async for request in requests:
        if request.WhichOneof("payload") == "header":
            return request.header
        break
    raise InvalidInput("the header must come first")


async def _blocks(requests: AsyncIterator[wire.UploadAssetRequest]) -> AsyncIterator[bytes]:
    async for request in requests:
        if request.WhichOneof("payload") != "data":
            raise InvalidInput("the header is followed by data alone")
        yield request.data


def _to_wire(asset: Asset) -> wire.Asset:
    created_at = Timestamp()
    created_at.FromDatetime(asset.created_at)
    return wire.Asset(
        id=asset.id,
        account_id=asset.account_id,
        kind=asset.kind,
        content_type=asset.content_type,
        file_name=asset.file_name,
        size_bytes=asset.size_bytes,
        sha256=asset.sha256,
        duration_s=asset.duration_s,
        width=asset.width,
        height=asset.height,
        object=ref_to_wire(asset.object),
        picture=ref_to_wire(asset.picture) if asset.picture else None,
        created_at=created_at,
    )
