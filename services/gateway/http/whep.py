"""`/v1/streams/{id}/whep`: watch a stream by WebRTC (WHEP, as RFC 9725 has it for WHIP)."""

from __future__ import annotations

import time
from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from services.common.errors import (
    Forbidden,
    NotFound,
    PayloadTooLarge,
    StreamEnded,
    StreamNotFound,
    UnsupportedMedia,
)
from services.gateway.http.context import Gateway, InGateway
from services.gateway.http.door import secret_of
from services.gateway.http.noting import personal_data
from services.gateway.http.problem import problems
from services.gateway.http.route import Route
from services.gateway.http.stream_route import TOKEN, ViewRoute
from services.gateway.http.streams import LiveSession
from services.gateway.live.ice import IceServer
from services.gateway.live.session import Session

SDP_TYPE = "application/sdp"
FRAGMENT_TYPE = "application/trickle-ice-sdpfrag"
_CREDENTIALS_HOLD_S = 86_400


class GuestRoute(Route):
    """For who came in before: the same token opens its own connection, and nothing else.

    So a token for single use, or one whose time is over, still ends what it began.
    """

    async def admit(self, request: Request) -> None:
        """Keeps the secret; whose it is, is seen where the connection is looked up."""
        request.state.secret = secret_of(request.headers.get("authorization"))


def body_of(media_type: str) -> dict[str, Any]:
    """An operation whose body is text of that type."""
    content = {media_type: {"schema": {"type": "string"}}}
    return {"requestBody": {"required": True, "content": content}}


def answer_of(description: str) -> dict[int | str, dict[str, Any]]:
    """The response of an operation that answers an offer."""
    headers = {
        "Location": "Where to PATCH candidates to, and to DELETE the connection.",
        "Link": "STUN and TURN servers (RFC 9725, 4.6).",
        "Accept-Patch": "What PATCH takes.",
    }
    return {
        201: {
            "description": description,
            "content": {SDP_TYPE: {"schema": {"type": "string"}}},
            "headers": {
                name: {"description": meaning, "schema": {"type": "string"}}
                for name, meaning in headers.items()
            },
        }
    }


def link_headers(servers: list[IceServer]) -> list[str]:
    """The servers as `Link` headers, one for each URL."""
    return [_link(url, server) for server in servers for url in server.urls]


def _link(url: str, server: IceServer) -> str:
    link = f'<{url}>; rel="ice-server"'
    if server.username is not None:
        link += f'; username="{server.username}"; credential="{server.credential}"'
        link += '; credential-type="password"'
    return link


def servers_of(gateway: Gateway, session: Session) -> list[IceServer]:
    """The STUN and TURN servers for a connection, with credentials that hold for a day."""
    until_s = int(time.time()) + _CREDENTIALS_HOLD_S
    return gateway.ice_servers.for_stream(session.id, until_s=until_s)


def answered(answer: str, location: str, servers: list[IceServer]) -> Response:
    """The response to an offer."""
    headers = {"Location": location, "Accept-Patch": FRAGMENT_TYPE}
    response = Response(answer, status_code=201, media_type=SDP_TYPE, headers=headers)
    for link in link_headers(servers):
        response.headers.append("Link", link)
    return response


async def text_of(request: Request) -> str:
    """The request's body, read already."""
    return (await request.body()).decode("utf-8", errors="replace")


router = APIRouter(
    prefix="/v1", tags=["streams"], route_class=ViewRoute, dependencies=[Depends(TOKEN)]
)
guest_router = APIRouter(
    prefix="/v1", tags=["streams"], route_class=GuestRoute, dependencies=[Depends(TOKEN)]
)


@router.post(
    "/streams/{stream_id}/whep",
    status_code=201,
    response_class=Response,
    responses={
        **problems(StreamNotFound, StreamEnded, Forbidden, UnsupportedMedia, PayloadTooLarge),
        **answer_of("The answer; the picture comes as soon as the connection is up."),
    },
    openapi_extra={**body_of(SDP_TYPE), **personal_data()},
)
async def watch_stream(
    stream_id: str, request: Request, gateway: InGateway, session: LiveSession
) -> Response:
    """Watch a stream by WHEP: send an SDP offer that receives H.264 and Opus."""
    servers = servers_of(gateway, session)
    secret = secret_of(request.headers.get("authorization"))
    ticket = await gateway.guests.watch(session, await text_of(request), secret, servers)
    return answered(ticket.answer, f"/v1/streams/{stream_id}/whep/{ticket.guest_id}", servers)


@guest_router.patch(
    "/streams/{stream_id}/whep/{viewer_id}",
    status_code=204,
    responses=problems(NotFound, UnsupportedMedia, PayloadTooLarge),
    openapi_extra=body_of(FRAGMENT_TYPE),
)
async def add_viewer_candidates(
    stream_id: str, viewer_id: str, request: Request, gateway: InGateway
) -> None:
    """Add ICE candidates that were found after the offer (RFC 8840); ICE can't be restarted."""
    fragment = await text_of(request)
    await gateway.guests.add_candidates(stream_id, viewer_id, request.state.secret, fragment)


@guest_router.delete(
    "/streams/{stream_id}/whep/{viewer_id}", status_code=204, responses=problems(NotFound)
)
async def end_viewer(stream_id: str, viewer_id: str, request: Request, gateway: InGateway) -> None:
    """Stop watching."""
    await gateway.guests.leave(stream_id, viewer_id, request.state.secret)
