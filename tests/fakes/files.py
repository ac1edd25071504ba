"""Assets, objects and recordings in memory."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from services.common.errors import AssetNotFound, DomainError, NotFound, UnsupportedMedia
from services.common.ids import new_id
from services.gateway.media import Frame, ObjectRef, Recordable
from services.gateway.ports import RecordingHeader
from services.gateway.records import Asset, Page, Recording, StoredObject
from tests.fakes.catalog import START, page_of

BLOCK_BYTES = 1000


@dataclass
class FakeObjects:
    """Bytes by place."""

    kept: dict[ObjectRef, bytes] = field(default_factory=dict)
    opened: int = 0
    error: DomainError | None = None

    async def open(
        self, ref: ObjectRef, *, offset: int = 0, length: int | None = None
    ) -> tuple[StoredObject, AsyncGenerator[bytes, None]]:
        if self.error:
            raise self.error
        if ref not in self.kept:
            raise NotFound("no such object")
        data = self.kept[ref]
        end = len(data) if length is None else offset + length
        self.opened += 1
        return StoredObject("application/octet-stream", len(data)), _blocks(data[offset:end])

    async def delete(self, refs: Sequence[ObjectRef]) -> None:
        for ref in refs:
            self.kept.pop(ref, None)


async def _blocks(data: bytes) -> AsyncGenerator[bytes, None]:
    for start in range(0, len(data), BLOCK_BYTES):
        yield data[start : start + BLOCK_BYTES]


@dataclass
class FakeAssets:
    """Uploads; a file that begins with `IMG` is an image, with `SND` or as WAV sound."""

    objects: FakeObjects
    kept: dict[tuple[str, str], Asset] = field(default_factory=dict)

    async def upload(
        self,
        account_id: str,
        *,
        file_name: str,
        accept_kinds: Sequence[str],
        data: AsyncIterator[bytes],
    ) -> Asset:
        content = b"".join([block async for block in data])
        kind = {b"IMG": "image", b"SND": "audio", b"RIF": "audio"}.get(content[:3], "")
        if not kind or (accept_kinds and kind not in accept_kinds):
            raise UnsupportedMedia("this kind of file is not welcome here")
        asset_id = new_id("as")
        ref = ObjectRef("assets", f"{account_id}/{asset_id}")
        self.objects.kept[ref] = content
        asset = Asset(
            id=asset_id,
            kind=kind,
            content_type="image/png" if kind == "image" else "audio/wav",
            file_name=file_name,
            size_bytes=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            duration_s=1.0 if kind == "audio" else None,
            width=64 if kind == "image" else None,
            height=64 if kind == "image" else None,
            object=ref,
            picture=ref if kind == "image" else None,
            created_at=START,
        )
        self.kept[account_id, asset_id] = asset
        return asset

    async def get(self, account_id: str, asset_id: str) -> Asset:
        try:
            return self.kept[account_id, asset_id]
        except KeyError:
            raise AssetNotFound("no such asset") from None

    async def list(self, account_id: str, *, limit: int, cursor: str) -> Page[Asset]:
        mine = [asset for (owner, _), asset in self.kept.items() if owner == account_id]
        return page_of(mine, limit, cursor, "as")

    async def delete(self, account_id: str, asset_id: str) -> None:
        asset = await self.get(account_id, asset_id)
        del self.kept[account_id, asset_id]
        self.objects.kept.pop(asset.object, None)


@dataclass
class FakeRecorder:
    """Keeps what it was given; its file is the access units one after the other."""

    objects: FakeObjects
    headers: list[RecordingHeader] = field(default_factory=list)
    media: list[Recordable] = field(default_factory=list)
    error: DomainError | None = None

    async def record(
        self, header: RecordingHeader, media: AsyncGenerator[Recordable, None]
    ) -> Recording:
        self.headers.append(header)
        async with aclosing(media):
            async for item in media:
                self.media.append(item)
        if self.error:
            raise self.error
        frames = [item for item in self.media if isinstance(item, Frame)]
        content = b"".join(frame.access_unit for frame in frames)
        self.objects.kept[header.content] = content
        if header.words:
            self.objects.kept[header.words] = b'{"words": []}'
        return Recording(len(frames) / header.fps, len(content))
