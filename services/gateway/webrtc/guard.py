"""Keeps strangers from ending a connection.

A datagram without content, which anybody may send to a viewer's port, ends the task with which
aiortc receives (it looks at the first byte), and with it the connection. It is dropped here, before
aiortc sees it; `tests/contract/gateway/test_whep.py` sends one.
"""

from __future__ import annotations

from aioice import Connection
from aiortc import RTCPeerConnection


def protect(peer: RTCPeerConnection) -> None:
    """Guards the transports of a peer that knows the offer and has no ports yet."""
    transports = {one.receiver.transport for one in peer.getTransceivers()}
    if peer.sctp is not None:
        transports.add(peer.sctp.transport)
    for transport in transports:
        _drop_empty(transport.transport._connection)


def _drop_empty(connection: Connection) -> None:
    receive = connection.data_received

    def received(data: bytes, component: int) -> None:
        if data:
            receive(data, component)

    connection.data_received = received  # type: ignore[method-assign]
