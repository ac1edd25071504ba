"""`/v1/streams`: people who speak live."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from services.common.errors import (
    AgreementRequired,
    AssetNotFound,
    AvatarNotFound,
    AvatarNotReady,
    ContentRejected,
    Forbidden,
    IdempotencyConflict,
    NotFound,
    PayloadTooLarge,
    QuotaExceeded,
    QuotaUsedUp,
    Restricted,
    ReviewPending,
    StreamEnded,
    StreamNotFound,
    TextEmpty,
    TextTooLong,
    UnsupportedLanguage,
    UnsupportedMedia,
    VoiceNotFound,
)
from services.gateway.http.context import AccountId, Cursor, IdempotencyKey, InGateway, Limit
from services.gateway.http.performance import asked_performance
from services.gateway.http.problem import problems
from services.gateway.http.route import api_router, told_once
from services.gateway.http.stream_bodies import (
    ActionRequest,
    DriveRequest,
    InterruptRequest,
    StreamChange,
    StreamRequest,
    TokenRequest,
)
from services.gateway.http.stream_route import (
    TOKEN,
    ControlRoute,
    live_session,
    session_of,
)
from services.gateway.http.stream_views import (
    DriveView,
    InterruptedView,
    NewStreamView,
    StreamView,
    TokenView,
)
from services.gateway.http.views import Page, page_of
from services.gateway.live.session import Session
from services.gateway.live.tokens import Right
from services.gateway.look import Look, Performance
from services.gateway.media import Act, Action
from services.gateway.records import StreamSpec

router = api_router("streams")
control_router = APIRouter(
    prefix="/v1", tags=["streams"], route_class=ControlRoute, dependencies=[Depends(TOKEN)]
)
LiveSession = Annotated[Session, Depends(session_of)]


@router.post(
    "/streams",
    status_code=201,
    responses=problems(
        AvatarNotFound,
        AssetNotFound,
        VoiceNotFound,
        AvatarNotReady,
        AgreementRequired,
        ContentRejected,
        Restricted,
        ReviewPending,
        QuotaExceeded,
        QuotaUsedUp,
        IdempotencyConflict,
        UnsupportedMedia,
        PayloadTooLarge,
    ),
    openapi_extra=told_once("token"),
)
async def create_stream(
    body: StreamRequest, gateway: InGateway, account_id: AccountId, _: IdempotencyKey = None
) -> NewStreamView:
    """Open a live stream: the avatar idles until it is driven.

    Watch it by WHEP at `whep_url` and drive it at `control_url`, both with the token, which is
    told only here. The stream ends when it was idle, or has lasted, for as long as was asked.
    """
    spec = StreamSpec(
        avatar_id=body.avatar_id,
        voice_id=body.voice_id or "",
        width=body.width or 0,
        height=body.height or 0,
        fps=body.fps,
        idle_timeout_s=body.idle_timeout_s,
        max_duration_s=body.max_duration_s,
        record=body.record,
        look=Look(
            Performance(body.expression.expression() if body.expression else None),
            body.wanted_background(),
            unmarked=not body.mark,
        ),
    )
    session, token = await gateway.sessions.create(account_id, spec)
    until_s = int(time.time()) + spec.max_duration_s
    servers = gateway.ice_servers.for_stream(session.id, until_s=until_s)
    return NewStreamView.new(session.record, token=token, ice_servers=servers, until_s=until_s)


@router.get("/streams", responses=problems())
async def list_streams(
    gateway: InGateway, account_id: AccountId, limit: Limit = 20, cursor: Cursor = ""
) -> Page[StreamView]:
    """List the streams, newest first."""
    page = await gateway.streams.list(account_id, limit=limit, cursor=cursor)
    return page_of(page, StreamView.of)


@router.get("/streams/{stream_id}", responses=problems(StreamNotFound))
async def get_stream(stream_id: str, gateway: InGateway, account_id: AccountId) -> StreamView:
    """Look at one stream, ended or not."""
    return StreamView.of(await gateway.streams.get(account_id, stream_id))


@router.delete("/streams/{stream_id}", status_code=204, responses=problems(StreamNotFound))
async def delete_stream(stream_id: str, gateway: InGateway, account_id: AccountId) -> None:
    """End a stream; its recording, if there is one, becomes a video. One that has ended stays."""
    record = await gateway.streams.get(account_id, stream_id)
    if not record.ended:
        session = await live_session(gateway, account_id, stream_id)
        await gateway.sessions.end(session, "deleted")


@router.post(
    "/streams/{stream_id}/tokens",
    status_code=201,
    responses=problems(StreamNotFound, StreamEnded, UnsupportedMedia, PayloadTooLarge),
)
async def create_stream_token(
    stream_id: str, body: TokenRequest, gateway: InGateway, account_id: AccountId
) -> TokenView:
    """Make a token for one viewer or controller: of limited life, for single use if you want."""
    session = await live_session(gateway, account_id, stream_id)
    rights = frozenset(map(Right, body.rights))
    token = session.tokens.issue(rights, ttl_s=body.ttl_s, single_use=body.single_use)
    return TokenView.new(token, until_s=time.time() + body.ttl_s)


@control_router.post(
    "/streams/{stream_id}/drives",
    status_code=202,
    responses=problems(
        StreamNotFound,
        StreamEnded,
        Forbidden,
        AssetNotFound,
        TextEmpty,
        TextTooLong,
        UnsupportedLanguage,
        UnsupportedMedia,
        PayloadTooLarge,
        IdempotencyConflict,
    ),
)
async def create_drive(
    stream_id: str,
    body: DriveRequest,
    gateway: InGateway,
    session: LiveSession,
    _: IdempotencyKey = None,
) -> DriveView:
    """Say a text or a recording: after what is queued, or instead of it."""
    interrupt = body.mode == "interrupt"
    performance = asked_performance(body.performance, body.text)
    if body.text is not None:
        drive = await gateway.director.say(
            session, body.text, interrupt=interrupt, performance=performance
        )
    else:
        drive = await gateway.director.play(
            session,
            body.audio_asset_id or "",
            interrupt=interrupt,
            language=body.language,
            performance=performance,
        )
    return DriveView.of(drive)


@control_router.patch(
    "/streams/{stream_id}",
    responses=problems(StreamNotFound, StreamEnded, Forbidden, UnsupportedMedia, PayloadTooLarge),
)
async def change_stream(stream_id: str, body: StreamChange, session: LiveSession) -> StreamView:
    """Change how the face looks from now on; it blends over within about 0.4 s."""
    session.playout.act(Act(standing=body.expression.expression()))
    return StreamView.of(session.record)


@control_router.post(
    "/streams/{stream_id}/actions",
    status_code=202,
    response_class=Response,
    responses={
        **problems(StreamNotFound, StreamEnded, Forbidden, UnsupportedMedia, PayloadTooLarge),
        202: {"description": "The head does it"},
    },
)
async def act_in_stream(stream_id: str, body: ActionRequest, session: LiveSession) -> Response:
    """Have the head nod, shake, tilt or turn to the viewer: now, once, whatever is being said."""
    session.playout.act(Act(action=Action(body.name)))
    return Response(status_code=202)


@control_router.get(
    "/streams/{stream_id}/drives/{drive_id}",
    responses=problems(StreamNotFound, StreamEnded, Forbidden, NotFound),
)
async def get_drive(stream_id: str, drive_id: str, session: LiveSession) -> DriveView:
    """Look at one drive of a stream that has not ended."""
    return DriveView.of(session.drives.get(drive_id))


@control_router.post(
    "/streams/{stream_id}/interrupt",
    responses=problems(
        StreamNotFound, StreamEnded, Forbidden, NotFound, UnsupportedMedia, PayloadTooLarge
    ),
)
async def interrupt_stream(
    stream_id: str, session: LiveSession, body: InterruptRequest | None = None
) -> InterruptedView:
    """Stop what is said and drop what waits, or stop one drive; the mouth closes at once."""
    stopped = await session.drives.interrupt(body.drive_id if body else None)
    return InterruptedView.of(stopped)
