"""People, over gRPC."""

from __future__ import annotations

from collections.abc import Sequence

import grpc
from vultus.storage.v1 import people_service_pb2 as wire
from vultus.storage.v1.people_service_pb2_grpc import PeopleServiceStub

from services.common.grpc_client import call_metadata, unary
from services.gateway.clients import messages
from services.gateway.clients.accounts import KINDS_TO_WIRE, ROLES, ROLES_TO_WIRE
from services.gateway.identity import (
    AccountKind,
    Member,
    Membership,
    NewPerson,
    Person,
    Session,
)
from services.gateway.permissions import Role

_QUICK_S = 10.0


class GrpcPeople:
    """People who act for accounts."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = PeopleServiceStub(channel)

    async def make_code(self, phone: str, purpose: str) -> str:
        """A one-time code for a phone."""
        request = wire.MakeCodeRequest(phone=phone, purpose=purpose)
        call = self._stub.MakeCode(request, timeout=_QUICK_S, metadata=call_metadata())
        return (await unary(call)).code

    async def sign_up(
        self,
        new: NewPerson,
        code: str,
        *,
        kind: AccountKind,
        name: str,
        birth_year: int | None = None,
    ) -> tuple[Session, str]:
        """A new account's owner has come in."""
        request = wire.SignUpRequest(
            phone=new.phone,
            code=code,
            kind=KINDS_TO_WIRE[kind],
            name=name,
            user_name=new.user_name,
            email=new.email,
            birth_year=birth_year,
        )
        call = self._stub.SignUp(request, timeout=_QUICK_S, metadata=call_metadata())
        made = await unary(call)
        return _session(made.session), made.token

    async def sign_in(self, phone: str, code: str, *, account_id: str = "") -> tuple[Session, str]:
        """A person has come in."""
        request = wire.SignInRequest(phone=phone, code=code, account_id=account_id)
        call = self._stub.SignIn(request, timeout=_QUICK_S, metadata=call_metadata())
        made = await unary(call)
        return _session(made.session), made.token

    async def sessions(self, person_id: str) -> Sequence[Session]:
        """A person's sessions that have not ended, newest first."""
        request = wire.ListSessionsRequest(person_id=person_id)
        call = self._stub.ListSessions(request, timeout=_QUICK_S, metadata=call_metadata())
        return [_session(session) for session in (await unary(call)).sessions]

    async def end_session(self, person_id: str, session_id: str) -> None:
        """Ends a session."""
        request = wire.EndSessionRequest(person_id=person_id, session_id=session_id)
        call = self._stub.EndSession(request, timeout=_QUICK_S, metadata=call_metadata())
        await unary(call)

    async def end_sessions(self, person_id: str, *, but: str = "") -> None:
        """Ends all sessions of a person, but one."""
        request = wire.EndSessionsRequest(person_id=person_id, but_session_id=but)
        call = self._stub.EndSessions(request, timeout=_QUICK_S, metadata=call_metadata())
        await unary(call)

    async def person(self, person_id: str) -> Person:
        """One person."""
        request = wire.GetPersonRequest(person_id=person_id)
        call = self._stub.GetPerson(request, timeout=_QUICK_S, metadata=call_metadata())
        return _person((await unary(call)).person)

    async def update_person(
        self, person_id: str, *, user_name: str | None = None, email: str | None = None
    ) -> Person:
        """Changes what is given."""
        request = wire.UpdatePersonRequest(person_id=person_id, user_name=user_name, email=email)
        call = self._stub.UpdatePerson(request, timeout=_QUICK_S, metadata=call_metadata())
        return _person((await unary(call)).person)

    async def change_phone(self, person_id: str, phone: str, code: str, *, old_code: str) -> Person:
        """Another phone."""
        request = wire.ChangePhoneRequest(
            person_id=person_id, phone=phone, code=code, old_code=old_code
        )
        call = self._stub.ChangePhone(request, timeout=_QUICK_S, metadata=call_metadata())
        return _person((await unary(call)).person)

    async def members(self, account_id: str) -> Sequence[Member]:
        """An account's members, then those who are invited."""
        request = wire.ListMembersRequest(account_id=account_id)
        call = self._stub.ListMembers(request, timeout=_QUICK_S, metadata=call_metadata())
        return [_member(member) for member in (await unary(call)).members]

    async def invite(self, account_id: str, phone: str, role: Role, *, invited_by: str) -> Member:
        """Lets whoever has the phone join."""
        request = wire.InviteMemberRequest(
            account_id=account_id, phone=phone, role=ROLES_TO_WIRE[role], invited_by=invited_by
        )
        call = self._stub.InviteMember(request, timeout=_QUICK_S, metadata=call_metadata())
        return _member((await unary(call)).member)

    async def change_member(self, account_id: str, member_id: str, role: Role) -> Member:
        """Another role."""
        request = wire.ChangeMemberRequest(
            account_id=account_id, member_id=member_id, role=ROLES_TO_WIRE[role]
        )
        call = self._stub.ChangeMember(request, timeout=_QUICK_S, metadata=call_metadata())
        return _member((await unary(call)).member)

    async def remove_member(self, account_id: str, member_id: str) -> None:
        """Ends a membership."""
        request = wire.RemoveMemberRequest(account_id=account_id, member_id=member_id)
        call = self._stub.RemoveMember(request, timeout=_QUICK_S, metadata=call_metadata())
        await unary(call)


def _session(message: wire.Session) -> Session:
    return Session(
        id=message.id,
        account_id=message.account_id,
        person_id=message.person_id,
        created_at=messages.moment(message.created_at),
        last_used_at=messages.moment(message.last_used_at),
        expires_at=messages.moment(message.expires_at),
    )


def _person(message: wire.Person) -> Person:
    memberships = tuple(
        Membership(each.account_id, each.account_name, ROLES[each.role])
        for each in message.memberships
    )
    return Person(
        id=message.id,
        phone=message.phone,
        user_name=message.user_name,
        email=message.email,
        created_at=messages.moment(message.created_at),
        memberships=memberships,
    )


def _member(message: wire.Member) -> Member:
    return Member(
        id=message.id,
        role=ROLES[message.role],
        phone=message.phone,
        user_name=message.user_name,
        invited=message.invited,
        since=messages.moment(message.since),
        expires_at=messages.optional_moment(message, "expires_at"),
    )
