from __future__ import annotations

import errno
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.common.errors import PayloadTooLarge, StorageFull
from services.storage.objects.spool import Spool, full_disk_told, receive, sha256_of


async def blocks(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def test_what_is_received_is_counted_and_hashed(tmp_path: Path) -> None:
    path = tmp_path / "file"

    received = await receive(blocks(b"one", b"", b"two"), path, max_bytes=6)

    assert path.read_bytes() == b"onetwo"
    assert received.size_bytes == 6
    assert received.sha256 == sha256_of(path) == hashlib.sha256(b"onetwo").hexdigest()


async def test_no_more_is_written_than_is_allowed(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with pytest.raises(PayloadTooLarge):
        await receive(blocks(b"one", b"two"), path, max_bytes=5)
    assert path.read_bytes() == b"one"


async def test_a_room_is_gone_with_all_it_holds_whatever_happens(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    spool.clear()
    with pytest.raises(ZeroDivisionError):
        await fail_in(spool)
    assert not list((tmp_path / "spool").iterdir())


async def fail_in(spool: Spool) -> None:
    async with spool.room() as room:
        (room / "file").write_bytes(b"left")
        raise ZeroDivisionError


def test_what_a_killed_process_left_is_cleared(tmp_path: Path) -> None:
    left = tmp_path / "spool" / "room" / "file"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"left")

    Spool(tmp_path / "spool").clear()

    assert not list((tmp_path / "spool").iterdir())


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_told_as_such(number: int) -> None:
    with pytest.raises(StorageFull), full_disk_told():
        raise OSError(number, "full")


def test_other_errors_of_the_system_are_left_alone() -> None:
    with pytest.raises(PermissionError), full_disk_told():
        raise PermissionError(errno.EACCES, "no")
