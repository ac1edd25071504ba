"""The master key: a file, made once, read by all."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest

from services.common.errors import StartupError
from services.storage.protection.master import KEY_BYTES, Damaged, KeyFile, open_key_file

OLD, NEW = os.urandom(KEY_BYTES), os.urandom(KEY_BYTES)
KEY = os.urandom(KEY_BYTES)


def lines(*keys: bytes) -> str:
    return "# newest first\n" + "".join(f"{base64.b64encode(key).decode()}\n" for key in keys)


async def test_a_key_comes_back_in_its_context_alone() -> None:
    master = KeyFile([NEW])
    wrapped = await master.wrap(KEY, context=b"ac_1")
    assert KEY not in wrapped
    assert await master.unwrap(wrapped, context=b"ac_1") == KEY
    with pytest.raises(Damaged):
        await master.unwrap(wrapped, context=b"ac_2")


async def test_the_newest_wraps_and_all_unwrap() -> None:
    before = await KeyFile([OLD]).wrap(KEY, context=b"")
    both = KeyFile([NEW, OLD])
    after = await both.wrap(KEY, context=b"")
    assert await both.unwrap(before, context=b"") == KEY
    assert await KeyFile([NEW]).unwrap(after, context=b"") == KEY
    assert (both.is_current(before), both.is_current(after)) == (False, True)
    with pytest.raises(Damaged):
        await KeyFile([NEW]).unwrap(before, context=b"")


@pytest.mark.parametrize("place", [0, 1, 9, 21, -1])
async def test_one_altered_byte_is_found(place: int) -> None:
    master = KeyFile([NEW])
    wrapped = bytearray(await master.wrap(KEY, context=b""))
    wrapped[place] ^= 1
    with pytest.raises(Damaged):
        await master.unwrap(bytes(wrapped), context=b"")


@pytest.mark.parametrize("length", [0, 1, 8, 9, 20, 21, 40])
async def test_a_wrapped_key_that_was_cut_is_found(length: int) -> None:
    master = KeyFile([NEW])
    wrapped = await master.wrap(KEY, context=b"")
    with pytest.raises(Damaged):
        await master.unwrap(wrapped[:length], context=b"")


async def test_the_file_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "master"
    wrapped = await open_key_file(path, make=True).wrap(KEY, context=b"")
    assert await open_key_file(path, make=True).unwrap(wrapped, context=b"") == KEY
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]


async def test_a_file_holds_keys_and_comments(tmp_path: Path) -> None:
    path = tmp_path / "master"
    path.write_text(lines(NEW, OLD), "ascii")
    wrapped = await open_key_file(path, make=False).wrap(KEY, context=b"")
    assert KeyFile([NEW]).is_current(wrapped)


@pytest.mark.parametrize("content", ["", "# none\n", "%%%\n", lines(b"short"), "schlüssel\n"])
def test_a_file_without_good_keys_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "master"
    path.write_text(content, "utf-8")
    with pytest.raises(StartupError, match="master key"):
        open_key_file(path, make=True)


def test_a_file_that_was_named_is_never_made(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match="can't be read"):
        open_key_file(tmp_path / "master", make=False)
