"""Files on local disk while they are on their way: uploads, and videos that are being made."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from services.common.errors import PayloadTooLarge, StorageFull

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@dataclass(frozen=True, slots=True)
class Received:
    """What was written into a file."""

    size_bytes: int
    sha256: str
    """Lower-case hex."""


class Spool:
    """A folder of this process alone; what is in it is lost when the process ends."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def clear(self) -> None:
        """Makes the folder, and takes away what a process that was killed has left in it."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True, exist_ok=True)

    @asynccontextmanager
    async def room(self) -> AsyncIterator[Path]:
        """An empty folder, gone with all it holds when the block ends."""
        with full_disk_told():
            room = Path(await asyncio.to_thread(tempfile.mkdtemp, dir=self._folder))
        try:
            yield room
        finally:
            await asyncio.to_thread(shutil.rmtree, room)


@contextmanager
def full_disk_told() -> Iterator[None]:
    """Raises StorageFull in the place of the system's errors about a full disk."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise StorageFull("the disk on which storage prepares files is full") from error


async def receive(blocks: AsyncIterator[bytes], path: Path, *, max_bytes: int) -> Received:
    """Writes blocks into a new file as they come. Raises PayloadTooLarge, StorageFull."""
    size, digest = 0, hashlib.sha256()
    with full_disk_told(), path.open("xb", buffering=0) as file:

        def write(block: bytes) -> None:
            digest.update(block)
            file.write(block)

        async for block in blocks:
            size += len(block)
            if size > max_bytes:
                raise PayloadTooLarge(f"more than {max_bytes} bytes")
            await asyncio.to_thread(write, block)
    return Received(size, digest.hexdigest())


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, lower-case hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
