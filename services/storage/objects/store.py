"""Objects in S3."""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import structlog
import urllib3
from minio import Minio
from minio.error import MinioException, S3Error

from services.common.errors import (
    DomainError,
    InvalidInput,
    NotFound,
    RangeNotSatisfiable,
    StartupError,
    StorageFull,
    Unavailable,
)
from services.storage.refs import BUCKETS, ObjectRef

log = structlog.get_logger()

ValueT = TypeVar("ValueT")

BLOCK_BYTES = 256 * 1024
MAX_PRESIGN_S = 7 * 24 * 3600
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

    def client(self, *, connections: int) -> Minio:
        """A client that never waits for a silent server for more than a minute."""
        pool = urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=_CONNECT_S, read=_READ_S),
            maxsize=connections,
            retries=_RETRIES,
        )
        return Minio(
            self.endpoint,
            self.access_key,
            self.secret_key,
            secure=self.secure,
            region=self.region,
            http_client=pool,
        )


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What is known of an object without reading it."""

    content_type: str
    size_bytes: int
    etag: str


class ObjectStore:
    """Reads and writes objects; `threads` bounds how many requests run at once.

    Every method may raise Unavailable, and those that write StorageFull. A call that is cancelled
    ends when its request has.
    """

    def __init__(self, client: Minio, bucket_prefix: str, threads: Executor) -> None:
        self._client = client
        self._prefix = bucket_prefix
        self._threads = threads

    async def make_buckets(self) -> None:
        """Makes the buckets that are not there. Raises StartupError when that is not allowed."""
        for kind in BUCKETS:
            await self._run(self._make_bucket, self._prefix + kind)

    async def wait_for_buckets(self, pause_s: float = 1.0) -> None:
        """As `make_buckets`, again and again for as long as the server does not answer."""
        while True:
            try:
                return await self.make_buckets()
            except Unavailable as error:
                log.warning("s3.awaited", reason=error.message)
                await asyncio.sleep(pause_s)

    async def write(self, ref: ObjectRef, content_type: str, path: Path) -> None:
        """Stores a file whole or not at all; replaces an object that is there."""
        with _Upload(path) as upload:
            await self._run(self._put, ref, content_type, upload, abandon=upload.abandon)

    async def look(self, ref: ObjectRef) -> ObjectInfo:
        """What is known of an object. Raises NotFound."""
        found = await self._run(self._client.stat_object, self._bucket(ref), ref.key)
        content_type = found.content_type or "application/octet-stream"
        return ObjectInfo(content_type, found.size or 0, found.etag or "")

    async def open(
        self, ref: ObjectRef, *, offset: int = 0, length: int | None = None
    ) -> tuple[ObjectInfo, AsyncGenerator[bytes, None]]:
        """Looks at an object, and gives its bytes from `offset` on, `length` of them at most.

        Raises NotFound, RangeNotSatisfiable. The bytes are those of the object looked at: should
        another take its place before they are read, they end with Unavailable.
        """
        info = await self.look(ref)
        if offset and offset >= info.size_bytes:
            raise RangeNotSatisfiable(f"the object has {info.size_bytes} bytes")
        available = info.size_bytes - offset
        return info, self._read(
            ref, info.etag, offset, available if length is None else min(length, available)
        )

    async def delete(self, refs: Sequence[ObjectRef]) -> None:
        """Deletes objects; those that are not there are ignored."""
        for ref in refs:
            try:
                await self._run(self._client.remove_object, self._bucket(ref), ref.key)
            except NotFound:
                continue

    async def presign(self, ref: ObjectRef, *, expires_s: int) -> str:
        """A URL that reads an object without credentials. Raises NotFound, InvalidInput."""
        if not 1 <= expires_s <= MAX_PRESIGN_S:
            raise InvalidInput(f"expires_s must be from 1 to {MAX_PRESIGN_S}")
        await self.look(ref)
        expires = timedelta(seconds=expires_s)
        return await self._run(
            partial(self._client.presigned_get_object, expires=expires), self._bucket(ref), ref.key
        )

    async def _read(
        self, ref: ObjectRef, etag: str, offset: int, length: int
    ) -> AsyncGenerator[bytes, None]:
        if not length:
            return
        get = partial(
            self._client.get_object,
            offset=offset,
            length=length,
            request_headers={"If-Match": f'"{etag}"'},
        )
        response = await self._run(get, self._bucket(ref), ref.key)
        try:
            while block := await self._run(response.read, BLOCK_BYTES):
                yield block
        finally:
            await self._run(_close, response)

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
                upload,
                os.fstat(upload.fileno()).st_size,
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


class _Upload(io.FileIO):
    """A file whose reading breaks off once it is abandoned, which makes S3 forget its parts."""

    abandoned = False

    def read(self, size: int | None = -1) -> bytes:
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
