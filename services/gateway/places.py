"""Where the files of videos lie."""

from __future__ import annotations

from services.gateway.media import ObjectRef
from services.gateway.records import Video

_BUCKET = "videos"


def places(video: Video) -> tuple[ObjectRef, ObjectRef | None]:
    """Where the MP4 and the words of a video go: the same at every attempt."""
    stem = f"{video.account_id}/{video.id}"
    content = video.content or ObjectRef(_BUCKET, f"{stem}.mp4")
    words = video.words or ObjectRef(_BUCKET, f"{stem}.words.json")
    return content, words if video.spec.subtitles else None
