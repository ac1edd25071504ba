"""`/v1/streams/{id}/control`: a WebSocket that drives a stream and tells what happens in it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial

import structlog
from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from starlette.websockets import WebSocketState

from services.common.errors import DomainError, Overloaded
from services.common.logging import request_scope
from services.gateway.http.context import Gateway
from services.gateway.http.noting import entry_of
from services.gateway.http.problem import respond
from services.gateway.http.stream_route import enter
from services.gateway.live.control import Controller, problem
from services.gateway.live.events import Event, Listener
from services.gateway.live.session import Session
from services.gateway.live.tokens import Right
from services.gateway.permissions import Scope

log = structlog.get_logger()
router = APIRouter(prefix="/v1")

SUBPROTOCOL = "vultus"
_TOKEN_SUBPROTOCOL = "token."  # noqa: S105 - a prefix
_NORMAL, _TRY_AGAIN = 1000, 1013
_SWITCHED = 101


@router.websocket("/streams/{stream_id}/control")
async def control(socket: WebSocket, stream_id: str) -> None:
    """Drives a stream. Let in by an Authorization header, or by a token as a subprotocol."""
    gateway: Gateway = socket.app.state.gateway
    with request_scope(None):
        try:
            session, socket.state.caller = await enter(
                gateway,
                stream_id,
                _authorization(socket),
                Right.CONTROL,
                Scope.STREAMS_WRITE,
                partial(setattr, socket.state, "caller"),
            )
        except DomainError as error:
            await _note(gateway, socket, error.http_status)
            await socket.send_denial_response(respond(error))
            return
        await _note(gateway, socket, _SWITCHED)
        offered = socket.scope.get("subprotocols", ())
        await socket.accept(SUBPROTOCOL if SUBPROTOCOL in offered else None)
        log.info("control.opened", stream_id=stream_id)
        try:
            await _converse(socket, session, Controller(session, gateway.director))
        finally:
            log.info("control.closed", stream_id=stream_id)


async def _note(gateway: Gateway, socket: WebSocket, status: int) -> None:
    if entry := entry_of(socket, control.__name__, str(status)):
        await gateway.audit.leave(entry)


def _authorization(socket: WebSocket) -> str | None:
    """A browser can't set headers here: it offers the subprotocols `vultus` and `token.vt_…`."""
    for offered in socket.scope.get("subprotocols", ()):
        if offered.startswith(_TOKEN_SUBPROTOCOL):
            return f"Bearer {offered.removeprefix(_TOKEN_SUBPROTOCOL)}"
    return socket.headers.get("authorization")


async def _converse(socket: WebSocket, session: Session, controller: Controller) -> None:
    """Passes messages both ways until one side leaves or the stream ends."""
    with session.events.listen() as listener:
        listener.offer(Event("stream.state", {"status": session.record.status.value}))
        telling = asyncio.ensure_future(_tell(socket, listener))
        hearing = asyncio.ensure_future(_hear(socket, listener, controller))
        try:
            await asyncio.wait({telling, hearing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            controller.close()
            for task in (telling, hearing):
                task.cancel()
            await asyncio.gather(telling, hearing, return_exceptions=True)
    if socket.application_state is WebSocketState.CONNECTED:
        code = _TRY_AGAIN if listener.fell_behind else _NORMAL
        with suppress(RuntimeError, WebSocketDisconnect):
            await socket.close(code)


async def _tell(socket: WebSocket, listener: Listener) -> None:
    with suppress(WebSocketDisconnect):
        async for event in listener:
            await socket.send_json(event.as_json())
        if listener.fell_behind:
            error = Overloaded("events were not read in time; connect again")
            await socket.send_json(problem(error, None).as_json())


async def _hear(socket: WebSocket, listener: Listener, controller: Controller) -> None:
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return
        if (text := message.get("text")) is not None:
            answer = await controller.take_text(text)
        else:
            answer = controller.take_sound(message.get("bytes") or b"")
        if answer is not None:
            listener.offer(answer)
