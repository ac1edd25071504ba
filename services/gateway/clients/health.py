"""Whether the other services can be reached, by the gRPC health protocol."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

_TIMEOUT_S = 2.0


class PeerHealth:
    """Asks every peer at once."""

    def __init__(self, channels: Mapping[str, grpc.aio.Channel]) -> None:
        self._stubs = {
            name: health_pb2_grpc.HealthStub(channel) for name, channel in channels.items()
        }

    async def serving(self) -> dict[str, bool]:
        """Whether each peer answers that it serves."""
        answers = await asyncio.gather(*map(_serves, self._stubs.values()))
        return dict(zip(self._stubs, answers, strict=True))


async def _serves(stub: health_pb2_grpc.HealthStub) -> bool:
    request = health_pb2.HealthCheckRequest()
    try:
        answer = await stub.Check(request, timeout=_TIMEOUT_S, wait_for_ready=False)
    except grpc.aio.AioRpcError:
        return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)
