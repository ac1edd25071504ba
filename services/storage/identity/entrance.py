"""Sign-up and sign-in: a phone that a code shows to be somebody's becomes a session."""

from __future__ import annotations

from dataclasses import dataclass

from services.common.errors import AccountNotFound, InvalidInput
from services.storage.catalog.database import Transaction
from services.storage.identity.accounts import record_account
from services.storage.identity.codes import SIGN_IN, SIGN_UP, Codes, phone_index
from services.storage.identity.holders import record_age
from services.storage.identity.members import accept, invited_to, join
from services.storage.identity.people import find_by_phone, memberships_of, record_person
from services.storage.identity.records import AccountKind, NewPerson, Role, Session
from services.storage.identity.sessions import Sessions
from services.storage.protection.vault import Vault


@dataclass(frozen=True, slots=True)
class Entrance:
    """Lets people in.

    Every method may raise CodeInvalid, InvalidInput, Unavailable or StorageFull.
    """

    codes: Codes
    sessions: Sessions
    vault: Vault

    async def sign_up(
        self,
        new: NewPerson,
        code: str,
        *,
        kind: AccountKind,
        name: str,
        birth_year: int | None = None,
    ) -> tuple[Session, str]:
        """A new account with its owner, who may have others already; and a session for it.

        The birth year is the holder's of a personal account, and kept only of a minor.
        """
        async with self.codes.confirmed(new.phone, SIGN_UP, code) as tx:
            person_id = await record_person(tx, self.vault, new)
            account = await record_account(tx, name, kind)
            await join(tx, account.id, person_id, Role.OWNER)
            if birth_year is not None:
                await record_age(tx, account.id, kind, birth_year, told_by=person_id)
            return await self.sessions.open(tx, person_id, account.id)

    async def sign_in(self, phone: str, code: str, *, account_id: str) -> tuple[Session, str]:
        """A session for an account that the person acts for, or, with that, begins to.

        `account_id` may be empty when there is one only. Raises AccountNotFound.
        """
        async with self.codes.confirmed(phone, SIGN_IN, code) as tx:
            chosen = await self._chosen(tx, phone, account_id)
            person_id = await record_person(tx, self.vault, NewPerson(phone))
            await accept(tx, phone_index(self.vault, phone), chosen, person_id)
            return await self.sessions.open(tx, person_id, chosen)

    async def _chosen(self, tx: Transaction, phone: str, account_id: str) -> str:
        person_id = await find_by_phone(tx, self.vault, phone)
        of_person = await memberships_of(tx, person_id) if person_id else ()
        mine = [membership.account_id for membership in of_person]
        mine += await invited_to(tx, phone_index(self.vault, phone))
        if account_id and account_id in mine:
            return account_id
        if account_id or not mine:
            raise AccountNotFound("no account that this phone number signs in to; sign up first")
        if len(mine) > 1:
            raise InvalidInput(f"name an account_id: one of {', '.join(mine)}")
        return mine[0]
