"""A WebSocket between a caller and another gateway, passed on message by message."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import structlog
from starlette.types import Receive, Scope, Send
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidStatus,
    InvalidURI,
)
from websockets.typing import Subprotocol

from services.common.errors import InvalidInput, Unavailable

log = structlog.get_logger()

_OPEN_S = 5.0
_PING_S = 5.0
_CLOSE_S = 2.0
_NORMAL, _GOING_AWAY, _NO_CODE, _BROKEN, _RESTARTED = 1000, 1001, 1005, 1006, 1012


async def forward_socket(
    owner: str,
    scope: Scope,
    headers: list[tuple[bytes, bytes]],
    receive: Receive,
    send: Send,
) -> None:
    """Passes messages both ways until either side closes; the other is told its code.

    A refusal of the other gateway is the caller's answer. Raises Unavailable when it does not
    answer at all; when it is lost later, the caller's socket is closed with 1012.
    """
    await receive()
    try:
        upstream = await _open(owner, scope, headers)
    except InvalidStatus as error:
        await _pass_refusal(error, send)
        return
    except InvalidURI as error:
        raise InvalidInput("the header Host can't be read") from error
    except (InvalidHandshake, OSError) as error:
        raise Unavailable("the gateway of the stream does not answer", retry_after_s=2) from error
    async with upstream:
        await send({"type": "websocket.accept", "subprotocol": upstream.subprotocol})
        await _converse(upstream, receive, send)


async def _open(owner: str, scope: Scope, headers: list[tuple[bytes, bytes]]) -> ClientConnection:
    host, _, port = owner.rpartition(":")
    sent = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
    called = next((value for name, value in sent if name.lower() == "host"), owner)
    query = scope["query_string"].decode("latin-1")
    path = scope["raw_path"].decode("latin-1") + (f"?{query}" if query else "")
    return await connect(
        f"ws://{called}{path}",
        host=host.strip("[]"),
        port=int(port),
        subprotocols=[Subprotocol(name) for name in scope["subprotocols"]] or None,
        additional_headers=[
            (name, value)
            for name, value in sent
            if name.lower() != "host" and not name.lower().startswith("sec-websocket-")
        ],
        user_agent_header=None,
        compression=None,
        proxy=None,
        open_timeout=_OPEN_S,
        ping_interval=_PING_S,
        ping_timeout=_PING_S,
        close_timeout=_CLOSE_S,
        max_size=None,
    )


async def _pass_refusal(refused: InvalidStatus, send: Send) -> None:
    response = refused.response
    kept = ("content-type", "retry-after", "www-authenticate", "x-request-id")
    headers = [
        (name.lower().encode(), value.encode("latin-1"))
        for name, value in response.headers.raw_items()
        if name.lower() in kept
    ]
    body = response.body or b""
    headers.append((b"content-length", str(len(body)).encode()))
    await send(
        {
            "type": "websocket.http.response.start",
            "status": response.status_code,
            "headers": headers,
        }
    )
    await send({"type": "websocket.http.response.body", "body": body})


async def _converse(upstream: ClientConnection, receive: Receive, send: Send) -> None:
    onward = asyncio.ensure_future(_pass_on(upstream, receive))
    back = asyncio.ensure_future(_pass_back(upstream, send))
    waited: set[asyncio.Future[Any]] = {onward, back}
    try:
        done, _ = await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waited:
            task.cancel()
        await asyncio.gather(*waited, return_exceptions=True)
    for task in done:
        task.result()


async def _pass_on(upstream: ClientConnection, receive: Receive) -> None:
    """What the caller says, until it leaves; when the other side has, that is told elsewhere."""
    with suppress(ConnectionClosed):
        while (message := await receive())["type"] == "websocket.receive":
            text = message.get("text")
            await upstream.send(message["bytes"] if text is None else text)
        await upstream.close(_sendable(message["code"]), message.get("reason") or "")
        return
    await asyncio.get_running_loop().create_future()


async def _pass_back(upstream: ClientConnection, send: Send) -> None:
    """What the other gateway says, and its last word. A caller that has left hears nothing."""
    with suppress(OSError):
        with suppress(ConnectionClosed):
            async for message in upstream:
                kind = "text" if isinstance(message, str) else "bytes"
                await send({"type": "websocket.send", kind: message})
        code, reason = upstream.close_code, upstream.close_reason or ""
        if code in (None, _BROKEN):
            log.warning("socket.lost", owner=upstream.remote_address)
            code, reason = _RESTARTED, "the gateway of the stream was lost"
        code = _NORMAL if code == _NO_CODE else code
        await send({"type": "websocket.close", "code": code, "reason": reason})


def _sendable(code: int) -> int:
    """A code that may stand in a close frame, for one that may stand for the lack of it."""
    return {_NO_CODE: _NORMAL, _BROKEN: _GOING_AWAY}.get(code, code)
