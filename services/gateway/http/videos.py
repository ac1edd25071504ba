"""`/v1/videos`: jobs that make videos."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress

import httpx
from fastapi.responses import Response, StreamingResponse

from services.common.errors import (
    AgreementRequired,
    AssetNotFound,
    AvatarNotFound,
    AvatarNotReady,
    Conflict,
    ContentRejected,
    IdempotencyConflict,
    InvalidInput,
    PayloadTooLarge,
    QuotaExceeded,
    QuotaUsedUp,
    Restricted,
    ReviewPending,
    TextEmpty,
    TextTooLong,
    Unavailable,
    UnsupportedLanguage,
    UnsupportedMedia,
    VideoNotFound,
    VoiceNotFound,
)
from services.gateway.addresses import is_surely_private
from services.gateway.backgrounds import Backgrounds
from services.gateway.http.bodies import TextScript, VideoRequest
from services.gateway.http.context import (
    AccountId,
    Cursor,
    Gateway,
    IdempotencyKey,
    InGateway,
    Limit,
)
from services.gateway.http.performance import asked_performance
from services.gateway.http.problem import problems
from services.gateway.http.route import api_router, stays_open
from services.gateway.http.views import Page, VideoView, page_of, video_json
from services.gateway.look import Look
from services.gateway.new_video import Defaults, VideoMaker
from services.gateway.records import NewVideo, Video, VideoSpec, VideoStatus

router = api_router("videos")

_EVENT_STREAM = "text/event-stream"
_EVENT = {
    "type": "object",
    "required": ["event", "data"],
    "properties": {
        "event": {"const": "video"},
        "data": {
            "type": "string",
            "contentMediaType": "application/json",
            "contentSchema": {"$ref": "#/components/schemas/VideoView"},
        },
    },
}


@router.post(
    "/videos",
    status_code=202,
    responses=problems(
        AvatarNotFound,
        AssetNotFound,
        VoiceNotFound,
        AvatarNotReady,
        ContentRejected,
        QuotaExceeded,
        QuotaUsedUp,
        Restricted,
        ReviewPending,
        IdempotencyConflict,
        TextEmpty,
        TextTooLong,
        AgreementRequired,
        UnsupportedLanguage,
        UnsupportedMedia,
        PayloadTooLarge,
    ),
)
async def create_video(
    body: VideoRequest, gateway: InGateway, account_id: AccountId, _: IdempotencyKey = None
) -> VideoView:
    """Queue a video of an avatar that speaks a text or a recording.

    The script is judged by moderation before it is spoken; a script that is refused ends the job as
    `rejected`, one that a person has to decide on waits in `moderating` for its `review_id`. A
    picture as its background is judged at once. Follow the job by its events, by asking, or by a
    webhook.
    """
    settings = gateway.settings
    maker = VideoMaker(
        gateway.videos,
        gateway.avatars,
        gateway.assets,
        gateway.speaker,
        gateway.jobs,
        Backgrounds(gateway.assets, gateway.approvals),
        Defaults(settings.english_voice, settings.chinese_voice, settings.max_text_characters),
    )
    url = body.webhook_url
    if url and is_surely_private(httpx.URL(url).host) and not settings.webhook_private_addresses:
        raise InvalidInput("webhook_url: the address is not public")
    wish = NewVideo(_spec(body), body.metadata, body.webhook_url or "")
    return VideoView.of(await maker.create(account_id, wish))


def _spec(body: VideoRequest) -> VideoSpec:
    text = body.script.text if isinstance(body.script, TextScript) else None
    return VideoSpec(
        avatar_id=body.avatar_id,
        text=text,
        audio_asset_id=None if isinstance(body.script, TextScript) else body.script.asset_id,
        voice_id=body.voice_id or "",
        speed=body.speed or 1.0,
        width=body.output.width or 0,
        height=body.output.height or 0,
        fps=body.output.fps,
        subtitles=text is not None and body.output.subtitles != "none",
        look=Look(
            asked_performance(body.performance, text),
            body.output.wanted_background(),
            unmarked=not body.output.mark,
        ),
    )


@router.get("/videos", responses=problems())
async def list_videos(
    gateway: InGateway, account_id: AccountId, limit: Limit = 20, cursor: Cursor = ""
) -> Page[VideoView]:
    """List the videos, newest first, erased ones left out."""
    page = await gateway.videos.list(account_id, limit=limit, cursor=cursor)
    return page_of(page, VideoView.of)


@router.get("/videos/{video_id}", responses=problems(VideoNotFound))
async def get_video(video_id: str, gateway: InGateway, account_id: AccountId) -> VideoView:
    """Look at one video."""
    return VideoView.of(await _present(gateway, account_id, video_id))


async def _present(gateway: Gateway, account_id: str, video_id: str) -> Video:
    """The video; raises VideoNotFound when it is not there, or was erased."""
    video = await gateway.videos.get(account_id, video_id)
    if video.deleted_at is not None:
        raise VideoNotFound("the video was erased")
    return video


@router.get(
    "/videos/{video_id}/events",
    response_class=StreamingResponse,
    responses={
        **problems(VideoNotFound),
        200: {
            "description": "Events named `video`, whose data is the video as JSON",
            "content": {_EVENT_STREAM: {"schema": _EVENT}},
        },
    },
)
async def follow_video(
    video_id: str, gateway: InGateway, account_id: AccountId
) -> StreamingResponse:
    """Follow a video: it is sent at once, after each change, and a last time when it ends."""
    video = await _present(gateway, account_id, video_id)
    return StreamingResponse(
        _events(gateway, video),
        media_type=_EVENT_STREAM,
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _events(gateway: Gateway, video: Video) -> AsyncGenerator[str, None]:
    shown: dict[str, object] = {}
    async with aclosing(_looks(gateway, video)) as looks:
        async for look in looks:
            state = video_json(look)
            if state == shown:
                yield ": still there\n\n"
                continue
            shown = state
            yield f"event: video\ndata: {json.dumps(state, ensure_ascii=False)}\n\n"


async def _looks(gateway: Gateway, video: Video) -> AsyncGenerator[Video, None]:
    """The video at once, then at each piece of news and every few seconds, until it ends."""
    news = asyncio.Event()
    async with gateway.news.on_change(video.account_id, video.id, news.set):
        while True:
            with suppress(Unavailable):
                video = await gateway.videos.get(video.account_id, video.id)
            yield video
            if video.ended or gateway.closing.is_set():
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(gateway.settings.event_interval_s):
                    await news.wait()
            news.clear()


@router.post(
    "/videos/{video_id}/cancel",
    status_code=202,
    responses=problems(VideoNotFound),
    openapi_extra=stays_open(),
)
async def cancel_video(video_id: str, gateway: InGateway, account_id: AccountId) -> VideoView:
    """Stop a video: one that waits ends at once, one that is being made within seconds.

    One that has ended stays as it is.
    """
    before = await _present(gateway, account_id, video_id)
    video = await gateway.videos.cancel(account_id, video_id)
    await _tell_of_stop(gateway, video)
    if video.status is VideoStatus.CANCELLED and not before.ended:
        await gateway.jobs.tell_owner(video, now_s=int(time.time()))
    return VideoView.of(video)


@router.delete("/videos/{video_id}", status_code=204, responses=problems(VideoNotFound))
async def delete_video(video_id: str, gateway: InGateway, account_id: AccountId) -> None:
    """Erase a video, and stop it if it is being made. An empty record stays, unseen."""
    video = await _present(gateway, account_id, video_id)
    await gateway.videos.delete(account_id, video_id)
    await _tell_of_stop(gateway, video)


async def _tell_of_stop(gateway: Gateway, video: Video) -> None:
    await gateway.news.video_cancelled(video)
    await gateway.news.video_changed(video)


@router.post(
    "/videos/{video_id}/webhook/replay",
    status_code=202,
    response_class=Response,
    responses={
        **problems(VideoNotFound, Conflict),
        202: {"description": "It will be sent"},
    },
)
async def replay_video_webhook(
    video_id: str, gateway: InGateway, account_id: AccountId
) -> Response:
    """Send the webhook of an ended video once more, with the same `webhook-id`."""
    video = await _present(gateway, account_id, video_id)
    if not video.ended or not video.webhook_url:
        raise Conflict("only an ended video that has a webhook can be told of again")
    await gateway.jobs.tell_owner(video, now_s=int(time.time()), replay=True)
    return Response(status_code=202)
