"""What surrounds every request: its id, its line in the log, the limit of its body."""

from __future__ import annotations

import re
import time

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.common.errors import PayloadTooLarge
from services.common.logging import REQUEST_ID_HEADER, request_scope
from services.gateway.http.problem import respond
from services.gateway.settings import GatewaySettings

log = structlog.get_logger()

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_QUIET_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})
_CHALLENGE = re.compile(r"^/v1/consents/challenges/[^/]+/recording$")
_FORM_OVERHEAD_BYTES = 64 * 1024
_CLIENT_WENT_AWAY = 499


class RequestScope:
    """Gives a request its id, the client's own if it is well formed, and logs how it went."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(REQUEST_ID_HEADER, "")
        status = _CLIENT_WENT_AWAY
        start = time.perf_counter()
        with request_scope(given if _REQUEST_ID.fullmatch(given) else None) as request_id:

            async def tagged(message: Message) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = message["status"]
                    MutableHeaders(scope=message)["X-Request-Id"] = request_id
                await send(message)

            try:
                await self._app(scope, receive, tagged)
            except ClientDisconnect:
                status = _CLIENT_WENT_AWAY
            finally:
                if scope["path"] not in _QUIET_PATHS:
                    _log(scope, status, start)


def _log(scope: Scope, status: int, start: float) -> None:
    log.info(
        "http.request",
        method=scope["method"],
        path=scope["path"],
        status=status,
        ms=round((time.perf_counter() - start) * 1000, 1),
    )


class BodyLimit:
    """Refuses bodies over the limit of their path: at once when they say so, else as they come."""

    def __init__(self, app: ASGIApp, settings: GatewaySettings) -> None:
        self._app = app
        self._json_bytes = settings.max_json_bytes
        self._form_bytes = {
            "/v1/assets": max(settings.max_audio_bytes, settings.max_image_bytes),
            "/v1/avatars": settings.max_image_bytes,
            "/v1/verify": settings.max_audio_bytes,
            "/v1/consents/challenges/recording": settings.max_audio_bytes,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves a request; reading too much of its body raises PayloadTooLarge."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._limit(scope)
        length = Headers(scope=scope).get("content-length", "")
        if length.isdigit() and int(length) > limit:
            await respond(_too_large(limit), {"Connection": "close"})(scope, receive, send)
            return
        await self._app(scope, _counted(receive, limit), send)

    def _limit(self, scope: Scope) -> int:
        if Headers(scope=scope).get("content-type", "").startswith("multipart/"):
            path = _CHALLENGE.sub("/v1/consents/challenges/recording", scope["path"].rstrip("/"))
            allowed = self._form_bytes.get(path)
            if allowed is not None:
                return allowed + _FORM_OVERHEAD_BYTES
        return self._json_bytes


def _counted(receive: Receive, limit: int) -> Receive:
    received = 0

    async def counted() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > limit:
            raise _too_large(limit)
        return message

    return counted


def _too_large(limit: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"at most {limit} bytes are accepted here")
