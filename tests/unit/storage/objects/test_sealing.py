"""The form of encrypted objects: what is altered, cut, moved or swapped is found."""

from __future__ import annotations

import io
import os
from contextlib import closing
from pathlib import Path

import pytest

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
    sealed_bytes,
)
from services.storage.protection.master import Damaged
from services.storage.refs import ObjectRef

KEY = os.urandom(32)
PLACE = ObjectRef("videos", "ac_1/vd_1.mp4")
SIZES = (0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 5 * CHUNK_BYTES + 7)


def sealed(folder: Path, content: bytes, ref: ObjectRef = PLACE, pieces: int = 100_000) -> bytes:
    path = folder / "content"
    path.write_bytes(content)
    with closing(SealedFile(KEY, ref, path)) as file:
        data = b"".join(iter(lambda: file.read(pieces), b""))
        assert len(data) == file.size_bytes
    return data


def opened(data: bytes, ref: ObjectRef = PLACE, key: bytes = KEY, first: int = 0) -> bytes:
    cipher = ObjectCipher(key, ref, data[:HEADER_BYTES])
    last = last_chunk(clear_bytes(len(data)))
    rest = io.BytesIO(data[HEADER_BYTES + first * SEALED_CHUNK_BYTES :])
    return b"".join(iter(OpenedChunks(rest, cipher, first=first, last=last).read, b""))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("pieces", [1_000, CHUNK_BYTES, 8 * 1024 * 1024])
def test_what_was_sealed_is_opened(tmp_path: Path, size: int, pieces: int) -> None:
    content = os.urandom(size)
    data = sealed(tmp_path, content, pieces=pieces)
    assert is_header(data[:HEADER_BYTES])
    assert (len(data), clear_bytes(len(data))) == (sealed_bytes(size), size)
    assert opened(data) == content


@pytest.mark.parametrize("size", SIZES)
def test_it_is_opened_from_any_chunk_on(tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    data = sealed(tmp_path, content)
    for first in range(last_chunk(size) + 1):
        assert opened(data, first=first) == content[first * CHUNK_BYTES :]


def test_equal_files_are_sealed_differently_and_show_nothing(tmp_path: Path) -> None:
    content = b"the same words, again and again; " * 5_000
    one, two = sealed(tmp_path, content), sealed(tmp_path, content)
    assert one[HEADER_BYTES:] != two[HEADER_BYTES:]
    assert b"the same words" not in one


@pytest.mark.parametrize("place", [8, 39, 40, 100, SEALED_CHUNK_BYTES, -17, -1])
def test_one_altered_byte_is_found(tmp_path: Path, place: int) -> None:
    data = bytearray(sealed(tmp_path, os.urandom(2 * CHUNK_BYTES + 5)))
    data[place] ^= 1
    with pytest.raises(Damaged):
        opened(bytes(data))


def chunks(data: bytes) -> list[bytes]:
    starts = range(HEADER_BYTES, len(data), SEALED_CHUNK_BYTES)
    return [data[start : start + SEALED_CHUNK_BYTES] for start in starts]


@pytest.mark.parametrize("order", [[0], [0, 1], [1, 0, 2], [0, 2], [1, 2], [0, 0, 2], [0, 1, 1, 2]])
def test_chunks_that_are_missing_moved_or_repeated_are_found(
    tmp_path: Path, order: list[int]
) -> None:
    data = sealed(tmp_path, os.urandom(2 * CHUNK_BYTES + 5))
    parts = chunks(data)
    with pytest.raises(Damaged):
        opened(data[:HEADER_BYTES] + b"".join(parts[index] for index in order))


@pytest.mark.parametrize("cut", [1, 16, 17, 30, CHUNK_BYTES])
def test_a_cut_end_is_found(tmp_path: Path, cut: int) -> None:
    data = sealed(tmp_path, os.urandom(CHUNK_BYTES + 20))
    with pytest.raises(Damaged):
        opened(data[:-cut])


@pytest.mark.parametrize("size", [HEADER_BYTES, HEADER_BYTES + 15, HEADER_BYTES - 1])
def test_no_object_is_so_small(size: int) -> None:
    with pytest.raises(Damaged):
        clear_bytes(size)


@pytest.mark.parametrize(
    "place",
    [
        ObjectRef("videos", "ac_1/vd_2.mp4"),
        ObjectRef("assets", "ac_1/vd_1.mp4"),
        ObjectRef("videos", "ac_2/vd_1.mp4"),
    ],
)
def test_an_object_in_the_place_of_another_is_found(tmp_path: Path, place: ObjectRef) -> None:
    with pytest.raises(Damaged):
        opened(sealed(tmp_path, b"content"), ref=place)


def test_a_chunk_of_another_object_is_found(tmp_path: Path) -> None:
    one = sealed(tmp_path, os.urandom(2 * CHUNK_BYTES))
    two = sealed(tmp_path, os.urandom(2 * CHUNK_BYTES))
    with pytest.raises(Damaged):
        opened(one[: HEADER_BYTES + SEALED_CHUNK_BYTES] + two[HEADER_BYTES + SEALED_CHUNK_BYTES :])


def test_another_accounts_key_opens_nothing(tmp_path: Path) -> None:
    with pytest.raises(Damaged):
        opened(sealed(tmp_path, b"content"), key=os.urandom(32))


@pytest.mark.parametrize("start", [b"", b"VULTUS", b"VULTUS\x00\x02" + bytes(32), bytes(40)])
def test_other_files_are_not_taken_for_sealed_ones(start: bytes) -> None:
    assert not is_header(start)


def test_a_source_that_gives_little_at_a_time_is_read_to_the_full() -> None:
    class Slow(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(size or 0, 3))

    assert filled(Slow(b"0123456789"), 8) == b"01234567"
    assert filled(Slow(b"0123"), 8) == b"0123"
