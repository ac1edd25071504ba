"""What a file itself says of where it comes from; read in a process of its own."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import av.error

from services.common.aigc import KEY
from services.storage.provenance.manifest import Manifest, read_manifest

_MAX_LABEL_CHARACTERS = 10_000
_MAX_TOLD_CHARACTERS = 200
_FILMS = {"audio/mp4": "video/mp4"}
"""What is sniffed as sound may be a film, which is where manifests are."""


@dataclass(frozen=True, slots=True)
class Label:
    """What the metadata claim; anybody can write that."""

    producer: str
    content_id: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that was found."""

    label: Label | None
    manifest: Manifest | None


def gather(path: Path, reader: str, content_type: str, *, chain: str) -> Evidence:
    """What a file says; `reader` and `content_type`: as it was sniffed, `chain`: our certificates.

    What can't be read says nothing.
    """
    media_type = _FILMS.get(content_type, content_type)
    return Evidence(_label(path, reader), read_manifest(path, media_type, chain=chain))


def _label(path: Path, reader: str) -> Label | None:
    try:
        with av.open(str(path), format=reader, metadata_errors="ignore") as container:
            # Of an Ogg, the tags are its stream's.
            parts = (container, *container.streams)
            text = next((part.metadata[KEY] for part in parts if KEY in part.metadata), "")
        told: Any = json.loads(text[:_MAX_LABEL_CHARACTERS])
    except (av.error.FFmpegError, ValueError):
        return None
    if not isinstance(told, dict):
        return None
    producer, content_id = (_text(told.get(name)) for name in ("ContentProducer", "ProduceID"))
    return Label(producer, content_id)


def _text(value: object) -> str:
    return value[:_MAX_TOLD_CHARACTERS] if isinstance(value, str) else ""
