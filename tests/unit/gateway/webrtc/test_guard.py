"""What a connection of aiortc can't bear by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiortc import RTCConfiguration, RTCIceParameters, RTCIceTransport, RTCPeerConnection

from services.gateway.webrtc.guard import protect


@pytest.fixture
async def transport() -> AsyncIterator[RTCIceTransport]:
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    receiver = peer.addTransceiver("video", "sendonly").receiver
    protect(peer)
    yield receiver.transport.transport
    await peer.close()


async def test_empty_datagrams_are_dropped(transport: RTCIceTransport) -> None:
    connection = transport._connection
    connection.data_received(b"", 1)
    assert connection._queue.empty()
    connection.data_received(b"\x80", 1)
    assert connection._queue.get_nowait() == (b"\x80", 1)


async def test_a_closed_connection_does_not_ask_for_consent(transport: RTCIceTransport) -> None:
    connection = transport._connection
    connection.remote_password = "password"  # noqa: S105 - of nobody
    await connection.close()
    async with asyncio.timeout(1):
        await connection.query_consent()


async def test_a_closed_transport_is_not_started(transport: RTCIceTransport) -> None:
    await transport.stop()
    await transport.start(RTCIceParameters())
    assert transport.state == "closed"
