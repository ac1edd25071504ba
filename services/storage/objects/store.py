"""Objects in S3, each encrypted under the key of its account."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import Executor
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeVar, cast

import structlog
import urllib3
from minio import Minio
from minio.error import MinioException, S3Error

from services.common.errors import (
    DomainError,
    NotFound,
    RangeNotSatisfiable,
    StartupError,
    StorageFull,
    Unavailable,
)
from services.storage.objects.lifecycle import set_lifecycle
from services.storage.objects.sealing import (
    CHUNK_BYTES,
    HEADER_BYTES,
    SEALED_CHUNK_BYTES,
    ObjectCipher,
    OpenedChunks,
    SealedFile,
    clear_bytes,
    filled,
    is_header,
    last_chunk,
)
from services.storage.protection.master import Damaged
from services.storage.refs import BUCKETS, ObjectRef

log = structlog.get_logger()

ValueT = TypeVar("ValueT")

BLOCK_BYTES = 256 * 1024
_PART_BYTES = 8 * 1024 * 1024
"""What an upload keeps in memory; 10 000 parts make 80 GB, more than any object of ours."""
_CONNECT_S, _READ_S = 5.0, 30.0
_RETRIES = urllib3.Retry(
    connect=1,
    read=1,
    status=3,
    backoff_factor=0.3,
    status_forcelist=(500, 502, 503, 504),
    # The last answer says more than "too many retries".
    raise_on_status=False,
)
_RETRY_AFTER_S = 2.0
_LISTED_AT_ONCE = 1000
_UNKNOWN = "application/octet-stream"
_TOTAL = re.compile(r"bytes .*/([0-9]+)")
_ABSENT = frozenset({"NoSuchKey", "NoSuchBucket", "NoSuchObject"})
_FORBIDDEN = frozenset(
    {"AccessDenied", "BucketAlreadyExists", "InvalidAccessKeyId", "SignatureDoesNotMatch"}
)
_FULL = frozenset(
    {
        "QuotaExceeded",
        "XMinioAdminBucketQuotaExceeded",
        "XMinioStorageFull",
        # SeaweedFS has no other word for a full disk.
        "InternalError",
    }
)


@dataclass(frozen=True, slots=True)
class S3Server:
    """An S3 server and what opens it."""

    endpoint: str
    """`host:port`."""
    access_key: str
    secret_key: str
    secure: bool
    region: str
    ca_file: Path | None = None
    """Authorities that certify it; none: those that are known publicly."""

    def client(self, *, connections: int) -> Minio:
        """A client that never waits for a silent server for more than a minute."""
        pool = urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=_CONNECT_S, read=_READ_S),
            maxsize=connections,
            retries=_RETRIES,
            cert_reqs="CERT_REQUIRED",
            ca_certs=str(self.ca_file) if self.ca_file else None,
        )
        return Minio(
            self.endpoint,
            self.access_key,
            self.secret_key,
            secure=self.secure,
            region=self.region,
            http_client=pool,
        )


class Keys(Protocol):
    """The data keys of accounts."""

    async def reading(self, owner_id: str) -> bytes:
        """The owner's key. Raises KeyErased."""
        ...

    async def writing(self, owner_id: str) -> bytes:
        """The owner's key, made at its first use. Raises KeyErased."""
        ...


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What is known of an object without reading it."""

    content_type: str
    size_bytes: int
    etag: str


@dataclass(frozen=True, slots=True)
class _Stored:
    """An object as it lies in S3."""

    content_type: str
    stored_bytes: int
    etag: str
    start: bytes
    """As much of it as a header has, or all."""

    @property
    def is_sealed(self) -> bool:
        return is_header(self.start)


class ObjectStore:
    """Reads and writes objects; `threads` bounds how many requests run at once.

    Objects are encrypted on their way to S3, and sizes are those of what was written. Every method
    may raise Unavailable, and those that write StorageFull. A call that is cancelled ends when its
    request has.
    """

    def __init__(
        self,
        client: Minio,
        bucket_prefix: str,
        threads: Executor,
        keys: Keys,
        *,
        clear_objects: bool,
    ) -> None:
        """`clear_objects`: whether objects from before there was encryption are read."""
        self._client = client
        self._prefix = bucket_prefix
        self._threads = threads
        self._keys = keys
        self._clear_objects = clear_objects

    async def make_buckets(self) -> None:
        """Makes the buckets that are not there. Raises StartupError when that is not allowed."""
        for kind in BUCKETS:
            await self._run(self._make_bucket, self._prefix + kind)
            await self._run(set_lifecycle, self._client, self._prefix + kind)

    async def wait_for_buckets(self, pause_s: float = 1.0) -> None:
        """As `make_buckets`, again and again for as long as the server does not answer."""
        while True:
            try:
                return await self.make_buckets()
            except Unavailable as error:
                log.warning("s3.awaited", reason=error.message)
                await asyncio.sleep(pause_s)

    async def write(self, ref: ObjectRef, content_type: str, path: Path) -> None:
        """Stores a file whole or not at all; replaces an object that is there.

        Raises KeyErased when the account's key was.
        """
        upload = _Upload(await self._keys.writing(ref.account_id), ref, path)
        with closing(upload):
            await self._run(self._put, ref, content_type, upload, abandon=upload.abandon)

    async def open(
        self, ref: ObjectRef, *, offset: int = 0, length: int | None = None
    ) -> tuple[ObjectInfo, AsyncGenerator[bytes, None]]:
        """Looks at an object, and gives its bytes from `offset` on, `length` of them at most.

        Raises NotFound, RangeNotSatisfiable, KeyErased, and Damaged when the object is not as it
        was written; the bytes may end with Damaged too, each before it is given. They are those of
        the object looked at: should another take its place before they are read, they end with
        Unavailable.
        """
        found = await self._find(ref)
        sealed = found.is_sealed
        size = clear_bytes(found.stored_bytes) if sealed else found.stored_bytes
        if offset and offset >= size:
            raise RangeNotSatisfiable(f"the object has {size} bytes")
        wanted = size - offset if length is None else min(length, size - offset)
        info = ObjectInfo(found.content_type, size, found.etag)
        if not sealed:
            if not self._clear_objects:
                raise Damaged(f"{ref.bucket}/{ref.key} is not encrypted")
            return info, self._read_clear(ref, found.etag, offset, wanted)
        cipher = ObjectCipher(await self._keys.reading(ref.account_id), ref, found.start)
        return info, self._read_sealed(ref, info, cipher, offset, wanted)

    async def delete(self, refs: Sequence[ObjectRef]) -> None:
        """Deletes objects; those that are not there are ignored."""
        for ref in refs:
            try:
                await self._run(self._client.remove_object, self._bucket(ref), ref.key)
            except NotFound:
                continue

    async def listed(self, bucket: str, *, after: str) -> list[ObjectRef]:
        """Some objects of one of the BUCKETS, in the order of their keys, `after` a key."""
        return await self._run(self._list, bucket, after)

    async def aged(self, bucket: str, *, after: str) -> list[tuple[ObjectRef, datetime]]:
        """Likewise, each with the time at which it was written."""
        return await self._run(self._list_aged, bucket, after)

    async def begun_uploads(self, bucket: str) -> list[datetime]:
        """When each upload in parts began that has not ended."""
        return [at for *_, at in await self._run(self._uploads, bucket)]

    async def abandon_uploads(self, bucket: str, before: datetime) -> int:
        """Forgets uploads in parts that began before; how many."""
        old = [one for one in await self._run(self._uploads, bucket) if one[2] <= before]
        for name, upload_id, _ in old:
            # The client has no other way to tell of parts, or to forget them.
            forget = self._client._abort_multipart_upload
            try:
                await self._run(forget, self._prefix + bucket, name, upload_id)
            except NotFound:
                continue
        return len(old)

    async def is_sealed(self, ref: ObjectRef) -> bool:
        """Whether an object lies encrypted. Raises NotFound."""
        return (await self._find(ref)).is_sealed

    async def _find(self, ref: ObjectRef) -> _Stored:
        """An object and its start. Raises NotFound."""
        found = await self._run(self._peek, ref)
        if found is None:
            # A range of an empty object can't be asked for.
            empty = await self._run(self._client.stat_object, self._bucket(ref), ref.key)
            found = _Stored(empty.content_type or _UNKNOWN, empty.size or 0, empty.etag or "", b"")
        return found

    def _peek(self, ref: ObjectRef) -> _Stored | None:
        try:
            response = self._client.get_object(self._bucket(ref), ref.key, length=HEADER_BYTES)
        except S3Error as error:
            if error.code == "InvalidRange":
                return None
            raise
        try:
            start, told = filled(response, HEADER_BYTES), response.headers
        finally:
            _close(response)
        total = _TOTAL.fullmatch(told.get("Content-Range", ""))
        size = int(total[1] if total else told.get("Content-Length", len(start)))
        etag = told.get("ETag", "").strip('"')
        return _Stored(told.get("Content-Type", _UNKNOWN), size, etag, start)

    async def _read_sealed(
        self, ref: ObjectRef, info: ObjectInfo, cipher: ObjectCipher, offset: int, length: int
    ) -> AsyncGenerator[bytes, None]:
        """Asks S3 for the chunks that cover the range, and for no others."""
        if not length:
            return
        first, last = offset // CHUNK_BYTES, (offset + length - 1) // CHUNK_BYTES
        start = HEADER_BYTES + first * SEALED_CHUNK_BYTES
        asked = (last - first + 1) * SEALED_CHUNK_BYTES
        response = await self._get(ref, info.etag, start, asked)
        chunks = OpenedChunks(response, cipher, first=first, last=last_chunk(info.size_bytes))
        skipped = offset - first * CHUNK_BYTES
        try:
            while length:
                block = (await self._run(chunks.read))[skipped : skipped + length]
                if not block:
                    raise Damaged(f"{ref.bucket}/{ref.key} was cut off")
                skipped, length = 0, length - len(block)
                yield block
        finally:
            await self._run(_close, response)

    async def _read_clear(
        self, ref: ObjectRef, etag: str, offset: int, length: int
    ) -> AsyncGenerator[bytes, None]:
        if not length:
            return
        response = await self._get(ref, etag, offset, length)
        try:
            while block := await self._run(response.read, BLOCK_BYTES):
                yield block
        finally:
            await self._run(_close, response)

    async def _get(
        self, ref: ObjectRef, etag: str, offset: int, length: int
    ) -> urllib3.BaseHTTPResponse:
        get = partial(
            self._client.get_object,
            offset=offset,
            length=length,
            request_headers={"If-Match": f'"{etag}"'},
        )
        return await self._run(get, self._bucket(ref), ref.key)

    def _list(self, bucket: str, after: str) -> list[ObjectRef]:
        found = self._client.list_objects(self._prefix + bucket, recursive=True, start_after=after)
        names = (each.object_name for each in islice(found, _LISTED_AT_ONCE))
        return [ObjectRef(bucket, name) for name in names if name]

    def _list_aged(self, bucket: str, after: str) -> list[tuple[ObjectRef, datetime]]:
        found = self._client.list_objects(self._prefix + bucket, recursive=True, start_after=after)
        return [
            (ObjectRef(bucket, each.object_name), each.last_modified)
            for each in islice(found, _LISTED_AT_ONCE)
            if each.object_name and each.last_modified
        ]

    def _uploads(self, bucket: str) -> list[tuple[str, str, datetime]]:
        found = self._client._list_multipart_uploads(self._prefix + bucket).uploads
        return [
            (each.object_name, each.upload_id, each.initiated_time)
            for each in found
            if each.upload_id and each.initiated_time
        ]

    def _bucket(self, ref: ObjectRef) -> str:
        return self._prefix + ref.bucket

    def _make_bucket(self, name: str) -> None:
        try:
            if not self._client.bucket_exists(name):
                self._client.make_bucket(name)
        except S3Error as error:
            if error.code in _FORBIDDEN:
                raise StartupError(f"S3 refuses the bucket {name}: {error.code}") from error
            if error.code != "BucketAlreadyOwnedByYou":
                raise

    def _put(self, ref: ObjectRef, content_type: str, upload: _Upload) -> None:
        try:
            self._client.put_object(
                self._bucket(ref),
                ref.key,
                # Of all that a file can do, it is read from.
                cast("BinaryIO", upload),
                upload.size_bytes,
                content_type=content_type,
                part_size=_PART_BYTES,
                # Parts side by side would be read into memory as fast as the disk gives them.
                num_parallel_uploads=1,
            )
        except S3Error as error:
            if error.code in _FULL:
                raise StorageFull("the object store takes no more") from error
            if error.code == "NoSuchBucket":
                self._make_bucket(self._bucket(ref))
                raise Unavailable("the object store had lost its bucket") from error
            raise

    async def _run(
        self,
        call: Callable[..., ValueT],
        *arguments: Any,
        abandon: Callable[[], None] = lambda: None,
    ) -> ValueT:
        """Runs a blocking call in a thread; when cancelled, abandons it and waits for its end."""
        running = asyncio.get_running_loop().run_in_executor(self._threads, call, *arguments)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            abandon()
            await asyncio.wait([running])
            raise
        except (MinioException, urllib3.exceptions.HTTPError) as error:
            raise _told(error) from error


class _Abandoned(Exception):
    """Nobody waits for this upload any more."""


class _Upload(SealedFile):
    """A file whose reading breaks off once it is abandoned, which makes S3 forget its parts."""

    abandoned = False

    def read(self, size: int, /) -> bytes:
        if self.abandoned:
            raise _Abandoned
        return super().read(size)

    def abandon(self) -> None:
        self.abandoned = True


def _told(error: Exception) -> DomainError:
    code = error.code if isinstance(error, S3Error) else type(error).__name__
    if code in _ABSENT:
        return NotFound("no such object")
    if code == "PreconditionFailed":
        return Unavailable("the object was replaced meanwhile", retry_after_s=_RETRY_AFTER_S)
    log.warning("s3.failed", code=code)
    return Unavailable("the object store does not answer", retry_after_s=_RETRY_AFTER_S)


def _close(response: urllib3.BaseHTTPResponse) -> None:
    response.close()
    response.release_conn()
