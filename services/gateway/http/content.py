"""`/v1/videos/{id}/content` and `/subtitles`: what a video job made."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import Depends, Header, Query
from fastapi.responses import Response, StreamingResponse

from services.common.errors import Conflict, NotFound, RangeNotSatisfiable, VideoNotFound
from services.gateway.http.context import AccountId, Gateway, InGateway
from services.gateway.http.problem import problems, respond
from services.gateway.http.ranges import part_of
from services.gateway.http.route import api_router
from services.gateway.media import ObjectRef, Word
from services.gateway.places import MEDIA_TYPES, ending
from services.gateway.records import Video, VideoStatus
from services.gateway.subtitles import cues_of, srt, webvtt

router = api_router("videos")

_FILE = {"schema": {"type": "string", "format": "binary"}}
_FOREVER = "private, max-age=31536000, immutable"
_SUBTITLE_TYPES = {"vtt": "text/vtt; charset=utf-8", "srt": "application/x-subrip; charset=utf-8"}
_FILES = dict.fromkeys(MEDIA_TYPES.values(), _FILE)
_FILE_RESPONSES: dict[int | str, dict[str, Any]] = {
    **problems(VideoNotFound, Conflict, RangeNotSatisfiable),
    200: {"description": "The whole file", "content": _FILES},
    206: {"description": "The part that was asked for", "content": _FILES},
    304: {"description": "The file that the client has is still the right one"},
}
_HEAD_RESPONSES = {
    status: {"description": response["description"]} for status, response in _FILE_RESPONSES.items()
}


@dataclass(frozen=True, slots=True)
class _Asked:
    """The headers that say which bytes are wanted."""

    range: str | None
    if_range: str | None
    if_none_match: str | None


def _asked(
    range: Annotated[
        str | None, Header(description="One range of bytes.", examples=["bytes=0-1023"])
    ] = None,
    if_range: Annotated[
        str | None, Header(description="The range counts only for this ETag.")
    ] = None,
    if_none_match: Annotated[str | None, Header(description="ETags that the client has.")] = None,
) -> _Asked:
    return _Asked(range, if_range, if_none_match)


Asked = Annotated[_Asked, Depends(_asked)]


@router.get(
    "/videos/{video_id}/content", response_class=StreamingResponse, responses=_FILE_RESPONSES
)
async def get_video_content(
    video_id: str,
    gateway: InGateway,
    account_id: AccountId,
    asked: Asked,
) -> Response:
    """Fetch the MP4, or the WebM of a transparent video, or one range of it."""
    video, ref = await _finished(gateway, account_id, video_id)
    reply = _reply(video, ref, asked)
    if isinstance(reply, Response):
        return reply
    _, data = await gateway.objects.open(ref, offset=reply.first, length=reply.length)
    first = await anext(data, b"")
    return StreamingResponse(_continued(first, data), reply.status, reply.headers, reply.media_type)


@router.head("/videos/{video_id}/content", response_class=Response, responses=_HEAD_RESPONSES)
async def head_video_content(
    video_id: str, gateway: InGateway, account_id: AccountId, asked: Asked
) -> Response:
    """Learn the file's size and ETag without its bytes."""
    video, ref = await _finished(gateway, account_id, video_id)
    reply = _reply(video, ref, asked)
    if isinstance(reply, Response):
        return reply
    return Response(None, reply.status, reply.headers, reply.media_type)


@router.get(
    "/videos/{video_id}/subtitles",
    response_class=Response,
    responses={
        **problems(VideoNotFound, Conflict),
        200: {
            "description": "The subtitles",
            "content": {
                kind.partition(";")[0]: {"schema": {"type": "string"}}
                for kind in _SUBTITLE_TYPES.values()
            },
        },
    },
)
async def get_video_subtitles(
    video_id: str,
    gateway: InGateway,
    account_id: AccountId,
    format: Annotated[Literal["vtt", "srt"], Query(description="WebVTT or SubRip.")] = "vtt",
) -> Response:
    """Fetch the subtitles of a video that speaks a text."""
    video, _ = await _finished(gateway, account_id, video_id)
    if video.words is None or video.spec.text is None:
        raise NotFound("this video has no subtitles")
    _, data = await gateway.objects.open(video.words)
    words = words_of(b"".join([block async for block in data]))
    cues = cues_of(words, video.spec.text)
    body = srt(cues) if format == "srt" else webvtt(cues)
    return Response(body, media_type=_SUBTITLE_TYPES[format])


@dataclass(frozen=True, slots=True)
class _Reply:
    """Which bytes are sent, and how they are announced."""

    status: int
    first: int
    length: int
    headers: dict[str, str]
    media_type: str


def _reply(video: Video, ref: ObjectRef, asked: _Asked) -> _Reply | Response:
    """How a request for a file is answered; a Response when no bytes follow."""
    size, tag = video.size_bytes or 0, f'"{video.id}"'
    kind = ending(ref)
    headers = {
        "Accept-Ranges": "bytes",
        "ETag": tag,
        "Cache-Control": _FOREVER,
        "Content-Disposition": f'attachment; filename="{video.id}{kind}"',
    }
    if asked.if_none_match and tag in asked.if_none_match:
        return Response(None, 304, headers)
    try:
        part = part_of(asked.range if asked.if_range in {None, tag} else None, size)
    except RangeNotSatisfiable as error:
        return respond(error, {**headers, "Content-Range": f"bytes */{size}"})
    if part is None:
        return _Reply(200, 0, size, {**headers, "Content-Length": str(size)}, MEDIA_TYPES[kind])
    headers["Content-Range"] = f"bytes {part.first}-{part.last}/{size}"
    headers["Content-Length"] = str(part.length)
    return _Reply(206, part.first, part.length, headers, MEDIA_TYPES[kind])


async def _continued(
    first: bytes, rest: AsyncGenerator[bytes, None]
) -> AsyncGenerator[bytes, None]:
    async with aclosing(rest):
        yield first
        async for block in rest:
            yield block


async def _finished(gateway: Gateway, account_id: str, video_id: str) -> tuple[Video, ObjectRef]:
    """A video that has a file, and where that is. Raises VideoNotFound, Conflict."""
    video = await gateway.videos.get(account_id, video_id)
    if video.deleted_at is not None:
        raise VideoNotFound("the video was erased")
    if video.status is not VideoStatus.SUCCEEDED or video.content is None:
        raise Conflict(f"the video has no file: it is {video.status.value}")
    return video, video.content


def words_of(stored: bytes) -> list[Word]:
    """The words that storage keeps beside a video."""
    return [
        Word(
            word["text"],
            int(word["start_us"]),
            int(word["end_us"]),
            int(word["char_start"]),
            int(word["char_end"]),
        )
        for word in json.loads(stored)["words"]
    ]
