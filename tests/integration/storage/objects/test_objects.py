from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from typing import Any

import pytest
from vultus.media.v1 import media_pb2
from vultus.storage.v1 import object_service_pb2 as wire
from vultus.storage.v1.object_service_pb2_grpc import ObjectServiceStub

from services.common.errors import (
    DomainError,
    InvalidInput,
    NotFound,
    PayloadTooLarge,
    RangeNotSatisfiable,
    StorageFull,
    Unavailable,
)
from services.common.grpc_client import responses, unary
from tests.integration.storage.conftest import SeaweedFs, Serve, Storage, until_serving

BLOCK = 256 * 1024


class Objects:
    """ObjectService, as the other services call it."""

    def __init__(self, storage: Storage) -> None:
        self.stub = ObjectServiceStub(storage.channel)
        self.account_id = storage.account_id

    def ref(self, name: str, bucket: str = "avatars") -> media_pb2.ObjectRef:
        return media_pb2.ObjectRef(bucket=bucket, key=f"{self.account_id}/{name}")

    async def put(self, name: str, data: bytes, content_type: str = "image/png") -> Any:
        return await unary(self.stub.Put(self.requests(name, data, content_type)))

    async def requests(
        self, name: str, data: bytes, content_type: str = "image/png"
    ) -> AsyncIterator[wire.PutRequest]:
        header = wire.PutHeader(object=self.ref(name), content_type=content_type)
        yield wire.PutRequest(header=header)
        for start in range(0, len(data), BLOCK):
            yield wire.PutRequest(data=data[start : start + BLOCK])

    async def get(self, name: str, **part: int) -> tuple[wire.GetHeader, bytes]:
        request = wire.GetRequest(object=self.ref(name), **part)
        header, *blocks = [response async for response in responses(self.stub.Get(request))]
        return header.header, b"".join(block.data for block in blocks)


@pytest.fixture
def objects(storage: Storage) -> Objects:
    return Objects(storage)


async def test_an_object_comes_back_as_it_was_put(objects: Objects, storage: Storage) -> None:
    data = os.urandom(20_000_001)

    stored = await objects.put("big.png", data)

    header, found = await objects.get("big.png")
    assert (stored.size_bytes, stored.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert (header.content_type, header.size_bytes) == ("image/png", len(data))
    assert found == data
    assert storage.stored() == {f"avatars/{storage.account_id}/big.png"}
    assert not list(storage.spool.iterdir())


async def test_the_entity_tag_changes_with_the_bytes(objects: Objects) -> None:
    await objects.put("a", b"one")
    first, _ = await objects.get("a")
    again, _ = await objects.get("a", length=1)
    await objects.put("a", b"two")
    second, found = await objects.get("a")

    assert first.etag == again.etag != second.etag
    assert found == b"two"


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ({"offset": 3}, b"3456789"),
        ({"offset": 9}, b"9"),
        ({"length": 4}, b"0123"),
        ({"offset": 2, "length": 3}, b"234"),
        ({"offset": 8, "length": 100}, b"89"),
        ({"length": 0}, b""),
        ({"offset": 4, "length": 0}, b""),
    ],
)
async def test_a_part_of_an_object_can_be_read(
    objects: Objects, part: dict[str, int], expected: bytes
) -> None:
    await objects.put("digits", b"0123456789")
    header, found = await objects.get("digits", **part)
    assert (header.size_bytes, found) == (10, expected)


@pytest.mark.parametrize("part", [{}, {"length": 1}, {"length": 0}])
async def test_an_empty_object_is_an_object(objects: Objects, part: dict[str, int]) -> None:
    await objects.put("empty", b"")
    header, found = await objects.get("empty", **part)
    assert (header.size_bytes, found) == (0, b"")


@pytest.mark.parametrize("offset", [10, 11, 10**12])
async def test_a_range_outside_the_object_is_refused(objects: Objects, offset: int) -> None:
    await objects.put("digits", b"0123456789")
    with pytest.raises(RangeNotSatisfiable):
        await objects.get("digits", offset=offset)


@pytest.mark.parametrize("part", [{"offset": -1}, {"length": -1}])
async def test_negative_parts_are_refused(objects: Objects, part: dict[str, int]) -> None:
    with pytest.raises(InvalidInput):
        await objects.get("digits", **part)


async def test_what_was_never_put_is_not_found(objects: Objects) -> None:
    with pytest.raises(NotFound):
        await objects.get("nothing")


async def test_deleting_ignores_what_is_not_there(objects: Objects, storage: Storage) -> None:
    await objects.put("a", b"a")
    refs = [objects.ref("a"), objects.ref("b"), objects.ref("c", "videos")]

    await unary(objects.stub.Delete(wire.DeleteRequest(objects=refs)))

    assert storage.stored() == set()


async def test_a_put_that_is_given_up_leaves_nothing(objects: Objects, storage: Storage) -> None:
    arrived = asyncio.Event()

    async def broken_off() -> AsyncIterator[wire.PutRequest]:
        async for request in objects.requests("a", os.urandom(3_000_000)):
            yield request
        arrived.set()
        await asyncio.Event().wait()

    call = objects.stub.Put(broken_off())
    await arrived.wait()
    call.cancel()
    await until_empty(storage)

    assert storage.stored() == set()


