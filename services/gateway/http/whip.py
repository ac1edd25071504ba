"""`/v1/streams/{id}/whip`: speak through the avatar by WebRTC (WHIP, RFC 9725)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from services.common.errors import (
    Forbidden,
    NotFound,
    PayloadTooLarge,
    StreamEnded,
    StreamNotFound,
    UnsupportedMedia,
)
from services.gateway.http.context import InGateway
from services.gateway.http.door import secret_of
from services.gateway.http.problem import problems
from services.gateway.http.stream_bodies import Language
from services.gateway.http.stream_route import TOKEN, ControlRoute
from services.gateway.http.streams import LiveSession
from services.gateway.http.whep import (
    FRAGMENT_TYPE,
    SDP_TYPE,
    GuestRoute,
    answer_of,
    answered,
    body_of,
    servers_of,
    text_of,
)
from services.gateway.webrtc.voice import Manner

router = APIRouter(
    prefix="/v1", tags=["streams"], route_class=ControlRoute, dependencies=[Depends(TOKEN)]
)
guest_router = APIRouter(
    prefix="/v1", tags=["streams"], route_class=GuestRoute, dependencies=[Depends(TOKEN)]
)


@router.post(
    "/streams/{stream_id}/whip",
    status_code=201,
    response_class=Response,
    responses={
        **problems(StreamNotFound, StreamEnded, Forbidden, UnsupportedMedia, PayloadTooLarge),
        **answer_of("The answer; what is said is heard from the stream a moment later."),
    },
    openapi_extra=body_of(SDP_TYPE),
)
async def speak_in_stream(
    stream_id: str,
    request: Request,
    gateway: InGateway,
    session: LiveSession,
    barge_in: Annotated[
        bool, Query(description="Interrupt what others have the avatar say, instead of waiting.")
    ] = False,
    language: Annotated[
        Language | None, Query(description="What is spoken; known, it is heard sooner.")
    ] = None,
) -> Response:
    """Speak through the avatar by WHIP: send an SDP offer that sends Opus.

    Each turn, up to a pause of 0.7 seconds, becomes a drive of the stream.
    """
    servers = servers_of(gateway, session)
    ticket = await gateway.guests.speak(
        session,
        await text_of(request),
        secret_of(request.headers.get("authorization")),
        servers,
        Manner(barge_in, language),
    )
    return answered(ticket.answer, f"/v1/streams/{stream_id}/whip/{ticket.guest_id}", servers)


@guest_router.patch(
    "/streams/{stream_id}/whip/{voice_id}",
    status_code=204,
    responses=problems(NotFound, UnsupportedMedia, PayloadTooLarge),
    openapi_extra=body_of(FRAGMENT_TYPE),
)
async def add_voice_candidates(
    stream_id: str, voice_id: str, request: Request, gateway: InGateway
) -> None:
    """Add ICE candidates that were found after the offer (RFC 8840); ICE can't be restarted."""
    fragment = await text_of(request)
    await gateway.guests.add_candidates(stream_id, voice_id, request.state.secret, fragment)


@guest_router.delete(
    "/streams/{stream_id}/whip/{voice_id}", status_code=204, responses=problems(NotFound)
)
async def end_voice(stream_id: str, voice_id: str, request: Request, gateway: InGateway) -> None:
    """Stop speaking; what was said is still heard."""
    await gateway.guests.leave(stream_id, voice_id, request.state.secret)
