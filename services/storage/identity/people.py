"""People: who they are, as they say, sealed under their own keys."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from services.common.errors import InvalidInput, PersonNotFound, StateConflict
from services.common.ids import new_id
from services.storage.catalog.database import Database, Transaction
from services.storage.identity.codes import NEW_PHONE, OLD_PHONE, PHONE, Codes, phone_index
from services.storage.identity.records import Membership, NewPerson, Person
from services.storage.identity.tables import accounts, members, people, sessions
from services.storage.protection.vault import Vault

USER_NAME, EMAIL = "user_name", "email"
MAX_USER_NAME, MAX_EMAIL = 100, 254


class People:
    """The record of people. Every method may raise Unavailable or StorageFull."""

    def __init__(self, database: Database, vault: Vault, codes: Codes) -> None:
        self._database = database
        self._vault = vault
        self._codes = codes

    async def get(self, person_id: str) -> Person:
        """One person. Raises PersonNotFound."""
        async with self._database.read() as tx:
            return await self._told(tx, await find_person(tx, person_id))

    async def update(
        self, person_id: str, *, user_name: str | None = None, email: str | None = None
    ) -> Person:
        """Changes what is given; empty takes it away. Raises PersonNotFound, InvalidInput."""
        async with self._database.write() as tx:
            row = await find_person(tx, person_id)
            await describe(tx, self._vault, person_id, user_name=user_name, email=email)
            return await self._told(tx, await find_person(tx, row.id))

    async def change_phone(self, person_id: str, phone: str, code: str, *, old_code: str) -> Person:
        """Another phone, which the code shows to be theirs; the old one's shows who asks.

        Raises PersonNotFound, InvalidInput, CodeInvalid, StateConflict when it is somebody's.
        """
        told = ((person_id, OLD_PHONE, old_code), (phone, NEW_PHONE, code))
        async with self._codes.all_confirmed(*told) as tx:
            await find_person(tx, person_id)
            values = {
                "phone_index": phone_index(self._vault, phone),
                "phone": await self._vault.seal(tx, person_id, phone, field=PHONE),
            }
            try:
                async with tx.savepoint():
                    await tx.execute(update(people).where(people.c.id == person_id).values(values))
            except IntegrityError as error:
                raise StateConflict("somebody signs in with this phone number already") from error
            return await self._told(tx, await find_person(tx, person_id))

    async def _told(self, tx: Transaction, row: Row[Any]) -> Person:
        texts = {
            field: await self._vault.unseal(tx, row.id, sealed, field=field) if sealed else ""
            for field, sealed in (
                (PHONE, row.phone),
                (USER_NAME, row.user_name),
                (EMAIL, row.email),
            )
        }
        return Person(
            id=row.id,
            created_at=row.created_at,
            memberships=await memberships_of(tx, row.id),
            **texts,
        )


async def find_person(tx: Transaction, person_id: str) -> Row[Any]:
    """A person's row. Raises PersonNotFound."""
    row = await tx.one_or_none(select(people).where(people.c.id == person_id))
    if row is None:
        raise PersonNotFound("no such person")
    return row


async def find_by_phone(tx: Transaction, vault: Vault, phone: str) -> str | None:
    """The id of the person whose phone it is. Raises InvalidInput."""
    its = people.c.phone_index == phone_index(vault, phone)
    row = await tx.one_or_none(select(people.c.id).where(its))
    return str(row.id) if row else None


async def record_person(tx: Transaction, vault: Vault, new: NewPerson) -> str:
    """The id of the person whose phone it is, who is recorded when there is none.

    Call it for a phone whose code was confirmed in this transaction. Raises InvalidInput.
    """
    person_id = await find_by_phone(tx, vault, new.phone)
    if person_id is None:
        person_id = new_id("us")
        values = {
            "id": person_id,
            "phone_index": phone_index(vault, new.phone),
            "phone": await vault.seal(tx, person_id, new.phone, field=PHONE),
            "created_at": await tx.now(),
        }
        await tx.execute(insert(people).values(values))
    await describe(tx, vault, person_id, user_name=new.user_name or None, email=new.email or None)
    return person_id


async def describe(
    tx: Transaction, vault: Vault, person_id: str, *, user_name: str | None, email: str | None
) -> None:
    """Changes what is given; empty takes it away. Raises InvalidInput."""
    values: dict[str, Any] = {}
    for field, text, most in ((USER_NAME, user_name, MAX_USER_NAME), (EMAIL, email, MAX_EMAIL)):
        if text is None:
            continue
        if len(text) > most:
            raise InvalidInput(f"{field} has at most {most} characters")
        values[field] = await vault.seal(tx, person_id, text, field=field) if text else None
    if email is not None:
        index = vault.blind_index(email.casefold(), field=EMAIL) if email else None
        values["email_index"] = index
    if values:
        await tx.execute(update(people).where(people.c.id == person_id).values(values))


async def memberships_of(tx: Transaction, person_id: str) -> tuple[Membership, ...]:
    """The accounts that a person acts for, oldest first."""
    query = (
        select(members.c.account_id, accounts.c.name, members.c.role)
        .join(accounts, accounts.c.id == members.c.account_id)
        .where(members.c.person_id == person_id)
        .order_by(members.c.joined_at, members.c.account_id)
    )
    return tuple(Membership(row.account_id, row.name, row.role) for row in await tx.all(query))


async def erase_if_alone(tx: Transaction, vault: Vault, person_id: str) -> bool:
    """Erases a person who acts for no account any more; whether it did."""
    theirs = select(func.count()).select_from(members).where(members.c.person_id == person_id)
    if (await tx.one(theirs))[0]:
        return False
    await tx.execute(delete(sessions).where(sessions.c.person_id == person_id))
    await tx.execute(delete(people).where(people.c.id == person_id))
    await vault.shred(tx, person_id)
    return True