async def until_empty(storage: Storage) -> None:
    """Returns when nothing is spooled any more."""
    while list(storage.spool.iterdir()):
        await unary(ObjectServiceStub(storage.channel).Delete(wire.DeleteRequest()))


async def test_a_reader_that_leaves_early_disturbs_nobody(objects: Objects) -> None:
    await objects.put("big", os.urandom(30_000_000))
    for _ in range(40):
        stream = responses(objects.stub.Get(wire.GetRequest(object=objects.ref("big"))))
        await anext(stream)
        await anext(stream)
        await stream.aclose()

    assert len((await objects.get("big", length=10))[1]) == 10


async def test_many_read_and_write_at_once(objects: Objects) -> None:
    contents = {f"{index}": os.urandom(300_000 + index) for index in range(40)}
    await asyncio.gather(*(objects.put(name, data) for name, data in contents.items()))
    found = await asyncio.gather(*(objects.get(name) for name in contents))
    assert [data for _, data in found] == list(contents.values())


async def test_too_much_is_refused_and_leaves_nothing(
    seaweedfs: SeaweedFs, serve_storage: Serve
) -> None:
    async with serve_storage(seaweedfs, max_object_bytes=1_000_000) as storage:
        objects = Objects(storage)
        await objects.put("fits", bytes(1_000_000))
        with pytest.raises(PayloadTooLarge):
            await objects.put("large", bytes(1_000_001))
        assert storage.stored() == {f"avatars/{storage.account_id}/fits"}
        assert not list(storage.spool.iterdir())


async def test_buckets_are_made_once_the_server_answers(
    mortal_seaweedfs: SeaweedFs, serve_storage: Serve
) -> None:
    async with serve_storage(mortal_seaweedfs, waiting=False) as storage:
        objects = Objects(storage)
        with pytest.raises(Unavailable):
            await objects.get("a")
        await asyncio.to_thread(mortal_seaweedfs.start)
        await until_serving(storage.channel)
        await objects.put("a", b"a")


async def test_a_server_that_dies_is_told_as_unavailable_and_then_found_again(
    mortal_seaweedfs: SeaweedFs, serve_storage: Serve
) -> None:
    await asyncio.to_thread(mortal_seaweedfs.start)
    async with serve_storage(mortal_seaweedfs) as storage:
        objects = Objects(storage)
        await objects.put("a", b"a")

        mortal_seaweedfs.kill()
        for call in (objects.get("a"), objects.put("b", b"b")):
            with pytest.raises(Unavailable) as caught:
                await call
            assert caught.value.retryable
        assert not list(storage.spool.iterdir())

        await asyncio.to_thread(mortal_seaweedfs.start)
        assert await until_done(lambda: objects.get("a")) == b"a"
        await objects.put("b", b"b")


async def until_done(call: Any) -> bytes:
    """What a read gives once the server has found its volumes again."""
    while True:
        try:
            found: bytes = (await call())[1]
        except Unavailable:
            continue
        return found


async def test_a_full_server_is_told_as_such(
    mortal_seaweedfs: SeaweedFs, serve_storage: Serve
) -> None:
    await asyncio.to_thread(mortal_seaweedfs.start)
    async with serve_storage(mortal_seaweedfs) as storage:
        objects = Objects(storage)
        await objects.put("before", b"there was room")
        mortal_seaweedfs.kill()
        await asyncio.to_thread(mortal_seaweedfs.start, "9000GiB")
        for size in (10, 20_000_000):
            with pytest.raises(StorageFull) as caught:
                await objects.put("a", os.urandom(size))
            assert caught.value.retryable
        assert storage.stored() == {f"avatars/{storage.account_id}/before"}
        assert not list(storage.spool.iterdir())


PLACE = {"bucket": "avatars", "key": "ac_1/a"}


@pytest.mark.parametrize(
    "change",
    [
        {"bucket": "secrets"},
        {"bucket": ""},
        {"key": ""},
        {"key": "a"},
        {"key": "ac_1"},
        {"key": "ac_1/"},
        {"key": "/ac_1/a"},
        {"key": "ac_1/../ac_2/a"},
        {"key": "ac_1//a"},
        {"key": "ac_1/.hidden"},
        {"key": "ac_1/a\nb"},
        {"key": "ac_1/" + "a" * 600},
    ],
)
async def test_places_outside_an_accounts_own_are_refused(
    objects: Objects, change: dict[str, str]
) -> None:
    request = wire.GetRequest(object=media_pb2.ObjectRef(**(PLACE | change)))
    with pytest.raises(InvalidInput):
        [response async for response in responses(objects.stub.Get(request))]


@pytest.mark.parametrize("order", [[], ["data"], ["header", "header"], ["data", "header"]])
async def test_a_put_begins_with_its_header_and_goes_on_with_bytes(
    objects: Objects, order: list[str]
) -> None:
    messages = {
        "header": wire.PutRequest(header=wire.PutHeader(object=objects.ref("a"))),
        "data": wire.PutRequest(data=b"a"),
    }
    with pytest.raises(DomainError) as caught:
        await unary(objects.stub.Put(iter_of([messages[name] for name in order])))
    assert isinstance(caught.value, InvalidInput)


async def iter_of(messages: list[wire.PutRequest]) -> AsyncIterator[wire.PutRequest]:
    for message in messages:
        yield message
