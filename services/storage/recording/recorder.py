"""Records a stream of pictures, sound and words into the object store."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import structlog

from services.common.errors import DomainError
from services.common.telemetry import stage
from services.storage.objects.spool import Spool, full_disk_told, sha256_of
from services.storage.recording.containers import container_of
from services.storage.recording.label import label_of, video_id_of
from services.storage.recording.media import Frame, RecordingFormat, Sound
from services.storage.recording.muxer import Muxed, Muxer
from services.storage.refs import ObjectRef

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Word:
    """A spoken word on the timeline of the recording, and its place in the text."""

    text: str
    start_us: int
    end_us: int
    char_start: int
    char_end: int


Recordable = Frame | Sound | tuple[Word, ...]
"""What comes in, in timeline order."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where a recording goes; without a place for words they are not kept."""

    content: ObjectRef
    words: ObjectRef | None


@dataclass(frozen=True, slots=True)
class Recording:
    """What was stored."""

    duration_s: float
    size_bytes: int
    sha256: str
    """Of the file, lower-case hex."""
    frames: int


class Store(Protocol):
    """Where finished files go."""

    async def write(self, ref: ObjectRef, content_type: str, path: Path) -> None:
        """Stores a file whole or not at all."""
        ...

    async def delete(self, refs: Sequence[ObjectRef]) -> None:
        """Deletes objects; those that are not there are ignored."""
        ...


class Seal(Protocol):
    """Signs what is finished."""

    def sign(self, source: Path, target: Path, title: str) -> None:
        """Writes the MP4 with a manifest in it; slow. Raises StorageFull, Unavailable."""
        ...

    def sign_beside(self, source: Path, title: str) -> bytes:
        """A manifest that lies beside a WebM; slow. Raises StorageFull, Unavailable."""
        ...


class Manifests(Protocol):
    """Where manifests lie that their files can't hold."""

    async def keep(self, video_id: str, manifest: bytes) -> None:
        """Records one. Raises StorageFull, Unavailable."""
        ...


class Prints(Protocol):
    """Knows again what was made here."""

    async def keep(self, video_id: str, path: Path, reader: str) -> None:
        """Records the fingerprint of a file. Raises StorageFull, Unavailable."""
        ...


class Recorder:
    """Makes a video file of what comes, and stores it when all has come."""

    def __init__(
        self,
        store: Store,
        spool: Spool,
        producer: str,
        seal: Seal,
        manifests: Manifests,
        prints: Prints,
    ) -> None:
        """`producer`: who makes the files, as their labels say."""
        self._store = store
        self._spool = spool
        self._producer = producer
        self._seal = seal
        self._manifests = manifests
        self._prints = prints

    async def record(
        self, recording: RecordingFormat, places: Places, media: AsyncIterator[Recordable]
    ) -> Recording:
        """Stores one file and its words, or, when `media` or anything else raises, nothing.

        Recording to the same place again replaces what is there. Raises InvalidInput, StorageFull,
        Unavailable.
        """
        async with self._spool.room() as room:
            video, words = room / "muxed", room / "words.json"
            label = label_of(places.content, self._producer)
            muxed, spoken = await _mux(video, recording, label, media)
            await asyncio.to_thread(_write_words, words, spoken)
            video = await self._sealed(recording, video, places.content)
            sha256 = await asyncio.to_thread(sha256_of, video)
            size_bytes = (await asyncio.to_thread(video.stat)).st_size
            container = container_of(recording)
            with stage("fingerprint"):
                await self._prints.keep(video_id_of(places.content), video, container.name)
            await self._keep(places, container.media_type, video, words)
        log.info("video.recorded", duration_s=muxed.duration_s, bytes=size_bytes)
        return Recording(muxed.duration_s, size_bytes, sha256, muxed.frames)

    async def _sealed(self, recording: RecordingFormat, muxed: Path, content: ObjectRef) -> Path:
        """The file with its manifest, in it or on record."""
        video_id = video_id_of(content)
        if recording.transparent:
            with stage("seal"):
                manifest = await asyncio.to_thread(self._seal.sign_beside, muxed, video_id)
                await self._manifests.keep(video_id, manifest)
            return muxed
        sealed = muxed.with_name("sealed")
        with stage("seal"):
            await asyncio.to_thread(self._seal.sign, muxed, sealed, video_id)
        await asyncio.to_thread(muxed.unlink)
        return sealed

    async def _keep(self, places: Places, media_type: str, video: Path, words: Path) -> None:
        """The video comes last: where it is, all is."""
        with stage("store"):
            if places.words:
                await self._store.write(places.words, "application/json", words)
            try:
                await self._store.write(places.content, media_type, video)
            except (DomainError, asyncio.CancelledError):
                if places.words:
                    await self._store.delete([places.words])
                raise


async def _mux(
    path: Path, recording: RecordingFormat, label: str, media: AsyncIterator[Recordable]
) -> tuple[Muxed, list[Word]]:
    spoken: list[Word] = []
    # A thread of its own: whatever is cancelled, the muxer's calls follow one another.
    with ThreadPoolExecutor(1, "mux") as thread:
        run = partial(asyncio.get_running_loop().run_in_executor, thread)
        muxer = await run(Muxer, path, recording, label)
        try:
            async for item in media:
                match item:
                    case Frame():
                        await run(muxer.add_frame, item)
                    case Sound():
                        await run(muxer.add_sound, item)
                    case words:
                        spoken.extend(words)
            return await run(muxer.finish), spoken
        finally:
            await asyncio.shield(run(muxer.discard))


def _write_words(path: Path, words: Sequence[Word]) -> None:
    with full_disk_told():
        path.write_text(json.dumps({"words": [asdict(word) for word in words]}), "utf-8")
