"""People in memory, with the rules of the real ones, and what was sent to their phones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from services.common.errors import (
    AccountNotFound,
    CodeInvalid,
    InvalidInput,
    MemberNotFound,
    Overloaded,
    PersonNotFound,
    SessionNotFound,
    StateConflict,
)
from services.common.ids import new_id
from services.gateway.code_sender import CodeMessage
from services.gateway.identity import (
    AccountKind,
    Member,
    Membership,
    NewPerson,
    Person,
    Session,
)
from services.gateway.permissions import SCOPES_OF_ROLE, Caller, Role
from tests.fakes.accounts import FakeAccounts

_IDLE, _INVITED_FOR, _CODE_IS_GOOD_FOR = (
    timedelta(hours=12),
    timedelta(days=7),
    timedelta(minutes=5),
)


@dataclass
class FakeCodeSender:
    """Keeps what was sent."""

    sent: list[CodeMessage] = field(default_factory=list)

    async def send(self, message: CodeMessage) -> None:
        self.sent.append(message)


@dataclass
class _Code:
    purpose: str
    code: str
    made_at: datetime
    tries: int = 0
    used: bool = False


@dataclass
class FakePeople:
    """People, sessions and members of all accounts."""

    accounts: FakeAccounts
    now: Callable[[], datetime]
    people: dict[str, Person] = field(default_factory=dict)
    of_account: dict[str, list[Member]] = field(default_factory=dict)
    """Members and those who are invited, whose phones are whole."""
    open_sessions: dict[str, Session] = field(default_factory=dict)
    """By token."""
    codes: dict[str, list[_Code]] = field(default_factory=dict)
    """By phone, oldest first."""

    def __post_init__(self) -> None:
        self.accounts.bearers.append(self._bearer)
        self.accounts.confirm = lambda person_id, purpose, code: self._confirm(
            self.people[person_id].phone, purpose, code
        )

    def add(self, account_id: str, role: Role, phone: str = "+8613800138000") -> tuple[str, str]:
        """A member of an account, signed in: the person's id and the token."""
        person_id = self._recorded(NewPerson(phone))
        self._join(account_id, person_id, role)
        return person_id, self._open(person_id, account_id)[1]

    async def make_code(self, phone: str, purpose: str) -> str:
        now, had = self.now(), self.codes.setdefault(phone, [])
        recent = [each.made_at for each in had if each.made_at > now - timedelta(hours=1)]
        if len(recent) >= 5 or (recent and recent[-1] > now - timedelta(minutes=1)):
            raise Overloaded("this phone number has had enough codes for now", retry_after_s=60)
        had.append(_Code(purpose, f"{len(had) + 123456}", now))
        return had[-1].code

    async def sign_up(
        self,
        new: NewPerson,
        code: str,
        *,
        kind: AccountKind,
        name: str,
        birth_year: int | None = None,
    ) -> tuple[Session, str]:
        self._confirm(new.phone, "sign_up", code)
        account, _ = self.accounts.add(name)
        self.accounts.accounts[account.id] = replace(account, kind=kind)
        person_id = self._recorded(new)
        self._join(account.id, person_id, Role.OWNER)
        if birth_year is not None:
            self.accounts.record_age(account.id, birth_year, told_by=person_id)
        return self._open(person_id, account.id)

    async def sign_in(self, phone: str, code: str, *, account_id: str = "") -> tuple[Session, str]:
        confirmed = self._confirm(phone, "sign_in", code, use=False)
        mine = {
            of: each for of in self.of_account for each in self._good(of) if each.phone == phone
        }
        if not mine or (account_id and account_id not in mine):
            raise AccountNotFound("no account that this phone number signs in to; sign up first")
        if not account_id and len(mine) > 1:
            raise InvalidInput(f"name an account_id: one of {', '.join(mine)}")
        confirmed.used = True
        chosen = account_id or next(iter(mine))
        person_id = self._recorded(NewPerson(phone))
        if mine[chosen].invited:
            self.of_account[chosen].remove(mine[chosen])
            self._join(chosen, person_id, mine[chosen].role)
        return self._open(person_id, chosen)

    async def sessions(self, person_id: str) -> Sequence[Session]:
        mine = [each for each in self._good_sessions().values() if each.person_id == person_id]
        return sorted(mine, key=lambda session: session.id)[::-1]

    async def end_session(self, person_id: str, session_id: str) -> None:
        for token, session in self._good_sessions().items():
            if (session.person_id, session.id) == (person_id, session_id):
                del self.open_sessions[token]
                return
        raise SessionNotFound("no such session")

    async def end_sessions(self, person_id: str, *, but: str = "") -> None:
        self._end(lambda session: session.person_id == person_id and session.id != but)

    async def person(self, person_id: str) -> Person:
        if person_id not in self.people:
            raise PersonNotFound("no such person")
        memberships = tuple(
            Membership(of, self.accounts.accounts[of].name, each.role)
            for of, members in self.of_account.items()
            for each in members
            if each.id == person_id
        )
        return replace(self.people[person_id], memberships=memberships)

    async def update_person(
        self, person_id: str, *, user_name: str | None = None, email: str | None = None
    ) -> Person:
        told = await self.person(person_id)
        self.people[person_id] = replace(
            told,
            user_name=told.user_name if user_name is None else user_name,
            email=told.email if email is None else email,
        )
        return await self.person(person_id)

    async def change_phone(self, person_id: str, phone: str, code: str, *, old_code: str) -> Person:
        present = self.people[person_id].phone
        shown = self._confirm(present, "old_phone", old_code, use=False)
        confirmed = self._confirm(phone, "new_phone", code, use=False)
        if any(each.phone == phone for each in self.people.values()):
            raise StateConflict("somebody signs in with this phone number already")
        shown.used = confirmed.used = True
        self.people[person_id] = replace(self.people[person_id], phone=phone)
        for members in self.of_account.values():
            members[:] = [
                replace(each, phone=phone) if each.id == person_id else each for each in members
            ]
        return await self.person(person_id)

    async def members(self, account_id: str) -> Sequence[Member]:
        return sorted(self._good(account_id), key=lambda each: (each.invited, each.since))

    async def invite(self, account_id: str, phone: str, role: Role, *, invited_by: str) -> Member:
        account = await self.accounts.account(account_id)
        if account.kind is AccountKind.PERSONAL:
            raise StateConflict("a personal account has one member")
        others = [
            each for each in self._good(account_id) if each.phone != phone or not each.invited
        ]
        if any(each.phone == phone for each in others):
            raise StateConflict("whoever has this phone number is a member already")
        until = self.now() + _INVITED_FOR
        invited = Member(new_id("in"), role, phone, "", True, self.now(), until)
        self.of_account[account_id] = [*others, invited]
        return invited

    async def change_member(self, account_id: str, member_id: str, role: Role) -> Member:
        member = self._find(account_id, member_id)
        changed = replace(member, role=role)
        self._replace(account_id, member, changed)
        return changed

    async def remove_member(self, account_id: str, member_id: str) -> None:
        self._replace(account_id, self._find(account_id, member_id), None)
        self._end(lambda each: (each.account_id, each.person_id) == (account_id, member_id))
        if not any(each.id == member_id for all_ in self.of_account.values() for each in all_):
            self.people.pop(member_id, None)

    def _confirm(self, phone: str, purpose: str, code: str, *, use: bool = True) -> _Code:
        of_purpose = [each for each in self.codes.get(phone, ()) if each.purpose == purpose]
        newest = of_purpose[-1] if of_purpose else None
        if newest is None or newest.used or newest.made_at <= self.now() - _CODE_IS_GOOD_FOR:
            raise CodeInvalid("the code is wrong, too old, or was used")
        newest.tries += 1
        if newest.tries > 5 or newest.code != code:
            raise CodeInvalid("the code is wrong, too old, or was used")
        newest.used = use
        return newest

    def _recorded(self, new: NewPerson) -> str:
        known = next((each for each in self.people.values() if each.phone == new.phone), None)
        person = known or Person(new_id("us"), new.phone, "", "", self.now(), ())
        self.people[person.id] = replace(
            person,
            user_name=new.user_name or person.user_name,
            email=new.email or person.email,
        )
        return person.id

    def _join(self, account_id: str, person_id: str, role: Role) -> None:
        person = self.people[person_id]
        member = Member(person_id, role, person.phone, person.user_name, False, self.now(), None)
        self.of_account.setdefault(account_id, []).append(member)

    def _open(self, person_id: str, account_id: str) -> tuple[Session, str]:
        now, token = self.now(), f"vs_{new_id('zz')}"
        session = Session(new_id("ss"), account_id, person_id, now, now, now + timedelta(days=7))
        self.open_sessions[token] = session
        return session, token

    def _bearer(self, secret: str) -> Caller | None:
        session = self._good_sessions().get(secret)
        if session is None:
            return None
        role = self._find(session.account_id, session.person_id).role
        self.open_sessions[secret] = replace(session, last_used_at=self.now())
        until = min(session.expires_at, self.now() + _IDLE)
        return Caller(
            session.account_id,
            session.person_id,
            SCOPES_OF_ROLE[role],
            role,
            until,
            session.id,
            self.accounts.is_closing(session.account_id),
        )

    def _good_sessions(self) -> dict[str, Session]:
        now = self.now()
        return {
            token: each
            for token, each in self.open_sessions.items()
            if each.expires_at > now and each.last_used_at > now - _IDLE
        }

    def _end(self, ended: Callable[[Session], bool]) -> None:
        self.open_sessions = {
            token: each for token, each in self.open_sessions.items() if not ended(each)
        }

    def _good(self, account_id: str) -> list[Member]:
        those = self.of_account.get(account_id, ())
        return [each for each in those if not each.expires_at or each.expires_at > self.now()]

    def _find(self, account_id: str, member_id: str) -> Member:
        for member in self.of_account.get(account_id, ()):
            if member.id == member_id:
                return member
        raise MemberNotFound("no such member")

    def _replace(self, account_id: str, member: Member, other: Member | None) -> None:
        rest = [other if each is member else each for each in self.of_account[account_id]]
        left = [each for each in rest if each is not None]
        if not any(each.role is Role.OWNER and not each.invited for each in left):
            raise StateConflict("an account has at least one owner")
        self.of_account[account_id] = left
