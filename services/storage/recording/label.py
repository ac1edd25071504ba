"""The label of a video's file: in an MP4 among the keys of `moov.udta.meta`."""

from __future__ import annotations

from pathlib import PurePosixPath

from services.common.aigc import aigc_label
from services.storage.refs import ObjectRef


def video_id_of(content: ObjectRef) -> str:
    """The video whose file goes there."""
    return PurePosixPath(content.key).stem


def label_of(content: ObjectRef, producer: str) -> str:
    """The label of a file by where it goes, whose name is the video's id, and by who makes it."""
    return aigc_label(video_id_of(content), producer)
