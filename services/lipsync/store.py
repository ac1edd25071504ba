"""Objects in storage, and the packs that were read of late."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict, defaultdict
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar
from urllib.parse import quote, unquote

import grpc
import structlog
from vultus.media.v1 import media_pb2
from vultus.storage.v1 import object_service_pb2, object_service_pb2_grpc

from services.common.errors import AvatarNotFound, DomainError, NotFound
from services.common.grpc_client import call_metadata, responses, unary

log = structlog.get_logger()

PackT = TypeVar("PackT")

CHUNK_BYTES = 512 * 1024
_DIGEST_BYTES = 32
_COMPARED_EVERY_S = 300.0
"""By then nothing of an erased face is left here."""


@dataclass(frozen=True, slots=True)
class ObjectName:
    """Where an object lies."""

    bucket: str
    key: str


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object's bytes, and the tag that changes with them."""

    etag: str
    data: bytes


class Objects(Protocol):
    """Storage, as this service needs it."""

    async def etag(self, name: ObjectName) -> str:
        """The object's entity tag; raises NotFound."""
        ...

    async def read(self, name: ObjectName) -> StoredObject:
        """The whole object; raises NotFound."""
        ...

    async def write(self, name: ObjectName, content_type: str, data: bytes) -> None:
        """Writes the whole object, or nothing."""
        ...


class StorageObjects:
    """Storage's ObjectService over gRPC."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = object_service_pb2_grpc.ObjectServiceStub(channel)

    async def etag(self, name: ObjectName) -> str:
        """The object's entity tag; raises NotFound."""
        # One byte is read, since leaving a call after its header would look like a failure there.
        return (await self._get(object_service_pb2.GetRequest(object=_ref(name), length=1))).etag

    async def read(self, name: ObjectName) -> StoredObject:
        """The whole object; raises NotFound."""
        return await self._get(object_service_pb2.GetRequest(object=_ref(name)))

    async def write(self, name: ObjectName, content_type: str, data: bytes) -> None:
        """Writes the whole object, or nothing."""
        await unary(
            self._stub.Put(_put_requests(name, content_type, data), metadata=call_metadata())
        )

    async def _get(self, request: object_service_pb2.GetRequest) -> StoredObject:
        etag, pieces = "", []
        async for response in responses(self._stub.Get(request, metadata=call_metadata())):
            if response.WhichOneof("payload") == "header":
                etag = response.header.etag
            else:
                pieces.append(response.data)
        return StoredObject(etag, b"".join(pieces))


class PackCache(Generic[PackT]):
    """Packs by name and entity tag: the last few opened in memory, more of them on disk.

    The folder may be emptied at any time; what is read from it is checked against its digest. What
    storage has erased is forgotten here too, by `run`.
    """

    def __init__(
        self,
        objects: Objects,
        open_pack: Callable[[bytes], PackT],
        folder: Path,
        *,
        max_open: int,
        max_disk_bytes: int,
    ) -> None:
        self._objects = objects
        self._open_pack = open_pack
        self._folder = folder
        self._max_open = max_open
        self._max_disk_bytes = max_disk_bytes
        self._opened: OrderedDict[tuple[ObjectName, str], PackT] = OrderedDict()

    async def load(self, name: ObjectName) -> PackT:
        """The pack as it is in storage now; raises AvatarNotFound."""
        try:
            etag = await self._objects.etag(name)
            pack = self._opened.get((name, etag)) or await self._from_disk(name, etag)
            if pack is None:
                stored = await self._objects.read(name)
                etag = stored.etag
                pack = await asyncio.to_thread(self._open_pack, stored.data)
                await asyncio.to_thread(self._keep, self._path(name, etag), stored.data)
        except NotFound as error:
            raise AvatarNotFound("there is no such avatar pack") from error
        self._opened[name, etag] = pack
        self._opened.move_to_end((name, etag))
        while len(self._opened) > self._max_open:
            self._opened.popitem(last=False)
        return pack

    async def run(self) -> None:
        """Forgets packs that storage has erased, again and again until cancelled."""
        while True:
            try:
                await self.forget_erased()
            except DomainError as error:
                log.warning("packs.not_compared", reason=error.reason)
            await asyncio.sleep(_COMPARED_EVERY_S)

    async def forget_erased(self) -> None:
        """Forgets packs that storage has erased. Raises what storage raises."""
        kept: dict[ObjectName | None, list[Path]] = defaultdict(list)
        for path in await asyncio.to_thread(lambda: list(self._folder.glob("*.pack"))):
            kept[_name_of(path)].append(path)
        for name in {*kept, *(name for name, _ in self._opened)}:
            if name is not None and await self._is_there(name):
                continue
            for key in [key for key in self._opened if key[0] == name]:
                del self._opened[key]
            for path in kept[name]:
                path.unlink(missing_ok=True)

    async def _is_there(self, name: ObjectName) -> bool:
        try:
            await self._objects.etag(name)
        except NotFound:
            return False
        return True

    async def _from_disk(self, name: ObjectName, etag: str) -> PackT | None:
        data = await asyncio.to_thread(_read_checked, self._path(name, etag))
        return None if data is None else await asyncio.to_thread(self._open_pack, data)

    def _path(self, name: ObjectName, etag: str) -> Path:
        version = hashlib.sha256(etag.encode()).hexdigest()[:16]
        return self._folder / f"{quote(f'{name.bucket}/{name.key}', safe='')}.{version}.pack"

    def _keep(self, path: Path, data: bytes) -> None:
        """Writes a pack to disk; a disk that is full or read-only only costs speed."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            fresh = path.with_suffix(f".{hashlib.sha256(data).hexdigest()[:8]}.part")
            fresh.write_bytes(hashlib.sha256(data).digest() + data)
            fresh.replace(path)
            self._prune()
        except OSError as error:
            log.warning("pack.not_cached", error=error.strerror)

    def _prune(self) -> None:
        files = sorted(
            ((path.stat(), path) for path in self._folder.glob("*.pack")),
            key=lambda entry: entry[0].st_mtime_ns,
        )
        surplus = sum(stat.st_size for stat, _ in files) - self._max_disk_bytes
        for stat, path in files:
            if surplus <= 0:
                return
            path.unlink(missing_ok=True)
            surplus -= stat.st_size


def _name_of(path: Path) -> ObjectName | None:
    """Whose pack a file holds; None: of no version that is known."""
    bucket, _, key = unquote(path.stem.rpartition(".")[0]).partition("/")
    return ObjectName(bucket, key) if key else None


def _read_checked(path: Path) -> bytes | None:
    try:
        content = path.read_bytes()
    except OSError:
        return None
    digest, data = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
    return data if hashlib.sha256(data).digest() == digest else None


def _ref(name: ObjectName) -> media_pb2.ObjectRef:
    return media_pb2.ObjectRef(bucket=name.bucket, key=name.key)


async def _put_requests(
    name: ObjectName, content_type: str, data: bytes
) -> AsyncIterator[object_service_pb2.PutRequest]:
    header = object_service_pb2.PutHeader(object=_ref(name), content_type=content_type)
    yield object_service_pb2.PutRequest(header=header)
    for start in range(0, len(data), CHUNK_BYTES):
        yield object_service_pb2.PutRequest(data=data[start : start + CHUNK_BYTES])
