"""Pictures in storage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import grpc
from vultus.media.v1 import media_pb2
from vultus.storage.v1 import object_service_pb2, object_service_pb2_grpc

from services.common.errors import PayloadTooLarge
from services.common.grpc_client import call_metadata, responses


@dataclass(frozen=True, slots=True)
class ObjectName:
    """Where an object lies."""

    bucket: str
    key: str


class Objects(Protocol):
    """Storage, as this service needs it."""

    async def read(self, name: ObjectName, max_bytes: int) -> bytes:
        """The whole object; raises NotFound, and PayloadTooLarge rather than reading more."""
        ...


class StorageObjects:
    """Storage's ObjectService over gRPC."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = object_service_pb2_grpc.ObjectServiceStub(channel)

    async def read(self, name: ObjectName, max_bytes: int) -> bytes:
        """The whole object; raises NotFound, and PayloadTooLarge rather than reading more."""
        request = object_service_pb2.GetRequest(
            object=media_pb2.ObjectRef(bucket=name.bucket, key=name.key), length=max_bytes + 1
        )
        data = bytearray()
        async for response in responses(self._stub.Get(request, metadata=call_metadata())):
            data += response.data
        if len(data) > max_bytes:
            raise PayloadTooLarge(f"the file has more than {max_bytes} bytes")
        return bytes(data)
