"""`/v1/streams`: people who speak live."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import APIRouter, Depends

from services.common.errors import (
    AssetNotFound,
    AvatarNotFound,
    AvatarNotReady,
    Forbidden,
    IdempotencyConflict,
    NotFound,
    PayloadTooLarge,
    StreamEnded,
    StreamNotFound,
    TextEmpty,
    TextTooLong,
    UnsupportedLanguage,
    UnsupportedMedia,
    VoiceNotFound,
)
from services.gateway.http.context import AccountId, Cursor, IdempotencyKey, InGateway, Limit
from services.gateway.http.problem import problems
from services.gateway.http.route import api_router, told_once
from services.gateway.http.stream_bodies import (
    DriveRequest,
    InterruptRequest,
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
        VoiceNotFound,
        AvatarNotReady,
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
    if body.text is not None:
        drive = await gateway.director.say(session, body.text, interrupt=interrupt)
    else:
        drive = await gateway.director.play(
            session, body.audio_asset_id or "", interrupt=interrupt, language=body.language
        )
    return DriveView.of(drive)


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
