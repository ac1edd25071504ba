"""How requests are let in that anybody may send: counted by where they come from."""

from __future__ import annotations

import ipaddress
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request

from services.common.errors import (
    DeadlineExceeded,
    DomainError,
    Internal,
    InvalidInput,
    Overloaded,
    Unavailable,
)
from services.gateway.http.context import gateway_of
from services.gateway.http.problem import problems_without_key
from services.gateway.http.route import Route

_HOME_BITS = 64
"""Of an IPv6 address: what one household or host is given."""


class OpenRoute(Route):
    """For everybody, at most so often from one address."""

    async def admit(self, request: Request) -> None:
        """Counts the request; raises Overloaded."""
        gateway_of(request).door.admit_stranger(origin_of(request))


def open_router(tag: str) -> APIRouter:
    """A router below `/v1` whose calls need neither a key nor a session."""
    return APIRouter(prefix="/v1", tags=[tag], route_class=OpenRoute)


def open_problems(*classes: type[DomainError]) -> dict[int | str, dict[str, Any]]:
    """The `responses` of an open operation that can fail so, and as every such can."""
    everywhere = (InvalidInput, Overloaded, Internal, Unavailable, DeadlineExceeded)
    return problems_without_key(*everywhere, *classes)


def origin_of(request: Request) -> str:
    """Where a request comes from: an IPv4 address, or the network of an IPv6 one."""
    host = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return host
    return str(ipaddress.ip_network((address, _HOME_BITS), strict=False))
