"""`/v1/members`: who acts for the account, and as what."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field

from services.common.errors import (
    Forbidden,
    IdempotencyConflict,
    MemberNotFound,
    PayloadTooLarge,
    StateConflict,
    UnsupportedMedia,
)
from services.gateway.http.bodies import Request
from services.gateway.http.context import AccountId, Gateway, IdempotencyKey, InCaller, InGateway
from services.gateway.http.entrance import phone_of
from services.gateway.http.fields import PhoneText
from services.gateway.http.problem import problems
from services.gateway.http.route import api_router
from services.gateway.http.views import View
from services.gateway.identity import Member
from services.gateway.permissions import SCOPES_OF_ROLE, Caller, Role
from services.gateway.phones import masked

router = api_router("account", scope="members")

_Role = Annotated[Role, Field(strict=False)]


class InvitationRequest(Request):
    """Who is to act for the account."""

    phone: PhoneText
    role: _Role


class MemberRequest(Request):
    """What a member is to be."""

    role: _Role


class MemberView(View):
    """Somebody who acts for the account, or is invited to."""

    id: str = Field(examples=["us_01JAZ5W7Q2M8N4P6R8T0V2X4Z6"])
    """`us_…`, or `in_…` of somebody who is invited."""
    status: Literal["active", "invited"]
    role: Role
    phone: str = Field(examples=["+86 138****8000"])
    """Masked."""
    user_name: str | None
    since: datetime
    expires_at: datetime | None
    """When an invitation ends."""

    @classmethod
    def of(cls, member: Member) -> Self:
        """As storage keeps it."""
        return cls(
            id=member.id,
            status="invited" if member.invited else "active",
            role=member.role,
            phone=masked(member.phone),
            user_name=member.user_name or None,
            since=member.since,
            expires_at=member.expires_at,
        )


class MemberList(View):
    """Members, oldest first, then those who are invited."""

    items: list[MemberView]


@router.get("/members", responses=problems())
async def list_members(gateway: InGateway, account_id: AccountId) -> MemberList:
    """List who acts for the account, and who is invited."""
    members = await gateway.people.members(account_id)
    return MemberList(items=[MemberView.of(member) for member in members])


@router.post(
    "/members",
    status_code=201,
    responses=problems(StateConflict, IdempotencyConflict, PayloadTooLarge, UnsupportedMedia),
)
async def invite_member(
    body: InvitationRequest, gateway: InGateway, caller: InCaller, _: IdempotencyKey = None
) -> MemberView:
    """Invite whoever has a phone: within seven days they join by signing in to this account.

    Nobody is told: tell them the account's id. Nobody makes others more than they are themselves.
    """
    phone = phone_of(gateway, body.phone)
    _require_power(caller, body.role)
    member = await gateway.people.invite(
        caller.account_id, phone, body.role, invited_by=caller.actor_id
    )
    return MemberView.of(member)


@router.patch(
    "/members/{member_id}",
    responses=problems(MemberNotFound, StateConflict, PayloadTooLarge, UnsupportedMedia),
)
async def change_member(
    member_id: str, body: MemberRequest, gateway: InGateway, caller: InCaller
) -> MemberView:
    """Give a member, or somebody who is invited, another role; there is always an owner.

    Other gateway processes may go by the old role for some seconds more.
    """
    _require_power(caller, body.role, await _role_of(gateway, caller, member_id))
    member = await gateway.people.change_member(caller.account_id, member_id, body.role)
    gateway.door.forget(member_id)
    return MemberView.of(member)


@router.delete(
    "/members/{member_id}", status_code=204, responses=problems(MemberNotFound, StateConflict)
)
async def remove_member(member_id: str, gateway: InGateway, caller: InCaller) -> None:
    """End a membership with its sessions, or an invitation; there is always an owner.

    Keys that the member made stay: revoke them, too. Whoever acts for no account any more is
    forgotten.
    """
    _require_power(caller, await _role_of(gateway, caller, member_id))
    await gateway.people.remove_member(caller.account_id, member_id)
    gateway.door.forget(member_id)


async def _role_of(gateway: Gateway, caller: Caller, member_id: str) -> Role:
    for member in await gateway.people.members(caller.account_id):
        if member.id == member_id:
            return member.role
    raise MemberNotFound("no such member")


def _require_power(caller: Caller, *roles: Role) -> None:
    """Raises Forbidden for roles that may do what the caller may not."""
    for role in roles:
        if not caller.covers(SCOPES_OF_ROLE[role]):
            raise Forbidden(f"the role {role} may do what you may not do yourself")
