"""Which calls are noted in the audit, when, and as what."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response, StreamingResponse

from services.common.errors import DomainError, Internal, InvalidInput, Unavailable
from services.common.logging import current_request_id
from services.gateway.audit.records import NewEntry
from services.gateway.http.context import gateway_of
from services.gateway.http.problem import InvalidFields
from services.gateway.permissions import Caller, Scope

PERSONAL_DATA = "x-personal-data"
"""What OpenAPI calls that an operation tells personal data, or shows media."""
BEGUN = "begun"
_PERSONAL = frozenset({"account", "audit", "consents", "keys", "members", "privacy", "reviews"})
_PRIVILEGED = _PERSONAL | {"moderation", "notices", "provenance"}
_ID = re.compile(r"[a-z]{2,3}_[0-9A-HJKMNP-TV-Z]{26}|[0-9]{1,6}")
_NETWORK_BITS = {4: 24, 6: 48}
_MADE = frozenset({201, 202})
_FIRST_ERROR = 400


class Noting(Enum):
    """When a call is noted."""

    NEVER = "never"
    SOON = "soon"
    """Within a moment of its end."""
    FIRST = "first"
    """Before it is answered: what it tells is told to nobody otherwise."""
    TWICE = "twice"
    """Before it is tried, and soon after its end."""


def noting_of(scope: Scope | None, *, reads: bool, personal: bool) -> Noting:
    """When calls are noted that need a scope; without one, all of them are weighty."""
    noun, _, right = scope.value.partition(":") if scope else ("account", "", "")
    reads = right == "read" if right else reads
    if personal:
        return Noting.FIRST
    if reads:
        return Noting.FIRST if noun in _PERSONAL else Noting.NEVER
    return Noting.TWICE if noun in _PRIVILEGED else Noting.SOON


def personal_data() -> dict[str, Any]:
    """Marks an operation that tells personal data or shows media, where its noun does not say."""
    return {PERSONAL_DATA: True}


async def noted(
    request: Request,
    action: str,
    noting: Noting,
    admit: Callable[[], Awaitable[None]],
    answer: Callable[[], Awaitable[Response]],
) -> Response:
    """The answer to a request, which is noted as of whoever it was let in.

    Raises what the answer raises; Unavailable when what must be noted can't be.
    """
    audit = gateway_of(request).audit
    try:
        await admit()
        if noting is Noting.TWICE and (entry := entry_of(request, action, BEGUN)):
            await audit.keep(entry)
        response = await answer()
    except (DomainError, InvalidFields, RequestValidationError, HTTPException) as error:
        if noting is not Noting.NEVER and (entry := entry_of(request, action, _status(error))):
            await audit.leave(entry)
        raise
    entry = entry_of(request, action, str(response.status_code), _made(response))
    if noting is Noting.NEVER or entry is None:
        return response
    if noting is not Noting.FIRST or response.status_code >= _FIRST_ERROR:
        await audit.leave(entry)
        return response
    try:
        await audit.keep(entry)
    except Unavailable:
        await _discard(response)
        raise
    return response


def entry_of(
    connection: HTTPConnection, action: str, outcome: str, made: str = ""
) -> NewEntry | None:
    """What is noted; None: nobody was let in."""
    caller: Caller | None = getattr(connection.state, "caller", None)
    if caller is None:
        return None
    ids = [*map(str, connection.path_params.values()), *filter(None, [made])]
    return NewEntry(
        account_id=caller.account_id,
        actor=caller.actor_id,
        action=action,
        target="/".join(each if _ID.fullmatch(each) else "?" for each in ids),
        outcome=outcome,
        request_id=current_request_id() or "",
        address=_network(connection),
    )


def _network(connection: HTTPConnection) -> str:
    """Where the call came from, roughly: another gateway's network, if that handed it on."""
    if connection.client is None:
        return ""
    try:
        address = ipaddress.ip_address(connection.client.host)
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    bits = _NETWORK_BITS[address.version]
    return str(ipaddress.ip_network((address, bits), strict=False))


def _status(error: Exception) -> str:
    match error:
        case DomainError():
            return str(error.http_status)
        case HTTPException():
            return str(error.status_code)
        case InvalidFields() | RequestValidationError():
            return str(InvalidInput.http_status)
        case _:
            return str(Internal.http_status)


def _made(response: Response) -> str:
    """The id of what a call has made."""
    kind = response.headers.get("content-type", "")
    if response.status_code not in _MADE or kind != "application/json":
        return ""
    told = json.loads(bytes(response.body))
    return str(told.get("id") or "") if isinstance(told, dict) else ""


async def _discard(response: Response) -> None:
    """Closes what would have been sent."""
    close = getattr(getattr(response, "body_iterator", None), "aclose", None)
    if isinstance(response, StreamingResponse) and close is not None:
        await close()
