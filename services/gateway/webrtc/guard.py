"""Mends what a connection of aiortc can't bear; each of it is shown by a test.

* A datagram without content, which anybody may send to a viewer's port, ends the task that
  receives (it looks at the first byte), and with it the connection.
* A connection that is closed in the moment in which ICE completes asks for consent for ever after.
* One that is closed before all of its m-lines were started leaves an exception that nobody takes.
"""

from __future__ import annotations

from aioice import Connection
from aiortc import RTCIceParameters, RTCIceTransport, RTCPeerConnection


def protect(peer: RTCPeerConnection) -> None:
    """Guards the transports of a peer that knows the offer and has no ports yet."""
    transports = {one.receiver.transport for one in peer.getTransceivers()}
    if peer.sctp is not None:
        transports.add(peer.sctp.transport)
    for transport in transports:
        _drop_empty(transport.transport._connection)
        _end_consent(transport.transport._connection)
        _start_only_open(transport.transport)


def _drop_empty(connection: Connection) -> None:
    receive = connection.data_received

    def received(data: bytes, component: int) -> None:
        if data:
            receive(data, component)

    connection.data_received = received  # type: ignore[method-assign]


def _end_consent(connection: Connection) -> None:
    query = connection.query_consent

    async def queried() -> None:
        if not connection._closing:
            await query()

    connection.query_consent = queried  # type: ignore[method-assign]


def _start_only_open(transport: RTCIceTransport) -> None:
    start = transport.start

    async def started(remoteParameters: RTCIceParameters) -> None:
        if transport.state != "closed":
            await start(remoteParameters)

    transport.start = started  # type: ignore[method-assign]
