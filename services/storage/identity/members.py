"""Members: what people are in an account, and who is invited."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from services.common.errors import AccountNotFound, InvalidInput, MemberNotFound, StateConflict
from services.common.ids import new_id
from services.storage.catalog.database import Database, Transaction
from services.storage.identity.codes import PHONE, phone_index
from services.storage.identity.people import (
    USER_NAME,
    erase_if_alone,
    find_by_phone,
)
from services.storage.identity.records import AccountKind, Member, Role
from services.storage.identity.sessions import end_sessions
from services.storage.identity.tables import accounts, invitations, members, people, sessions
from services.storage.protection.vault import Vault

INVITATION_ID = "in"
INVITED_FOR = timedelta(days=7)
MAX_MEMBERS = 1_000


class Members:
    """The record of members. Every method may raise Unavailable or StorageFull."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    async def list(self, account_id: str) -> Sequence[Member]:
        """The account's members, then those who are invited, oldest first."""
        async with self._database.read() as tx:
            query = (
                select(people, members.c.role, members.c.joined_at)
                .join(members, members.c.person_id == people.c.id)
                .where(members.c.account_id == account_id)
                .order_by(members.c.joined_at, people.c.id)
            )
            told = [await self._member(tx, row) for row in await tx.all(query)]
            invited = (
                select(invitations)
                .where(
                    invitations.c.account_id == account_id,
                    invitations.c.expires_at > await tx.now(),
                )
                .order_by(invitations.c.id)
            )
            return told + [await self._invited(tx, row) for row in await tx.all(invited)]

    async def invite(self, account_id: str, phone: str, role: Role, *, invited_by: str) -> Member:
        """Lets whoever has the phone join when they sign in; who was invited is so anew.

        Raises AccountNotFound, InvalidInput, StateConflict for a member, for a personal account and
        when there are too many.
        """
        async with self._database.write() as tx:
            account = await _locked(tx, account_id)
            if account.kind is AccountKind.PERSONAL:
                raise StateConflict("a personal account has one member")
            await self._require_room(tx, account_id, phone)
            whose, now = phone_index(self._vault, phone), await tx.now()
            await tx.execute(
                delete(invitations).where(
                    invitations.c.account_id == account_id,
                    (invitations.c.phone_index == whose) | (invitations.c.expires_at <= now),
                )
            )
            values = {
                "id": new_id(INVITATION_ID),
                "account_id": account_id,
                "phone_index": whose,
                "phone": await self._vault.seal(tx, account_id, phone, field=PHONE),
                "role": role,
                "invited_by": invited_by,
                "created_at": now,
                "expires_at": now + INVITED_FOR,
            }
            new = insert(invitations).values(values)
            return await self._invited(tx, await tx.one(new.returning(*invitations.c)))

    async def change(self, account_id: str, member_id: str, role: Role) -> Member:
        """Another role. Raises MemberNotFound, StateConflict when no owner would be left."""
        async with self._database.write() as tx:
            await _locked(tx, account_id)
            table = _table_of(member_id)
            this = update(table).where(*_which(account_id, member_id)).values(role=role)
            if not await tx.execute(this):
                raise MemberNotFound("no such member")
            await _require_owner(tx, account_id)
            return await self._find(tx, account_id, member_id)

    async def remove(self, account_id: str, member_id: str) -> None:
        """Ends a membership with its sessions, or an invitation; who acts for no account is erased.

        Raises MemberNotFound, StateConflict when no owner would be left.
        """
        async with self._database.write() as tx:
            await _locked(tx, account_id)
            this = delete(_table_of(member_id)).where(*_which(account_id, member_id))
            if not await tx.execute(this):
                raise MemberNotFound("no such member")
            await _require_owner(tx, account_id)
            theirs = (sessions.c.account_id == account_id, sessions.c.person_id == member_id)
            await end_sessions(tx, *theirs)
            if not _is_invitation(member_id):
                await erase_if_alone(tx, self._vault, member_id)

    async def _require_room(self, tx: Transaction, account_id: str, phone: str) -> None:
        person_id = await find_by_phone(tx, self._vault, phone)
        if person_id and await tx.one_or_none(
            select(members.c.role).where(*_which(account_id, person_id))
        ):
            raise StateConflict("whoever has this phone number is a member already")
        count = select(func.count()).select_from(members).where(members.c.account_id == account_id)
        if (await tx.one(count))[0] >= MAX_MEMBERS:
            raise StateConflict(f"an account has at most {MAX_MEMBERS} members")

    async def _find(self, tx: Transaction, account_id: str, member_id: str) -> Member:
        if _is_invitation(member_id):
            return await self._invited(
                tx, await tx.one(select(invitations).where(invitations.c.id == member_id))
            )
        query = select(people, members.c.role, members.c.joined_at).join(
            members, members.c.person_id == people.c.id
        )
        return await self._member(tx, await tx.one(query.where(*_which(account_id, member_id))))

    async def _member(self, tx: Transaction, row: Row[Any]) -> Member:
        name = row.user_name
        return Member(
            id=row.id,
            role=row.role,
            phone=await self._vault.unseal(tx, row.id, row.phone, field=PHONE),
            user_name=await self._vault.unseal(tx, row.id, name, field=USER_NAME) if name else "",
            invited=False,
            since=row.joined_at,
            expires_at=None,
        )

    async def _invited(self, tx: Transaction, row: Row[Any]) -> Member:
        return Member(
            id=row.id,
            role=row.role,
            phone=await self._vault.unseal(tx, row.account_id, row.phone, field=PHONE),
            user_name="",
            invited=True,
            since=row.created_at,
            expires_at=row.expires_at,
        )


