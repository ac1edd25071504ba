"""The wire of ObjectService: messages in, the store's calls, messages out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import grpc
from vultus.storage.v1 import object_service_pb2 as wire
from vultus.storage.v1 import object_service_pb2_grpc

from services.common.errors import InvalidInput
from services.storage.objects.spool import Spool, receive
from services.storage.objects.store import ObjectStore
from services.storage.objects.wire import ref_from_wire

Context = grpc.aio.ServicerContext[Any, Any]


class ObjectServicer(object_service_pb2_grpc.ObjectServiceServicer):
    """Serves ObjectService."""

    def __init__(self, store: ObjectStore, spool: Spool, *, max_object_bytes: int) -> None:
        self._store = store
        self._spool = spool
        self._max_object_bytes = max_object_bytes

    async def Put(
        self, request_iterator: AsyncIterator[wire.PutRequest], context: Context
    ) -> wire.PutResponse:
        """See the proto."""
        header = await _header(request_iterator)
        ref = ref_from_wire(header.object)
        content_type = header.content_type or "application/octet-stream"
        async with self._spool.room() as room:
            path = room / "object"
            received = await receive(
                _blocks(request_iterator), path, max_bytes=self._max_object_bytes
            )
            await self._store.write(ref, content_type, path)
        return wire.PutResponse(size_bytes=received.size_bytes, sha256=received.sha256)

    async def Get(
        self, request: wire.GetRequest, context: Context
    ) -> AsyncIterator[wire.GetResponse]:
        """See the proto."""
        if request.offset < 0 or request.length < 0:
            raise InvalidInput("offset and length must not be negative")
        length = request.length if request.HasField("length") else None
        info, blocks = await self._store.open(
            ref_from_wire(request.object), offset=request.offset, length=length
        )
        header = wire.GetHeader(
            content_type=info.content_type, size_bytes=info.size_bytes, etag=info.etag
        )
        yield wire.GetResponse(header=header)
        async with aclosing(blocks):
            async for block in blocks:
                yield wire.GetResponse(data=block)

    async def Delete(self, request: wire.DeleteRequest, context: Context) -> wire.DeleteResponse:
        """See the proto."""
        await self._store.delete([ref_from_wire(ref) for ref in request.objects])
        return wire.DeleteResponse()


async def _header(requests: AsyncIterator[wire.PutRequest]) -> wire.PutHeader:
    async for request in requests:
        if request.WhichOneof("payload") == "header":
            return request.header
        break
    raise InvalidInput("the header must come first")


async def _blocks(requests: AsyncIterator[wire.PutRequest]) -> AsyncIterator[bytes]:
    async for request in requests:
        if request.WhichOneof("payload") != "data":
            raise InvalidInput("the header is followed by data alone")
        yield request.data
