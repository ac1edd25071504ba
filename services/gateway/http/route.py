"""How every `/v1` request is let in before its route sees it."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, ClassVar, cast

from fastapi import APIRouter, Depends
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from starlette.requests import Request
from starlette.responses import Response

from services.common.errors import AccountClosing, Forbidden, UnsupportedMedia
from services.gateway.http.context import (
    IDEMPOTENCY_HEADER,
    IDEMPOTENCY_KEY_PATTERN,
    caller_of,
    gateway_of,
)
from services.gateway.http.idempotency import answer_once, digest_of
from services.gateway.http.noting import PERSONAL_DATA, Noting, noted, noting_of
from services.gateway.http.uploads import FORM_TYPE, Form, read_form
from services.gateway.permissions import Caller, Scope
from services.gateway.standing import NOBODY

JSON_TYPE = "application/json"
BEARER = HTTPBearer(
    scheme_name="apiKey",
    auto_error=False,
    bearerFormat="vk_… or vs_…",
    description="An API key (`vk_…`) or a person's session (`vs_…`), with the scope that is named.",
)
_SECRETS = "x-told-once"
SCOPE = "x-scope"
"""What OpenAPI calls the scope that an operation needs."""
_STAYS_OPEN = "x-stays-open"
_READING = frozenset({"GET", "HEAD"})
_HARMLESS = _READING | {"DELETE"}
_Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class Route(APIRoute):
    """Caller, rate, scope, type of content, body, idempotency, in this order; then the route.

    Around them stands the audit.

    What reads needs the noun's scope to read; all else needs that to write, unless `needs` names
    another.
    """

    noun: ClassVar[str | None] = None
    """Whose scopes are needed; None: everybody who was let in may."""

    @property
    def scope(self) -> Scope | None:
        """What a caller must be allowed to do; None: nothing in particular."""
        if named := (self.openapi_extra or {}).get(SCOPE):
            return Scope(named)
        if self.noun is None:
            return None
        return scope_of(self.noun, writes=not _READING.issuperset(self.methods or ()))

    @property
    def noting(self) -> Noting:
        """When its calls are noted in the audit."""
        return noting_of(
            self.scope,
            reads=_READING.issuperset(self.methods or ()),
            personal=PERSONAL_DATA in (self.openapi_extra or {}),
        )

    @property
    def makes_new(self) -> bool:
        """Whether it makes or uses something, for which the account must be in good standing.

        What reads or ends something never does, nor what says of itself that it stays open.
        """
        if (self.openapi_extra or {}).get(_STAYS_OPEN):
            return False
        return not _HARMLESS.issuperset(self.methods or ())

    def get_route_handler(self) -> _Handler:
        """The route's own handler behind the door."""
        inner = super().get_route_handler()

        async def handle(request: Request) -> Response:
            return await noted(
                request,
                self.name,
                self.noting,
                partial(self.admit, request),
                partial(self._answer, inner, request),
            )

        return handle

    async def admit(self, request: Request) -> None:
        """Finds out whose request it is; raises when it may not be."""
        caller = await gateway_of(request).door.admit(request.headers.get("authorization"))
        # First, so that it is noted who was refused.
        request.state.caller = caller
        self.require(caller)

    def require(self, caller: Caller) -> None:
        """Returns when the caller may do this now. Raises Forbidden, AccountClosing."""
        require(caller, self.scope)
        if caller.closing and self.makes_new and self.scope is not None:
            raise AccountClosing("the account is being deregistered: nothing new is made in it")

    async def _answer(self, inner: _Handler, request: Request) -> Response:
        if self.makes_new:
            await gateway_of(request).gate.require(account_of(request))
        async with AsyncExitStack() as stack:
            form = await self._read_body(request, stack)
            key = self._idempotency_key(request)
            if key is None:
                return await inner(request)
            return await answer_once(
                gateway_of(request).idempotency,
                caller_of(request).account_id,
                key,
                await digest_of(request, form),
                partial(inner, request),
                secrets=(self.openapi_extra or {}).get(_SECRETS, ()),
            )

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


def api_router(tag: str, *, scope: str | None = None) -> APIRouter:
    """A router for one noun below `/v1`; every call needs an API key or a session.

    `scope` is the noun of the scopes, where it is not the tag. Raises ValueError for one that there
    is not.
    """
    return APIRouter(
        prefix="/v1",
        tags=[tag],
        route_class=_route_of(scope or tag),
        dependencies=[Depends(BEARER)],
    )


def _route_of(noun: str) -> type[Route]:
    return cast("type[Route]", type(f"{noun.title()}Route", (Route,), {"noun": noun}))


def scope_of(noun: str, *, writes: bool) -> Scope:
    """A noun's scope. Raises ValueError when there is none."""
    return Scope(f"{noun}:{'write' if writes else 'read'}")


def require(caller: Caller, scope: Scope | None) -> None:
    """Returns when the caller may do that. Raises Forbidden."""
    if scope is not None and scope not in caller.scopes:
        raise Forbidden(f"this needs the scope {scope}")


def needs(scope: Scope) -> dict[str, Any]:
    """Names the scope of an operation that its method does not tell."""
    return {SCOPE: scope.value}


def stays_open() -> dict[str, Any]:
    """Marks an operation that goes on when nothing new may be made, as a right or a duty."""
    return {_STAYS_OPEN: True}


def account_of(request: Request) -> str:
    """Whose request it is; NOBODY: theirs who have no account yet."""
    caller: Caller | None = getattr(request.state, "caller", None)
    return caller.account_id if caller else NOBODY


def told_once(*fields: str) -> dict[str, Any]:
    """Marks fields of an answer that a repetition of the request is not told."""
    return {_SECRETS: list(fields)}
