"""Seals what is personal, under the key of whoever it belongs to (AES-256-GCM)."""

from __future__ import annotations

import hashlib
import hmac
import os
from weakref import WeakKeyDictionary

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.common.errors import StartupError
from services.storage.catalog.database import Database, Transaction
from services.storage.protection.keys import DataKeys
from services.storage.protection.master import Damaged, MasterKey

_VERSION = b"\x01"
_NONCE_BYTES = 12
_INDEX = "blind_index"
"""The owner, among the data keys, of the key that blind indices are made with."""


class Vault:
    """Seals and unseals texts; `owner_id` is an account (`ac_…`) or a person (`us_…`).

    What is sealed is a version byte, a nonce of twelve bytes, and the text encrypted, bound to its
    owner and its field: in another's row, or another column, it can't be unsealed.
    """

    def __init__(self, keys: DataKeys, index_key: bytes) -> None:
        self._keys = keys
        self._index_key = index_key
        self._opened: WeakKeyDictionary[Transaction, dict[str, AESGCM]] = WeakKeyDictionary()

    async def seal(self, tx: Transaction, owner_id: str, text: str, *, field: str) -> bytes:
        """The text encrypted under the owner's key, which is made at its first use.

        The transaction must be one that writes. Raises KeyErased.
        """
        # Not from what was opened: a key whose making was rolled back must seal nothing.
        cipher = AESGCM(await self._keys.get_or_make(tx, owner_id))
        nonce = os.urandom(_NONCE_BYTES)
        bound = _bound(owner_id, field)
        return _VERSION + nonce + cipher.encrypt(nonce, text.encode(), bound)

    async def unseal(self, tx: Transaction, owner_id: str, sealed: bytes, *, field: str) -> str:
        """The text. Raises KeyErased when the key was shredded, Damaged when it can't be read."""
        # A page of a list is of one owner.
        opened = self._opened.setdefault(tx, {})
        if owner_id not in opened:
            opened[owner_id] = AESGCM(await self._keys.get(tx, owner_id))
        nonce, text = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        if sealed[:1] != _VERSION:
            raise Damaged("what was sealed is of an unknown version")
        try:
            return opened[owner_id].decrypt(nonce, text, _bound(owner_id, field)).decode()
        except (InvalidTag, ValueError) as error:
            raise Damaged(f"{field} was altered") from error

    def blind_index(self, text: str, *, field: str) -> str:
        """What equal texts of a field have in common, and tells nothing of them: 64 hex digits."""
        message = field.encode() + b"\x00" + text.encode()
        return hmac.new(self._index_key, message, hashlib.sha256).hexdigest()

    async def shred(self, tx: Transaction, owner_id: str) -> None:
        """The owner's key is gone for good with the commit, and with it all that it sealed."""
        self._opened.pop(tx, None)
        await self._keys.shred(tx, owner_id)


async def open_vault(database: Database, master: MasterKey) -> Vault:
    """The vault of a database. Raises StartupError when another master key has sealed it."""
    keys = DataKeys(master)
    try:
        async with database.write() as tx:
            return Vault(keys, await keys.get_or_make(tx, _INDEX))
    except Damaged as error:
        raise StartupError(f"the master key is not the one of this database: {error}") from error


def _bound(owner_id: str, field: str) -> bytes:
    return f"{owner_id}\x00{field}".encode()
