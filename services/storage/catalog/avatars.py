"""Faces that can speak, as the catalog records them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, delete, insert, select, update

from services.common.errors import (
    AssetNotFound,
    AvatarNotFound,
    AvatarNotReady,
    InvalidInput,
    StateConflict,
    UnsupportedMedia,
)
from services.common.ids import new_id
from services.storage.catalog.assets import erase_asset
from services.storage.catalog.consents import AVATAR, record_consent, require_consent
from services.storage.catalog.database import Database, Transaction
from services.storage.catalog.erasures import LATE_WRITES_END_AFTER, Erasures
from services.storage.catalog.page import Page, PageRequest
from services.storage.catalog.records import Avatar, AvatarStatus, NewConsent, Problem
from services.storage.catalog.reviews import withdraw
from services.storage.catalog.tables import assets, avatars
from services.storage.identity.accounts import require_open
from services.storage.refs import AVATARS, ObjectRef
from services.storage.rights.restrictions import require_unrestricted

AVATAR_ID = "av"
_PICTURE = "picture"


class Avatars:
    """The record of avatars. Every method may raise Unavailable or StorageFull."""

    def __init__(self, database: Database, erasures: Erasures) -> None:
        self._database = database
        self._erasures = erasures

    async def create(
        self,
        account_id: str,
        *,
        name: str,
        asset_id: str,
        owns_asset: bool,
        review_id: str = "",
        consent: str | NewConsent,
    ) -> Avatar:
        """Records an avatar, preparing, under a consent, or together with a new one.

        Raises AccountClosing, AssetNotFound, UnsupportedMedia, ConsentNotFound, ConsentRequired,
        Restricted, InvalidInput, GuardianConsentRequired.
        """
        avatar_id = new_id(AVATAR_ID)
        async with self._database.write() as tx:
            now = await tx.now()
            await require_open(tx, account_id)
            portrait = await _portrait(tx, account_id, asset_id)
            if isinstance(consent, NewConsent):
                consent_id = (await record_consent(tx, account_id, consent)).id
            else:
                consent_id = (await require_consent(tx, account_id, consent, AVATAR)).id
            await require_unrestricted(tx, account_id, consent_id)
            values = {
                "id": avatar_id,
                "account_id": account_id,
                "kind": _PICTURE,
                "name": name,
                "status": AvatarStatus.PREPARING,
                "width": 0,
                "height": 0,
                "asset_id": asset_id,
                "owns_asset": owns_asset,
                "portrait": portrait,
                "pack": ObjectRef(AVATARS, f"{account_id}/{avatar_id}.pack"),
                "preview": ObjectRef(AVATARS, f"{account_id}/{avatar_id}.jpg"),
                "attested_at": now,
                "review_id": review_id or None,
                "consent_id": consent_id,
                "created_at": now,
            }
            return avatar_record(await tx.one(insert(avatars).values(values).returning(*avatars.c)))

    async def get(self, account_id: str, avatar_id: str) -> Avatar:
        """One avatar. Raises AvatarNotFound."""
        async with self._database.read() as tx:
            return await find_avatar(tx, account_id, avatar_id)

    async def list(self, account_id: str, *, limit: int, cursor: str) -> Page[Avatar]:
        """A page of the account's avatars, newest first. Raises InvalidInput."""
        wanted = PageRequest.parse(limit, cursor, prefix=AVATAR_ID)
        query = select(avatars).where(avatars.c.account_id == account_id)
        async with self._database.read() as tx:
            return wanted.page(await tx.all(wanted.apply(query, avatars.c.id)), avatar_record)

    async def finish(
        self,
        account_id: str,
        avatar_id: str,
        status: AvatarStatus,
        *,
        error: Problem | None,
        width: int,
        height: int,
    ) -> Avatar:
        """Ends the preparing, once. Raises AvatarNotFound, StateConflict, InvalidInput."""
        if status is AvatarStatus.PREPARING:
            raise InvalidInput("status must be READY, FAILED or REJECTED")
        ready = status is AvatarStatus.READY
        if ready and (width <= 0 or height <= 0):
            raise InvalidInput("a ready avatar has a size")
        if not ready and error is None:
            raise InvalidInput("error must say why the avatar could not be made")
        values = {
            "status": status,
            "error": None if ready else error,
            "width": width if ready else 0,
            "height": height if ready else 0,
        }
        finished = (
            update(avatars)
            .where(
                avatars.c.id == avatar_id,
                avatars.c.account_id == account_id,
                avatars.c.status == AvatarStatus.PREPARING,
            )
            .values(values)
            .returning(*avatars.c)
        )
        async with self._database.write() as tx:
            row = await tx.one_or_none(finished)
            if row is None:
                avatar = await find_avatar(tx, account_id, avatar_id)
                raise StateConflict(f"the avatar is {avatar.status}")
            if status is AvatarStatus.REJECTED and row.owns_asset:
                await erase_asset(tx, self._erasures, account_id, row.asset_id)
        self._erasures.hurry()
        return avatar_record(row)

    async def delete(self, account_id: str, avatar_id: str) -> None:
        """Erases an avatar, and its portrait if that was uploaded for it alone.

        Raises AvatarNotFound.
        """
        mine = (avatars.c.id == avatar_id, avatars.c.account_id == account_id)
        async with self._database.write() as tx:
            row = await tx.one_or_none(delete(avatars).where(*mine).returning(*avatars.c))
            if row is None:
                raise AvatarNotFound("no such avatar")
            avatar = avatar_record(row)
            await _erase_made(tx, self._erasures, avatar)
            if avatar.owns_asset:
                await erase_asset(tx, self._erasures, account_id, avatar.asset_id)
        self._erasures.hurry()


