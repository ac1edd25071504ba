"""What lies in S3 is noise, and shows itself when it was tampered with."""

from __future__ import annotations

import io
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from services.common.errors import Internal, NotFound, StartupError
from services.storage.catalog.database import Database, open_database
from services.storage.protection import __main__ as commands
from services.storage.protection.keys import DataKeys
from services.storage.protection.master import open_key_file
from services.storage.settings import StorageSettings
from tests.integration.storage.conftest import CREDENTIALS, SeaweedFs, Serve, Storage
from tests.integration.storage.objects.test_objects import Objects

CHUNK = 64 * 1024
WORDS = b"what the person in the portrait would not like to be read "


@pytest.fixture
def objects(storage: Storage) -> Objects:
    return Objects(storage)


def bucket(storage: Storage) -> str:
    return f"{storage.prefix}avatars"


def key(storage: Storage, name: str) -> str:
    return f"{storage.account_id}/{name}"


def lying(storage: Storage, name: str) -> bytes:
    """An object as S3 holds it."""
    response = storage.s3.get_object(bucket(storage), key(storage, name))
    try:
        return response.read()
    finally:
        response.close()
        response.release_conn()


def lay(storage: Storage, name: str, data: bytes, content_type: str = "image/png") -> None:
    """Puts bytes into S3 behind the service's back."""
    place = (bucket(storage), key(storage, name))
    storage.s3.put_object(*place, io.BytesIO(data), len(data), content_type=content_type)


@asynccontextmanager
async def database_of(home: Path) -> AsyncIterator[Database]:
    path = home / "data" / "catalog.sqlite"
    async with open_database(URL.create("sqlite+aiosqlite", database=str(path))) as database:
        yield database


async def test_what_lies_in_s3_shows_nothing_of_what_was_put(
    objects: Objects, storage: Storage
) -> None:
    await objects.put("a", WORDS * 5_000)
    kept = lying(storage, "a")
    assert WORDS not in kept
    assert len(kept) > len(WORDS) * 5_000
    header, found = await objects.get("a")
    assert (found, header.size_bytes) == (WORDS * 5_000, len(found))


@pytest.mark.parametrize("offset", [0, 1, CHUNK - 1, CHUNK, 3 * CHUNK + 7, 5 * CHUNK + 8])
@pytest.mark.parametrize("length", [1, CHUNK, CHUNK + 1, 3 * CHUNK, 10 * CHUNK])
async def test_any_range_can_be_read(objects: Objects, offset: int, length: int) -> None:
    data = os.urandom(5 * CHUNK + 9)
    await objects.put("a", data)
    header, found = await objects.get("a", offset=offset, length=length)
    assert (found, header.size_bytes) == (data[offset : offset + length], len(data))


async def test_a_range_is_read_though_the_rest_is_gone_bad(
    objects: Objects, storage: Storage
) -> None:
    """Only the chunks that cover it are fetched and opened."""
    data = os.urandom(4 * CHUNK)
    await objects.put("a", data)
    kept = bytearray(lying(storage, "a"))
    kept[100] ^= 1
    lay(storage, "a", bytes(kept))
    assert (await objects.get("a", offset=2 * CHUNK))[1] == data[2 * CHUNK :]
    with pytest.raises(Internal):
        await objects.get("a", length=1)


def _cut(kept: bytes) -> bytes:
    return kept[: 40 + CHUNK + 16]


def _altered(kept: bytes) -> bytes:
    return kept[:-1] + bytes([kept[-1] ^ 1])


def _turned(kept: bytes) -> bytes:
    first, second = kept[40 : 56 + CHUNK], kept[56 + CHUNK :]
    return kept[:40] + second + first


@pytest.mark.parametrize("change", [_cut, _altered, _turned])
async def test_tampering_is_found_and_callers_learn_no_more(
    objects: Objects,
    storage: Storage,
    change: Callable[[bytes], bytes],
) -> None:
    await objects.put("a", os.urandom(2 * CHUNK))
    lay(storage, "a", change(lying(storage, "a")))
    with pytest.raises(Internal, match="internal error"):
        await objects.get("a")


async def test_one_object_in_the_place_of_another_is_found(
    objects: Objects, storage: Storage
) -> None:
    await objects.put("a", b"mine")
    await objects.put("b", b"yours")
    lay(storage, "b", lying(storage, "a"))
    with pytest.raises(Internal):
        await objects.get("b")


async def test_what_a_shredded_key_sealed_is_not_found_and_nothing_more_is_written(
    objects: Objects, storage: Storage, tmp_path: Path
) -> None:
    await objects.put("a", b"a")
    keys = DataKeys(open_key_file(tmp_path / "keys" / "master", make=False))
    async with database_of(tmp_path) as database, database.write() as tx:
        await keys.shred(tx, storage.account_id)
    with pytest.raises(NotFound):
        await objects.get("a")
    with pytest.raises(NotFound):
        await objects.put("b", b"b")
    assert storage.stored() == {f"avatars/{storage.account_id}/a"}


@pytest.mark.parametrize("data", [b"", b"old", WORDS * 10_000])
async def test_objects_from_before_are_read_unless_that_is_turned_off(
    seaweedfs: SeaweedFs, serve_storage: Serve, data: bytes
) -> None:
    async with serve_storage(seaweedfs) as storage:
        objects = Objects(storage)
        lay(storage, "old", data)
        header, found = await objects.get("old")
        assert (found, header.size_bytes, header.content_type) == (data, len(data), "image/png")
        assert (await objects.get("old", length=2))[1] == data[:2]
    async with serve_storage(seaweedfs, clear_objects=False) as storage:
        lay(storage, "old", data)
        with pytest.raises(Internal):
            await Objects(storage).get("old")


async def test_a_command_encrypts_what_lies_in_the_clear(
    objects: Objects, storage: Storage, seaweedfs: SeaweedFs, tmp_path: Path
) -> None:
    await objects.put("new", b"new")
    before = lying(storage, "new")
    contents = {"old": b"old", "empty": b"", "big": WORDS * 10_000}
    for name, data in contents.items():
        lay(storage, name, data)
    settings = StorageSettings.model_validate(
        {
            "home": tmp_path,
            "s3_endpoint": seaweedfs.endpoint,
            "s3_access_key": CREDENTIALS.access_key,
            "s3_secret_key": CREDENTIALS.secret_key,
            "s3_bucket_prefix": storage.prefix,
            "clear_objects": False,
        }
    )
    assert await commands.run("encrypt", settings) == len(contents)
    assert await commands.run("encrypt", settings) == 0
    assert await commands.run("rewrap", settings) == 0
    assert lying(storage, "new") == before
    for name, data in contents.items():
        assert lying(storage, name)[:6] == b"VULTUS"
        header, found = await objects.get(name)
        assert (found, header.content_type) == (data, "image/png")


async def test_a_service_with_another_master_key_does_not_start(
    seaweedfs: SeaweedFs, serve_storage: Serve, tmp_path: Path
) -> None:
    async with serve_storage(seaweedfs):
        pass
    (tmp_path / "keys" / "master").unlink()
    with pytest.raises(StartupError, match="master key"):
        async with serve_storage(seaweedfs):
            pass
