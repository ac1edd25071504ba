"""Calls for streams that live on another gateway: handed on to it, and its answer back.

Bodies and sockets pass through as they come; the owner lets the caller in or not, as if it had been
called itself. Nothing is handed on twice.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from typing import Any

import httpx
import structlog
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from services.common.errors import DeadlineExceeded, DomainError, Unavailable
from services.common.ids import is_id
from services.common.logging import REQUEST_ID_HEADER, current_request_id
from services.gateway.http.forward_socket import forward_socket
from services.gateway.http.problem import respond
from services.gateway.live.neighbours import Neighbours
from services.gateway.live.tokens import PREFIX as TOKEN_PREFIX

log = structlog.get_logger()

FORWARDED_HEADER = "X-Vultus-Forwarded"
_PATH = re.compile(r"/v1/streams/([^/]+)(/.*)?")
_HOP_BY_HOP = frozenset(
    {
        "connection",
        "expect",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_SET_HERE = frozenset({"date", REQUEST_ID_HEADER.lower()})
_ANSWER_S = 30.0
_CONNECT_S = 2.0
_KEPT_CONNECTIONS = 100
_GONE = "the gateway of the stream does not answer"

RawHeaders = list[tuple[bytes, bytes]]


def open_web() -> httpx.AsyncClient:
    """Speaks to other gateways; to be closed by the caller."""
    return httpx.AsyncClient(
        timeout=httpx.Timeout(_ANSWER_S, connect=_CONNECT_S),
        limits=httpx.Limits(max_keepalive_connections=_KEPT_CONNECTIONS),
        trust_env=False,
    )


class Forwarding:
    """Hands on what is for a stream of another gateway; all else goes to the app."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        lives_here: Callable[[str], bool],
        neighbours: Neighbours,
        trouble_with: Callable[[str], Awaitable[DomainError | None]],
        web: httpx.AsyncClient,
    ) -> None:
        self._app = app
        self._trouble_with = trouble_with
        self._lives_here = lives_here
        self._neighbours = neighbours
        self._web = web

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves a request or a WebSocket."""
        stream_id = _stream_of(scope)
        if stream_id is None or self._lives_here(stream_id):
            await self._app(scope, receive, send)
            return
        try:
            owner = await self._neighbours.owner_of(stream_id)
            if owner is None and _bears_token(scope):
                await self._tell_trouble(stream_id)
        except DomainError as error:
            await _refuse(error, scope, receive, send)
            return
        if owner is None:
            await self._app(scope, receive, send)
            return
        log.debug("http.forwarded", stream_id=stream_id, owner=owner)
        await self._forward(owner, scope, receive, send)

    async def _tell_trouble(self, stream_id: str) -> None:
        """Raises why a stream is gone: its tokens went with it, so nobody else could tell."""
        if trouble := await self._trouble_with(stream_id):
            raise trouble

    async def _forward(self, owner: str, scope: Scope, receive: Receive, send: Send) -> None:
        headers, watched = _headers_on(scope), _Watched(send)
        try:
            if scope["type"] == "websocket":
                await forward_socket(owner, scope, headers, receive, watched)
            else:
                await forward_request(self._web, owner, scope, headers, receive, watched)
        except DomainError as error:
            if watched.started:
                raise
            await _refuse(error, scope, receive, send)


class _Watched:
    """Passes messages on and knows whether there were any."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.started = False

    async def __call__(self, message: Message) -> None:
        self.started = True
        await self._send(message)


def _stream_of(scope: Scope) -> str | None:
    """The stream that a call may have to be handed on for.

    Its record is read in the catalog, by whichever gateway is asked.
    """
    if scope["type"] not in ("http", "websocket") or FORWARDED_HEADER in Headers(scope=scope):
        return None
    found = _PATH.fullmatch(scope["path"])
    if found is None or not is_id(found[1], "st"):
        return None
    return None if found[2] is None and scope.get("method") in ("GET", "HEAD") else found[1]


