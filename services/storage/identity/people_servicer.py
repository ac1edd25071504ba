"""The wire of PeopleService: messages in, records out."""

from __future__ import annotations

from typing import Any

import grpc
from vultus.storage.v1 import people_service_pb2 as wire
from vultus.storage.v1.people_service_pb2_grpc import PeopleServiceServicer

from services.storage.identity import messages
from services.storage.identity.entrance import Entrance
from services.storage.identity.members import Members
from services.storage.identity.people import People
from services.storage.identity.records import NewPerson

Context = grpc.aio.ServicerContext[Any, Any]


class PeopleServicer(PeopleServiceServicer):
    """Serves PeopleService; every method is described in the proto."""

    def __init__(self, entrance: Entrance, people: People, members: Members) -> None:
        self._entrance = entrance
        self._people = people
        self._members = members

    async def MakeCode(
        self, request: wire.MakeCodeRequest, context: Context
    ) -> wire.MakeCodeResponse:
        """See the proto."""
        code = await self._entrance.codes.make(request.phone, request.purpose)
        return wire.MakeCodeResponse(code=code)

    async def SignUp(self, request: wire.SignUpRequest, context: Context) -> wire.SignUpResponse:
        """See the proto."""
        session, token = await self._entrance.sign_up(
            NewPerson(request.phone, request.user_name, request.email),
            request.code,
            kind=messages.account_kind(request.kind),
            name=request.name,
            birth_year=messages.birth_year(request),
        )
        return wire.SignUpResponse(session=messages.session_to_wire(session), token=token)

    async def SignIn(self, request: wire.SignInRequest, context: Context) -> wire.SignInResponse:
        """See the proto."""
        session, token = await self._entrance.sign_in(
            request.phone, request.code, account_id=request.account_id
        )
        return wire.SignInResponse(session=messages.session_to_wire(session), token=token)

    async def ListSessions(
        self, request: wire.ListSessionsRequest, context: Context
    ) -> wire.ListSessionsResponse:
        """See the proto."""
        sessions = await self._entrance.sessions.list(request.person_id)
        return wire.ListSessionsResponse(sessions=map(messages.session_to_wire, sessions))

    async def EndSession(
        self, request: wire.EndSessionRequest, context: Context
    ) -> wire.EndSessionResponse:
        """See the proto."""
        await self._entrance.sessions.end(request.person_id, request.session_id)
        return wire.EndSessionResponse()

    async def EndSessions(
        self, request: wire.EndSessionsRequest, context: Context
    ) -> wire.EndSessionsResponse:
        """See the proto."""
        await self._entrance.sessions.end_all(request.person_id, but=request.but_session_id)
        return wire.EndSessionsResponse()

    async def GetPerson(
        self, request: wire.GetPersonRequest, context: Context
    ) -> wire.GetPersonResponse:
        """See the proto."""
        person = await self._people.get(request.person_id)
        return wire.GetPersonResponse(person=messages.person_to_wire(person))

    async def UpdatePerson(
        self, request: wire.UpdatePersonRequest, context: Context
    ) -> wire.UpdatePersonResponse:
        """See the proto."""
        person = await self._people.update(
            request.person_id,
            user_name=request.user_name if request.HasField("user_name") else None,
            email=request.email if request.HasField("email") else None,
        )
        return wire.UpdatePersonResponse(person=messages.person_to_wire(person))

    async def ChangePhone(
        self, request: wire.ChangePhoneRequest, context: Context
    ) -> wire.ChangePhoneResponse:
        """See the proto."""
        person = await self._people.change_phone(
            request.person_id, request.phone, request.code, old_code=request.old_code
        )
        return wire.ChangePhoneResponse(person=messages.person_to_wire(person))

    async def ListMembers(
        self, request: wire.ListMembersRequest, context: Context
    ) -> wire.ListMembersResponse:
        """See the proto."""
        members = await self._members.list(request.account_id)
        return wire.ListMembersResponse(members=map(messages.member_to_wire, members))

    async def InviteMember(
        self, request: wire.InviteMemberRequest, context: Context
    ) -> wire.InviteMemberResponse:
        """See the proto."""
        member = await self._members.invite(
            request.account_id,
            request.phone,
            messages.role(request.role),
            invited_by=request.invited_by,
        )
        return wire.InviteMemberResponse(member=messages.member_to_wire(member))

    async def ChangeMember(
        self, request: wire.ChangeMemberRequest, context: Context
    ) -> wire.ChangeMemberResponse:
        """See the proto."""
        member = await self._members.change(
            request.account_id, request.member_id, messages.role(request.role)
        )
        return wire.ChangeMemberResponse(member=messages.member_to_wire(member))

    async def RemoveMember(
        self, request: wire.RemoveMemberRequest, context: Context
    ) -> wire.RemoveMemberResponse:
        """See the proto."""
        await self._members.remove(request.account_id, request.member_id)
        return wire.RemoveMemberResponse()
