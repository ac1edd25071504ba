"""How every `/v1` request is let in before its route sees it."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

from fastapi import APIRouter, Depends
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from starlette.requests import Request
from starlette.responses import Response

from services.common.errors import UnsupportedMedia
from services.gateway.http.context import (
    IDEMPOTENCY_HEADER,
    IDEMPOTENCY_KEY_PATTERN,
    gateway_of,
)
from services.gateway.http.idempotency import answer_once, digest_of
from services.gateway.http.uploads import FORM_TYPE, Form, read_form

JSON_TYPE = "application/json"
_BEARER = HTTPBearer(
    scheme_name="apiKey",
    auto_error=False,
    bearerFormat="vk_…",
    description="An API key: `Authorization: Bearer vk_…`.",
)
_SECRETS = "x-told-once"
_Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class Route(APIRoute):
    """Key, rate, content type, body and idempotency, in this order; then the route itself."""

    def get_route_handler(self) -> _Handler:
        """The route's own handler behind the door."""
        inner = super().get_route_handler()

        async def handle(request: Request) -> Response:
            await self.admit(request)
            async with AsyncExitStack() as stack:
                form = await self._read_body(request, stack)
                key = self._idempotency_key(request)
                if key is None:
                    return await inner(request)
                return await answer_once(
                    gateway_of(request).idempotency,
                    request.state.account_id,
                    key,
                    await digest_of(request, form),
                    partial(inner, request),
                    secrets=(self.openapi_extra or {}).get(_SECRETS, ()),
                )

        return handle

    async def admit(self, request: Request) -> None:
        """Finds out whose request it is, or raises."""
        gateway = gateway_of(request)
        key = await gateway.door.admit(request.headers.get("authorization"))
        request.state.key, request.state.account_id = key, key.account_id

    async def _read_body(self, request: Request, stack: AsyncExitStack) -> Form | None:
        """Reads a body whose type the route takes; raises UnsupportedMedia, PayloadTooLarge."""
        allowed = self._content_types()
        if not allowed:
            return None
        given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if not given and self._may_be_bare() and not await request.body():
            return None
        if given not in allowed:
            raise UnsupportedMedia(f"send the body as {' or '.join(allowed)}")
        if given != FORM_TYPE:
            await request.body()
            return None
        stack.push_async_callback(request.close)
        form = await read_form(request)
        request.state.form = form
        return form

    def _content_types(self) -> tuple[str, ...]:
        described = (self.openapi_extra or {}).get("requestBody")
        if described:
            return tuple(described["content"])
        return (JSON_TYPE,) if self.body_field else ()

    def _may_be_bare(self) -> bool:
        return self.body_field is not None and not self.body_field.field_info.is_required()

    def _idempotency_key(self, request: Request) -> str | None:
        """A well-formed key of a request that creates; a malformed one is left to validation."""
        if not any(field.alias == IDEMPOTENCY_HEADER for field in self.dependant.header_params):
            return None
        key = request.headers.get(IDEMPOTENCY_HEADER, "")
        return key if re.fullmatch(IDEMPOTENCY_KEY_PATTERN, key) else None


def api_router(noun: str) -> APIRouter:
    """A router for one noun below `/v1`; every call needs an API key."""
    return APIRouter(prefix="/v1", tags=[noun], route_class=Route, dependencies=[Depends(_BEARER)])


def told_once(*fields: str) -> dict[str, Any]:
    """Marks fields of an answer that a repetition of the request is not told."""
    return {_SECRETS: list(fields)}
