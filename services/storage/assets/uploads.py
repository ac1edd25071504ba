"""Takes a file in: received, sniffed, read, stored, recorded; or nothing is left of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import structlog

from services.common.errors import (
    DomainError,
    InvalidInput,
    PayloadTooLarge,
    Unavailable,
    UnsupportedMedia,
)
from services.common.ids import is_id, new_id
from services.storage.assets.labels import label_of
from services.storage.assets.picture import Picture
from services.storage.assets.sniffing import MediaType, sniff
from services.storage.assets.sound import Sound
from services.storage.catalog.assets import ASSET_ID
from services.storage.catalog.records import Asset, AssetKind, NewAsset
from services.storage.objects.spool import Received, Spool, receive
from services.storage.refs import ASSETS, ObjectRef

log = structlog.get_logger()

_ACCOUNT_ID = "ac"
_PICTURE_TYPE = "image/png"


class Records(Protocol):
    """The catalog, as uploads need it."""

    async def announce(self, refs: Sequence[ObjectRef]) -> None:
        """Has objects erased later that no asset is created for."""
        ...

    async def create(self, new: NewAsset) -> Asset:
        """Records an asset."""
        ...


class Store(Protocol):
    """The object store, as uploads need it."""

    async def write(self, ref: ObjectRef, content_type: str, path: Path) -> None:
        """Stores a file whole or not at all."""
        ...

    async def delete(self, refs: Sequence[ObjectRef]) -> None:
        """Deletes objects; those that are not there are ignored."""
        ...


class Reader(Protocol):
    """What reads untrusted files."""

    async def picture(self, source: Path, reader: str, target: Path) -> Picture:
        """Writes the picture as the other services read it."""
        ...

    async def sound(self, source: Path, reader: str) -> Sound:
        """Measures a recording."""
        ...


@dataclass(frozen=True, slots=True)
class SizeLimits:
    """How many bytes a file may have."""

    image: int = 20_000_000
    audio: int = 100_000_000

    def of(self, kind: AssetKind) -> int:
        """The limit of one kind."""
        return self.image if kind is AssetKind.IMAGE else self.audio


@dataclass(frozen=True, slots=True)
class _Stored:
    """A file that goes into the object store."""

    ref: ObjectRef
    content_type: str
    path: Path


class Uploads:
    """Takes files in."""

    def __init__(
        self, records: Records, store: Store, spool: Spool, reader: Reader, limits: SizeLimits
    ) -> None:
        self._records = records
        self._store = store
        self._spool = spool
        self._reader = reader
        self._limits = limits

    async def take(
        self,
        account_id: str,
        *,
        file_name: str,
        accept_kinds: Collection[str],
        blocks: AsyncIterator[bytes],
    ) -> Asset:
        """Stores and records one file of an account. Raises the errors of UploadAsset."""
        if not is_id(account_id, _ACCOUNT_ID):
            raise InvalidInput("account_id must be an account's id")
        async with self._spool.room() as room:
            source, picture = room / "source", room / "picture.png"
            most = max(map(self._limits.of, AssetKind))
            received = await receive(blocks, source, max_bytes=most)
            media = await asyncio.to_thread(sniff, source)
            self._admit(media, received, accept_kinds)
            found: Picture | Sound
            if media.kind is AssetKind.IMAGE:
                found = await self._reader.picture(source, media.reader, picture)
            else:
                found = await self._reader.sound(source, media.reader)
            new = _asset(account_id, label_of(file_name), media, received, found)
            files = [_Stored(new.object, media.content_type, source)]
            if new.picture:
                files.append(_Stored(new.picture, _PICTURE_TYPE, picture))
            return await self._keep(new, files)

    def _admit(self, media: MediaType, received: Received, accept_kinds: Collection[str]) -> None:
        if accept_kinds and media.kind not in accept_kinds:
            raise UnsupportedMedia(f"{media.content_type} is not what is asked for here")
        limit = self._limits.of(media.kind)
        if received.size_bytes > limit:
            raise PayloadTooLarge(f"a file of {media.content_type} may have {limit} bytes")

    async def _keep(self, new: NewAsset, files: Sequence[_Stored]) -> Asset:
        refs = [file.ref for file in files]
        await self._records.announce(refs)
        try:
            for file in files:
                await self._store.write(file.ref, file.content_type, file.path)
            asset = await self._records.create(new)
        except (DomainError, asyncio.CancelledError):
            await self._forget(refs)
            raise
        log.info("asset.stored", asset_id=asset.id, kind=asset.kind, bytes=asset.size_bytes)
        return asset

    async def _forget(self, refs: Sequence[ObjectRef]) -> None:
        try:
            await self._store.delete(refs)
        except Unavailable as error:
            # They were announced: the catalog has them erased later.
            log.warning("asset.left_for_later", reason=error.message)


def _asset(
    account_id: str, file_name: str, media: MediaType, received: Received, found: Picture | Sound
) -> NewAsset:
    asset_id = new_id(ASSET_ID)
    stem = f"{account_id}/{asset_id}"
    picture = found if isinstance(found, Picture) else None
    return NewAsset(
        id=asset_id,
        account_id=account_id,
        kind=media.kind,
        content_type=media.content_type,
        file_name=file_name,
        size_bytes=received.size_bytes,
        sha256=received.sha256,
        duration_s=found.duration_s if isinstance(found, Sound) else None,
        width=picture.width if picture else None,
        height=picture.height if picture else None,
        object=ObjectRef(ASSETS, f"{stem}/source"),
        picture=ObjectRef(ASSETS, f"{stem}/picture.png") if picture else None,
    )