def _bears_token(scope: Scope) -> bool:
    """Whether the caller shows a stream's token: in a header, or as the name of a protocol."""
    shown = [Headers(scope=scope).get("authorization", ""), *scope.get("subprotocols", ())]
    return any(re.search(rf"(^|[ .]){TOKEN_PREFIX}", each) for each in shown)


def _headers_on(scope: Scope) -> RawHeaders:
    """The caller's own headers, without what belongs to its connection, and our mark."""
    marks = [(FORWARDED_HEADER.encode(), b"1")]
    request_id = current_request_id() or Headers(scope=scope).get(REQUEST_ID_HEADER)
    if request_id:
        marks.append((REQUEST_ID_HEADER.encode(), request_id.encode("latin-1")))
    return [*_end_to_end(scope["headers"]), *marks]


def _end_to_end(headers: Iterable[tuple[bytes, bytes]]) -> RawHeaders:
    headers = list(headers)
    dropped = {name.encode() for name in _HOP_BY_HOP | _SET_HERE}
    for name, value in headers:
        if name.lower() == b"connection":
            dropped |= {each.strip().lower() for each in value.split(b",")}
    return [(name, value) for name, value in headers if name.lower() not in dropped]


async def _refuse(error: DomainError, scope: Scope, receive: Receive, send: Send) -> None:
    response = respond(error)
    if scope["type"] == "websocket":
        await WebSocket(scope, receive, send).send_denial_response(response)
    else:
        await response(scope, receive, send)


async def forward_request(
    web: httpx.AsyncClient,
    owner: str,
    scope: Scope,
    headers: RawHeaders,
    receive: Receive,
    send: Send,
) -> None:
    """Has another gateway answer; stops as soon as the caller goes away.

    Raises Unavailable, DeadlineExceeded when it does not, or stops in the middle.
    """
    body = _Body(receive)
    request = httpx.Request(
        scope["method"],
        _url_of(owner, scope),
        headers=headers,
        content=body.chunks() if _has_body(scope) else None,
    )
    work: list[Awaitable[Any]] = [_exchange(web, request, send), body.caller_left(_has_body(scope))]
    tasks = [asyncio.ensure_future(part) for part in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


async def _exchange(web: httpx.AsyncClient, request: httpx.Request, send: Send) -> None:
    try:
        response = await web.send(request, stream=True)
        try:
            await _pass_on(response, send)
        finally:
            await response.aclose()
    except ClientDisconnect:
        return
    except httpx.ReadTimeout as error:
        raise DeadlineExceeded(_GONE) from error
    except httpx.TransportError as error:
        raise Unavailable(_GONE, retry_after_s=2) from error


async def _pass_on(response: httpx.Response, send: Send) -> None:
    await send(
        {
            "type": "http.response.start",
            "status": response.status_code,
            "headers": _end_to_end(response.headers.raw),
        }
    )
    async for chunk in response.aiter_raw():
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


class _Body:
    """What the caller sends, and whether it is still there."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._read = asyncio.Event()

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """The body as it comes. Raises ClientDisconnect, and PayloadTooLarge beyond the limit."""
        more = True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            more = message.get("more_body", False)
            yield message.get("body", b"")
        self._read.set()

    async def caller_left(self, has_body: bool) -> None:
        """Returns when the caller has gone; looks only when its body was read."""
        if has_body:
            await self._read.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass


def _has_body(scope: Scope) -> bool:
    headers = Headers(scope=scope)
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"


def _url_of(owner: str, scope: Scope) -> httpx.URL:
    """The same path and query at another gateway."""
    host, _, port = owner.rpartition(":")
    base = httpx.URL(scheme="http", host=host.strip("[]"), port=int(port))
    query = scope["query_string"]
    return base.copy_with(raw_path=scope["raw_path"] + (b"?" + query if query else b""))
