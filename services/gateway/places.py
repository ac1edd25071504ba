"""Where the files of videos lie."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from services.gateway.media import ObjectRef, Transparent
from services.gateway.records import Video

_BUCKET = "videos"
_MP4, _WEBM, _WORDS = ".mp4", ".webm", ".words.json"
MEDIA_TYPES = {_MP4: "video/mp4", _WEBM: "video/webm"}
"""Of the files of videos, by how their names end."""


def places(video: Video) -> tuple[ObjectRef, ObjectRef | None]:
    """Where the file and the words of a video go: the same at every attempt."""
    transparent = isinstance(video.spec.look.background, Transparent)
    content = video.content or _place(video, _WEBM if transparent else _MP4)
    words = video.words or _place(video, _WORDS)
    return content, words if video.spec.subtitles else None


def leftovers(video: Video) -> Sequence[ObjectRef]:
    """Wherever an attempt may have put something; of an erased video it is not known any more what
    was asked for."""
    return [_place(video, ending) for ending in (_MP4, _WEBM, _WORDS)]


def ending(content: ObjectRef) -> str:
    """How the name of a video's file ends, a key of MEDIA_TYPES."""
    return PurePosixPath(content.key).suffix


def _place(video: Video, ending: str) -> ObjectRef:
    return ObjectRef(_BUCKET, f"{video.account_id}/{video.id}{ending}")
