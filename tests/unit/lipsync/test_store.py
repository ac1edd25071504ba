"""The packs' cache: read once, checked, bounded, never in the way."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from services.common.errors import AvatarNotFound, DomainError, NotFound, Unavailable
from services.lipsync.store import ObjectName, PackCache, StoredObject

NAME = ObjectName("avatars", "ac_1/av_1/pack")


class CountingObjects:
    """Objects in memory that count how often they are read."""

    def __init__(self) -> None:
        self.stored: dict[ObjectName, StoredObject] = {}
        self.reads = 0
        self.error: DomainError | None = None

    async def etag(self, name: ObjectName) -> str:
        return self._find(name).etag

    async def read(self, name: ObjectName) -> StoredObject:
        self.reads += 1
        return self._find(name)

    async def write(self, name: ObjectName, content_type: str, data: bytes) -> None:
        self.stored[name] = StoredObject(f"tag-{len(data)}", data)

    def _find(self, name: ObjectName) -> StoredObject:
        if self.error:
            raise self.error
        if name not in self.stored:
            raise NotFound("no such object")
        return self.stored[name]


@pytest.fixture
def objects() -> CountingObjects:
    return CountingObjects()


def cache_of(
    objects: CountingObjects, folder: Path, *, max_open: int = 2, max_disk_bytes: int = 10_000
) -> PackCache[str]:
    return PackCache(
        objects, bytes.decode, folder, max_open=max_open, max_disk_bytes=max_disk_bytes
    )


def spoil(folder: Path) -> None:
    """Alters the only pack of a folder."""
    (file,) = folder.glob("*.pack")
    file.write_bytes(file.read_bytes()[:-1] + b"!")


def kept(folder: Path) -> int:
    """How many files there are."""
    return len(list(folder.iterdir()))


def other_version(folder: Path) -> None:
    """Leaves a pack there that another version of this service wrote."""
    (folder / "of-another-version.pack").write_bytes(b"")


async def test_a_pack_is_read_from_storage_once(objects: CountingObjects, tmp_path: Path) -> None:
    await objects.write(NAME, "x", b"one")
    cache = cache_of(objects, tmp_path)
    assert [await cache.load(NAME), await cache.load(NAME)] == ["one", "one"]
    assert await cache_of(objects, tmp_path).load(NAME) == "one"
    assert objects.reads == 1


async def test_a_pack_that_was_overwritten_is_read_anew(
    objects: CountingObjects, tmp_path: Path
) -> None:
    await objects.write(NAME, "x", b"one")
    cache = cache_of(objects, tmp_path)
    await cache.load(NAME)
    await objects.write(NAME, "x", b"other")
    assert await cache.load(NAME) == "other"


async def test_an_altered_file_on_disk_is_not_believed(
    objects: CountingObjects, tmp_path: Path
) -> None:
    await objects.write(NAME, "x", b"one")
    await cache_of(objects, tmp_path).load(NAME)
    spoil(tmp_path)
    assert await cache_of(objects, tmp_path).load(NAME) == "one"
    assert objects.reads == 2


async def test_the_disk_holds_no_more_than_it_may(objects: CountingObjects, tmp_path: Path) -> None:
    cache = cache_of(objects, tmp_path, max_open=1, max_disk_bytes=300)
    for number in range(5):
        name = ObjectName("avatars", f"ac_1/{number}")
        await objects.write(name, "x", b"x" * 100)
        await cache.load(name)
    assert len(await asyncio.to_thread(os.listdir, tmp_path)) == 2


async def test_a_folder_that_cannot_be_written_costs_only_speed(
    objects: CountingObjects, tmp_path: Path
) -> None:
    blocked = tmp_path / "file"
    await asyncio.to_thread(blocked.write_text, "in the way")
    await objects.write(NAME, "x", b"one")
    assert await cache_of(objects, blocked / "cache").load(NAME) == "one"


async def test_a_missing_pack_is_a_missing_avatar(objects: CountingObjects, tmp_path: Path) -> None:
    with pytest.raises(AvatarNotFound):
        await cache_of(objects, tmp_path).load(NAME)


async def test_what_storage_has_erased_is_forgotten(
    objects: CountingObjects, tmp_path: Path
) -> None:
    await objects.write(NAME, "x", b"one")
    cache = cache_of(objects, tmp_path)
    await cache.load(NAME)
    await cache.forget_erased()
    assert kept(tmp_path) == 1
    objects.stored.clear()
    other_version(tmp_path)
    await cache.forget_erased()
    assert not kept(tmp_path)
    with pytest.raises(AvatarNotFound):
        await cache.load(NAME)


async def test_storage_that_is_away_makes_nothing_forgotten(
    objects: CountingObjects, tmp_path: Path
) -> None:
    await objects.write(NAME, "x", b"one")
    cache = cache_of(objects, tmp_path)
    await cache.load(NAME)
    objects.error = Unavailable("away")
    with pytest.raises(Unavailable):
        await cache.forget_erased()
    assert kept(tmp_path) == 1