async def erase_avatar(tx: Transaction, erasures: Erasures, avatar: Avatar) -> list[ObjectRef]:
    """Erases an avatar together with what else the transaction does, its portrait's file too
    unless another avatar is made of it; the objects that go."""
    await tx.execute(delete(avatars).where(avatars.c.id == avatar.id))
    gone = await _erase_made(tx, erasures, avatar)
    others = select(avatars.c.id).where(avatars.c.asset_id == avatar.asset_id).limit(1)
    if await tx.one_or_none(others) is None:
        this = select(assets.c.object, assets.c.picture).where(assets.c.id == avatar.asset_id)
        row = await tx.one_or_none(this)
        if row is not None:
            gone += [ref for ref in row if ref is not None]
            await erase_asset(tx, erasures, avatar.account_id, avatar.asset_id)
    return gone


async def _erase_made(tx: Transaction, erasures: Erasures, avatar: Avatar) -> list[ObjectRef]:
    made = [avatar.pack, avatar.preview]
    await erasures.schedule(tx, made)
    if avatar.status is AvatarStatus.PREPARING:
        await erasures.schedule(tx, made, after=LATE_WRITES_END_AFTER)
    await withdraw(tx, erasures, avatar.review_id)
    return made


async def find_avatar(tx: Transaction, account_id: str, avatar_id: str) -> Avatar:
    """One avatar. Raises AvatarNotFound."""
    mine = (avatars.c.id == avatar_id, avatars.c.account_id == account_id)
    row = await tx.one_or_none(select(avatars).where(*mine))
    if row is None:
        raise AvatarNotFound("no such avatar")
    return avatar_record(row)


async def require_ready_avatar(tx: Transaction, account_id: str, avatar_id: str) -> None:
    """Nobody erases or restricts it before the transaction ends.

    Raises AvatarNotFound, AvatarNotReady, Restricted.
    """
    mine = (avatars.c.id == avatar_id, avatars.c.account_id == account_id)
    await tx.one_or_none(select(avatars.c.id).where(*mine).with_for_update(read=True))
    avatar = await find_avatar(tx, account_id, avatar_id)
    if avatar.status is not AvatarStatus.READY:
        raise AvatarNotReady(f"the avatar is {avatar.status}")
    await require_unrestricted(tx, account_id, avatar.consent_id)


async def _portrait(tx: Transaction, account_id: str, asset_id: str) -> ObjectRef:
    mine = (assets.c.id == asset_id, assets.c.account_id == account_id)
    row = await tx.one_or_none(select(assets.c.picture).where(*mine))
    if row is None:
        raise AssetNotFound("no such asset")
    if row.picture is None:
        raise UnsupportedMedia("an avatar is made from an image")
    picture: ObjectRef = row.picture
    return picture


def avatar_record(row: Row[Any]) -> Avatar:
    """An avatar's row."""
    optional = {"review_id": row.review_id or "", "consent_id": row.consent_id or ""}
    return Avatar(**row._asdict() | optional)