async def join(tx: Transaction, account_id: str, person_id: str, role: Role) -> None:
    """Makes a person a member. Raises InvalidInput when they are one."""
    values = {
        "account_id": account_id,
        "person_id": person_id,
        "role": role,
        "joined_at": await tx.now(),
    }
    try:
        async with tx.savepoint():
            await tx.execute(insert(members).values(values))
    except IntegrityError as error:
        raise InvalidInput("the person is a member already") from error


async def accept(tx: Transaction, phone: str, account_id: str, person_id: str) -> None:
    """Makes an invitation to a phone, given as its index, a membership."""
    this = (invitations.c.account_id == account_id, invitations.c.phone_index == phone)
    row = await tx.one_or_none(delete(invitations).where(*this).returning(invitations.c.role))
    if row is not None:
        await join(tx, account_id, person_id, row.role)


async def invited_to(tx: Transaction, phone: str) -> Sequence[str]:
    """The accounts that a phone, given as its index, is invited to."""
    good = (invitations.c.phone_index == phone, invitations.c.expires_at > await tx.now())
    query = select(invitations.c.account_id).where(*good).order_by(invitations.c.id)
    return [row.account_id for row in await tx.all(query)]


async def _locked(tx: Transaction, account_id: str) -> Row[Any]:
    """The account, whose members nobody else changes before the transaction ends."""
    query = select(accounts.c.kind).where(accounts.c.id == account_id).with_for_update()
    row = await tx.one_or_none(query)
    if row is None:
        raise AccountNotFound("no such account")
    return row


async def _require_owner(tx: Transaction, account_id: str) -> None:
    owners = (members.c.account_id == account_id, members.c.role == Role.OWNER)
    if not (await tx.one(select(func.count()).select_from(members).where(*owners)))[0]:
        raise StateConflict("an account has at least one owner")


def _is_invitation(member_id: str) -> bool:
    return member_id.startswith(f"{INVITATION_ID}_")


def _table_of(member_id: str) -> Any:
    return invitations if _is_invitation(member_id) else members


def _which(account_id: str, member_id: str) -> tuple[Any, Any]:
    if _is_invitation(member_id):
        return (invitations.c.account_id == account_id, invitations.c.id == member_id)
    return (members.c.account_id == account_id, members.c.person_id == member_id)
