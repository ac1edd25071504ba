"""Uploaded files, as the catalog records them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, delete, insert, select

from services.common.errors import AssetNotFound
from services.storage.catalog.database import Database, Transaction
from services.storage.catalog.erasures import Erasures
from services.storage.catalog.page import Page, PageRequest
from services.storage.catalog.records import Asset, NewAsset
from services.storage.catalog.tables import assets
from services.storage.identity.accounts import require_open
from services.storage.refs import ObjectRef
from services.storage.usage.quotas import NO_LIMITS, admit_bytes
from services.storage.usage.records import Limits

ASSET_ID = "as"
_UPLOAD_MAY_TAKE = timedelta(hours=1)


class Assets:
    """The record of assets. Every method may raise Unavailable or StorageFull."""

    def __init__(self, database: Database, erasures: Erasures, limits: Limits = NO_LIMITS) -> None:
        self._database = database
        self._erasures = erasures
        self._limits = limits

    async def announce(self, refs: Sequence[ObjectRef]) -> None:
        """Call it before objects are written: those that no asset is created for are erased.

        So an upload that breaks off, or whose process dies, leaves nothing.
        """
        async with self._database.write() as tx:
            await self._erasures.schedule(tx, refs, after=_UPLOAD_MAY_TAKE)

    async def create(self, new: NewAsset) -> Asset:
        """Records an asset; its announced objects stay.

        Raises AccountNotFound, AccountClosing, QuotaUsedUp.
        """
        async with self._database.write() as tx:
            await require_open(tx, new.account_id)
            await admit_bytes(tx, new.account_id, self._limits, new.size_bytes)
            values = {field.name: getattr(new, field.name) for field in fields(new)}
            values["created_at"] = await tx.now()
            row = await tx.one(insert(assets).values(values).returning(*assets.c))
            asset = _record(row)
            await self._erasures.spare(tx, asset.objects)
        return asset

    async def get(self, account_id: str, asset_id: str) -> Asset:
        """One asset. Raises AssetNotFound."""
        query = select(assets).where(assets.c.id == asset_id, assets.c.account_id == account_id)
        async with self._database.read() as tx:
            row = await tx.one_or_none(query)
        if row is None:
            raise AssetNotFound("no such asset")
        return _record(row)

    async def list(self, account_id: str, *, limit: int, cursor: str) -> Page[Asset]:
        """A page of the account's assets, newest first. Raises InvalidInput."""
        wanted = PageRequest.parse(limit, cursor, prefix=ASSET_ID)
        query = select(assets).where(assets.c.account_id == account_id)
        async with self._database.read() as tx:
            return wanted.page(await tx.all(wanted.apply(query, assets.c.id)), _record)

    async def delete(self, account_id: str, asset_id: str) -> None:
        """Erases an asset; its objects follow at once or as soon as the store answers.

        Raises AssetNotFound.
        """
        async with self._database.write() as tx:
            if not await erase_asset(tx, self._erasures, account_id, asset_id):
                raise AssetNotFound("no such asset")
        self._erasures.hurry()


async def require_asset(tx: Transaction, account_id: str, asset_id: str) -> None:
    """Returns when the account has that file. Raises AssetNotFound."""
    mine = (assets.c.id == asset_id, assets.c.account_id == account_id)
    if await tx.one_or_none(select(assets.c.id).where(*mine)) is None:
        raise AssetNotFound("no such asset")


async def erase_asset(tx: Transaction, erasures: Erasures, account_id: str, asset_id: str) -> bool:
    """Erases an asset together with what else the transaction does; whether it was there."""
    gone = (
        delete(assets)
        .where(assets.c.id == asset_id, assets.c.account_id == account_id)
        .returning(*assets.c)
    )
    row = await tx.one_or_none(gone)
    if row is None:
        return False
    await erasures.schedule(tx, _record(row).objects)
    return True


def _record(row: Row[Any]) -> Asset:
    return Asset(**row._asdict())
