"""Questions that tell whether a process can be used; each answers within a second."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import grpc
import httpx
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.common.grpc_client import open_channel
from services.common.tls import Tls

_TIMEOUT_S = 1.0

Probe = Callable[[], Awaitable[bool]]


def http_ok(url: str) -> Probe:
    """Whether a GET is answered with 200."""

    async def probe() -> bool:
        try:
            async with httpx.AsyncClient(timeout=_TIMEOUT_S, trust_env=False) as client:
                return (await client.get(url)).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    return probe


def grpc_serving(address: str, tls: Tls | None = None) -> Probe:
    """Whether the server's health service says SERVING for the server as a whole."""

    async def probe() -> bool:
        async with open_channel(address, tls) as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            try:
                answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=_TIMEOUT_S)
            except grpc.aio.AioRpcError:
                return False
            return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    return probe


async def all_ready(*probes: Probe) -> bool:
    """Whether all of them say yes."""
    return all(await asyncio.gather(*(probe() for probe in probes)))
