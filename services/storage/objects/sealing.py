"""Encrypted objects, readable from any place: the format that docs/encryption.md describes.

A header, then chunks of 64 KiB, each encrypted with AES-256-GCM under a key of this object alone.
A chunk's nonce is its number and whether it is the last (the STREAM construction of Hoang,
Reyhanitabar, Rogaway and Vizár, 2015), so that none can be left out, moved or added.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from services.storage.protection.master import Damaged
from services.storage.refs import ObjectRef

_MAGIC = b"VULTUS\x00\x01"
"""Its last byte is the version."""
_SALT_BYTES = 32
HEADER_BYTES = len(_MAGIC) + _SALT_BYTES
CHUNK_BYTES = 64 * 1024
_TAG_BYTES = 16
SEALED_CHUNK_BYTES = CHUNK_BYTES + _TAG_BYTES
_KEY_BYTES = 32
_CHUNKS_AT_ONCE = 4


class Source(Protocol):
    """What bytes are read from."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; none at the end."""
        ...


class ObjectCipher:
    """Seals and opens the chunks of one object; its place is bound, so that none can be swapped."""

    def __init__(self, data_key: bytes, ref: ObjectRef, header: bytes) -> None:
        self._name = f"{ref.bucket}/{ref.key}"
        info = _MAGIC + self._name.encode()
        derived = HKDF(SHA256(), _KEY_BYTES, salt=header[len(_MAGIC) :], info=info)
        self._cipher = AESGCM(derived.derive(data_key))

    def seal(self, index: int, chunk: bytes, *, last: bool) -> bytes:
        """A chunk encrypted."""
        return self._cipher.encrypt(_nonce(index, last), chunk, None)

    def open(self, index: int, sealed: bytes, *, last: bool) -> bytes:
        """A chunk as it was. Raises Damaged."""
        try:
            return self._cipher.decrypt(_nonce(index, last), sealed, None)
        except (InvalidTag, ValueError) as error:
            raise Damaged(f"chunk {index} of {self._name} is not what was written") from error


class SealedFile:
    """A file as its object is to be: read once, from the start, in constant memory."""

    def __init__(self, data_key: bytes, ref: ObjectRef, path: Path) -> None:
        self._file = io.FileIO(path)
        self._left = os.fstat(self._file.fileno()).st_size
        self.size_bytes = sealed_bytes(self._left)
        header = new_header()
        self._cipher = ObjectCipher(data_key, ref, header)
        self._index = 0
        self._ahead = bytearray(header)
        self._ended = False

    def read(self, size: int, /) -> bytes:
        """The next bytes, `size` of them but at the end."""
        while len(self._ahead) < size and not self._ended:
            chunk = filled(self._file, min(CHUNK_BYTES, self._left))
            self._left -= len(chunk)
            self._ended = self._left == 0
            self._ahead += self._cipher.seal(self._index, chunk, last=self._ended)
            self._index += 1
        taken = bytes(self._ahead[:size])
        del self._ahead[:size]
        return taken

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


class OpenedChunks:
    """The chunks of an object from one on, as they were written."""

    def __init__(self, source: Source, cipher: ObjectCipher, *, first: int, last: int) -> None:
        """`last`: the number of the object's last chunk, which need not be read."""
        self._source = source
        self._cipher = cipher
        self._next = first
        self._last = last

    def read(self) -> bytes:
        """Some chunks; none at the end. Raises Damaged."""
        opened = bytearray()
        sealed = filled(self._source, _CHUNKS_AT_ONCE * SEALED_CHUNK_BYTES)
        for start in range(0, len(sealed), SEALED_CHUNK_BYTES):
            chunk = sealed[start : start + SEALED_CHUNK_BYTES]
            opened += self._cipher.open(self._next, chunk, last=self._next == self._last)
            self._next += 1
        return bytes(opened)


def new_header() -> bytes:
    """The header of another object."""
    return _MAGIC + os.urandom(_SALT_BYTES)


def is_header(start: bytes) -> bool:
    """Whether an object that begins like this is encrypted."""
    return len(start) == HEADER_BYTES and start.startswith(_MAGIC)


def sealed_bytes(size_bytes: int) -> int:
    """How large an object of so many bytes is when it is encrypted."""
    return HEADER_BYTES + size_bytes + _TAG_BYTES * (last_chunk(size_bytes) + 1)


def clear_bytes(sealed: int) -> int:
    """How many bytes there are in an encrypted object. Raises Damaged when none is so large."""
    chunks, rest = divmod(sealed - HEADER_BYTES, SEALED_CHUNK_BYTES)
    size = sealed - HEADER_BYTES - _TAG_BYTES * (chunks + bool(rest))
    if size < 0 or sealed_bytes(size) != sealed:
        raise Damaged("an object was cut off")
    return size


def last_chunk(size_bytes: int) -> int:
    """The number of the last chunk; an empty object has one that is empty."""
    return max(size_bytes - 1, 0) // CHUNK_BYTES


def filled(source: Source, size: int) -> bytes:
    """Exactly so many bytes, or fewer at the end."""
    blocks: list[bytes] = []
    while size and (block := source.read(size)):
        blocks.append(block)
        size -= len(block)
    return b"".join(blocks)


def _nonce(index: int, last: bool) -> bytes:
    return index.to_bytes(11, "big") + bytes([last])
