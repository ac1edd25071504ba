"""The master key: it wraps the data keys and encrypts nothing else."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.common.errors import StartupError

KEY_BYTES = 32
_VERSION = b"\x01"
_ID_BYTES, _NONCE_BYTES = 8, 12


class Damaged(Exception):
    """What was encrypted can't be decrypted: it was altered, or the key is another."""


class MasterKey(Protocol):
    """Wraps keys; what a key-management service does by `Encrypt` and `Decrypt`."""

    async def wrap(self, key: bytes, *, context: bytes) -> bytes:
        """The key encrypted, bound to its context."""
        ...

    async def unwrap(self, wrapped: bytes, *, context: bytes) -> bytes:
        """The key that was wrapped in that context. Raises Damaged."""
        ...

    def is_current(self, wrapped: bytes) -> bool:
        """Whether the newest version of the master key has wrapped it."""
        ...


class KeyFile:
    """Master keys of 32 bytes: the first wraps, all unwrap (AES-256-GCM).

    A wrapped key is a version byte, eight bytes that name the master key, twelve of nonce, and the
    key encrypted.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = {_name(key): AESGCM(key) for key in keys}
        self._newest = _name(keys[0])

    async def wrap(self, key: bytes, *, context: bytes) -> bytes:
        """See MasterKey."""
        nonce = os.urandom(_NONCE_BYTES)
        head = _VERSION + self._newest
        return head + nonce + self._keys[self._newest].encrypt(nonce, key, head + context)

    async def unwrap(self, wrapped: bytes, *, context: bytes) -> bytes:
        """See MasterKey."""
        head = wrapped[: 1 + _ID_BYTES]
        master = self._keys.get(head[1:])
        if head[:1] != _VERSION or master is None:
            raise Damaged("no master key in the file has wrapped this key")
        nonce, sealed = wrapped[len(head) :][:_NONCE_BYTES], wrapped[len(head) + _NONCE_BYTES :]
        try:
            return master.decrypt(nonce, sealed, head + context)
        except (InvalidTag, ValueError) as error:
            raise Damaged("a wrapped key was altered") from error

    def is_current(self, wrapped: bytes) -> bool:
        """See MasterKey."""
        return wrapped[1 : 1 + _ID_BYTES] == self._newest


def open_key_file(path: Path, *, make: bool) -> KeyFile:
    """Reads a file of base64 keys, one a line, the newest first; lines with `#` are comments.

    With `make`, a missing file is made, which only its owner can read. Raises StartupError when it
    can't be read or made, or holds anything else.
    """
    try:
        if make and not path.exists():
            _make(path)
        lines = path.read_text("ascii").split("\n")
        told = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
        keys = [base64.b64decode(line, validate=True) for line in told]
    except OSError as error:
        raise StartupError(f"the master key {path} can't be read: {error.strerror}") from error
    except (UnicodeError, binascii.Error) as error:
        raise StartupError(f"the master key {path} must hold base64 lines") from error
    if not keys or any(len(key) != KEY_BYTES for key in keys):
        raise StartupError(f"the master key {path} must hold keys of {KEY_BYTES} bytes")
    return KeyFile(keys)


def _make(path: Path) -> None:
    """Replicas that start together agree on the first one's."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_bytes(base64.b64encode(os.urandom(KEY_BYTES)) + b"\n")
    try:
        with suppress(FileExistsError):
            path.hardlink_to(draft)
    finally:
        draft.unlink()


def _name(key: bytes) -> bytes:
    return hashlib.sha256(b"vultus master key" + key).digest()[:_ID_BYTES]
