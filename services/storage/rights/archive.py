"""An archive of everything that is held: a ZIP with JSON, media, and an index with their hashes."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from services.common.errors import NotFound
from services.storage.catalog.database import Database
from services.storage.objects.spool import Spool, full_disk_told, sha256_of
from services.storage.objects.store import ObjectInfo
from services.storage.protection.vault import Vault
from services.storage.refs import ObjectRef
from services.storage.rights.holdings import HOLDINGS, Holding, rows_of
from services.storage.rights.scope import Scope
from services.storage.rights.telling import told

SCHEMA_VERSION = 1
CONTENT_TYPE = "application/zip"
_BLOCK_BYTES = 256 * 1024


class Media(Protocol):
    """What an archive needs of the object store."""

    async def open(self, ref: ObjectRef) -> tuple[ObjectInfo, AsyncGenerator[bytes, None]]:
        """Looks at an object, and gives its bytes. Raises NotFound, Unavailable."""
        ...

    async def write(self, ref: ObjectRef, content_type: str, path: Path) -> None:
        """Stores a file; replaces an object that is there. Raises Unavailable, StorageFull."""
        ...


@dataclass(frozen=True, slots=True)
class Written:
    """An archive that lies in the object store."""

    size_bytes: int
    sha256: str


class Archivist:
    """Writes archives; one needs as much room on disk as it is large, and little memory."""

    def __init__(self, database: Database, vault: Vault, media: Media, spool: Spool) -> None:
        self._database = database
        self._vault = vault
        self._media = media
        self._spool = spool

    async def write(
        self, ref: ObjectRef, scope: Scope, *, request_id: str, at: datetime
    ) -> Written:
        """Stores an archive of what is in the scope. Raises Unavailable, StorageFull."""
        async with self._spool.room() as room:
            path = room / "archive.zip"
            with full_disk_told():
                await self._fill(path, scope, request_id, at)
            size = path.stat().st_size
            digest = await asyncio.to_thread(sha256_of, path)
            await self._media.write(ref, CONTENT_TYPE, path)
        return Written(size, digest)

    async def _fill(self, path: Path, scope: Scope, request_id: str, at: datetime) -> None:
        with ZipFile(path, "x") as file:
            draft = _Draft(file, at)
            media: dict[ObjectRef, str] = {}
            for holding in HOLDINGS:
                await self._records(draft, holding, scope, media)
            missing = [
                name for ref, name in media.items() if not await self._object(draft, ref, name)
            ]
            index = {
                "schema_version": SCHEMA_VERSION,
                "request_id": request_id,
                "account_id": scope.account_id,
                "consents": None if scope.consent_ids is None else list(scope.consent_ids),
                "made_at": at.isoformat(),
                "files": draft.files,
                "missing": missing,
            }
            async with draft.file("index.json", listed=False) as write:
                await write(_json(index))

    async def _records(
        self, draft: _Draft, holding: Holding, scope: Scope, media: dict[ObjectRef, str]
    ) -> None:
        """Writes one noun's rows as a JSON list, and notes which objects belong to them."""
        found = rows_of(self._database, holding, scope)
        async with draft.file(f"{holding.noun}.json") as write, aclosing(found) as rows:
            await write(b"[")
            between = b"\n"
            async for tx, row in rows:
                values = await told(tx, self._vault, holding, scope, row)
                await write(between + _json(values))
                between = b",\n"
                for column in holding.media:
                    ref = row._mapping[column]
                    if ref is not None:
                        media[ref] = f"media/{ref.bucket}/{ref.key.partition('/')[2]}"
            await write(b"\n]\n")

    async def _object(self, draft: _Draft, ref: ObjectRef, name: str) -> bool:
        """Copies an object; False: it has been erased."""
        try:
            _, blocks = await self._media.open(ref)
        except NotFound:
            return False
        async with aclosing(blocks), draft.file(name, compressed=False) as write:
            async for block in blocks:
                await write(block)
        return True


@dataclass
class _Draft:
    """A ZIP that is being written, and what is in it already."""

    zip: ZipFile
    at: datetime
    files: list[dict[str, Any]] = field(default_factory=list)

    @asynccontextmanager
    async def file(
        self, name: str, *, compressed: bool = True, listed: bool = True
    ) -> AsyncIterator[_Write]:
        """A file of which the block writes one part after another."""
        info = ZipInfo(name, self.at.timetuple()[:6])
        info.compress_type = ZIP_DEFLATED if compressed else ZIP_STORED
        digest, size = hashlib.sha256(), 0
        entry = self.zip.open(info, "w", force_zip64=True)
        try:

            async def write(part: bytes) -> None:
                nonlocal size
                size += len(part)
                digest.update(part)
                if len(part) < _BLOCK_BYTES:
                    entry.write(part)
                else:
                    await asyncio.to_thread(entry.write, part)

            yield write
        finally:
            await asyncio.to_thread(entry.close)
        if listed:
            told = {"name": name, "size_bytes": size, "sha256": digest.hexdigest()}
            self.files.append(told)


class _Write(Protocol):
    async def __call__(self, part: bytes) -> None: ...


def _json(values: dict[str, Any]) -> bytes:
    return json.dumps(values, ensure_ascii=False).encode()
