"""How requests are let in that only a person may send, for themselves."""

from __future__ import annotations

from fastapi import APIRouter, Depends
from starlette.requests import Request

from services.common.errors import Forbidden
from services.gateway.http.context import caller_of
from services.gateway.http.route import BEARER, Route


class PersonRoute(Route):
    """For whoever is signed in, whatever they are in the account."""

    async def admit(self, request: Request) -> None:
        """Finds out whose request it is; raises Forbidden for an API key, which is nobody."""
        await super().admit(request)
        if caller_of(request).role is None:
            raise Forbidden("sign in: an API key is nobody")


def person_router(tag: str) -> APIRouter:
    """A router below `/v1` whose calls need a session."""
    return APIRouter(
        prefix="/v1", tags=[tag], route_class=PersonRoute, dependencies=[Depends(BEARER)]
    )
