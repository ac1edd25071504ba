"""The data keys of accounts, for those who hold no transaction: the object store."""

from __future__ import annotations

from services.storage.catalog.database import Database
from services.storage.protection.keys import DataKeys


class Keyring:
    """Fetches keys. Every method may raise Unavailable."""

    def __init__(self, database: Database, keys: DataKeys) -> None:
        self._database = database
        self._keys = keys

    async def reading(self, owner_id: str) -> bytes:
        """The owner's key. Raises KeyErased, and Damaged when there never was one."""
        async with self._database.read() as tx:
            return await self._keys.get(tx, owner_id)

    async def writing(self, owner_id: str) -> bytes:
        """The owner's key, made at its first use. Raises KeyErased, StorageFull."""
        async with self._database.read() as tx:
            key = await self._keys.find(tx, owner_id)
        if key is None:
            async with self._database.write() as tx:
                key = await self._keys.get_or_make(tx, owner_id)
        return key
