"""`/v1/videos/{id}/content`, `/subtitles` and `/manifest`: what a video job made."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from fastapi import Query
from fastapi.responses import Response, StreamingResponse

from services.common.errors import Conflict, NotFound, RangeNotSatisfiable, VideoNotFound
from services.gateway.http.context import AccountId, Gateway, InGateway
from services.gateway.http.files import FILE_SCHEMA, Asked, File, fetched, looked_at
from services.gateway.http.noting import personal_data
from services.gateway.http.problem import problems
from services.gateway.http.route import api_router
from services.gateway.media import ObjectRef, Word
from services.gateway.places import MEDIA_TYPES, ending
from services.gateway.records import Video, VideoStatus
from services.gateway.subtitles import cues_of, srt, webvtt

router = api_router("videos")

_SUBTITLE_TYPES = {"vtt": "text/vtt; charset=utf-8", "srt": "application/x-subrip; charset=utf-8"}
_MANIFEST_TYPE = "application/c2pa"
_FILES = dict.fromkeys(MEDIA_TYPES.values(), FILE_SCHEMA)
_FILE_RESPONSES: dict[int | str, dict[str, Any]] = {
    **problems(VideoNotFound, Conflict, RangeNotSatisfiable),
    200: {"description": "The whole file", "content": _FILES},
    206: {"description": "The part that was asked for", "content": _FILES},
    304: {"description": "The file that the client has is still the right one"},
}
_HEAD_RESPONSES = {
    status: {"description": response["description"]} for status, response in _FILE_RESPONSES.items()
}


@router.get(
    "/videos/{video_id}/content",
    response_class=StreamingResponse,
    responses=_FILE_RESPONSES,
    openapi_extra=personal_data(),
)
async def get_video_content(
    video_id: str,
    gateway: InGateway,
    account_id: AccountId,
    asked: Asked,
) -> Response:
    """Fetch the MP4, or the WebM of a transparent video, or one range of it."""
    video, ref = await _finished(gateway, account_id, video_id)
    return await fetched(gateway.objects, _file(video, ref), asked)


@router.head("/videos/{video_id}/content", response_class=Response, responses=_HEAD_RESPONSES)
async def head_video_content(
    video_id: str, gateway: InGateway, account_id: AccountId, asked: Asked
) -> Response:
    """Learn the file's size and ETag without its bytes."""
    video, ref = await _finished(gateway, account_id, video_id)
    return looked_at(_file(video, ref), asked)


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
    openapi_extra=personal_data(),
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


@router.get(
    "/videos/{video_id}/manifest",
    response_class=Response,
    responses={
        **problems(VideoNotFound, Conflict),
        200: {"description": "The manifest", "content": {_MANIFEST_TYPE: FILE_SCHEMA}},
    },
    openapi_extra=personal_data(),
)
async def get_video_manifest(video_id: str, gateway: InGateway, account_id: AccountId) -> Response:
    """Fetch the C2PA manifest of a transparent video, whose WebM can't hold it; an MP4 does."""
    video, _ = await _finished(gateway, account_id, video_id)
    manifest = await gateway.provenance.manifest(account_id, video.id)
    if not manifest:
        raise NotFound("this video has no manifest beside its file")
    return Response(manifest, media_type=_MANIFEST_TYPE)


def _file(video: Video, ref: ObjectRef) -> File:
    kind = ending(ref)
    name = f"{video.id}{kind}"
    return File(ref, video.size_bytes or 0, video.id, name, MEDIA_TYPES[kind])


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
