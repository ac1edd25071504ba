"""`/v1/me`: the person who is signed in."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from pydantic import Field

from services.common.errors import (
    CodeInvalid,
    PayloadTooLarge,
    StateConflict,
    UnsupportedMedia,
)
from services.gateway.http.bodies import Request
from services.gateway.http.context import InCaller, InGateway
from services.gateway.http.entrance import phone_of
from services.gateway.http.fields import Code, Email, PhoneText, UserName
from services.gateway.http.person_route import person_router
from services.gateway.http.problem import problems
from services.gateway.http.route import stays_open
from services.gateway.http.views import View
from services.gateway.identity import Person
from services.gateway.permissions import Caller, Role, Scope

router = person_router("account")


class PersonRequest(Request):
    """What you tell of yourself; null takes it away, left out it stays as it is."""

    user_name: UserName | None = None
    email: Email | None = None


class PhoneRequest(Request):
    """Another phone."""

    phone: PhoneText
    """The new one."""
    code: Code
    """Sent there, for the purpose `new_phone`."""
    old_code: Code
    """Sent to your present phone, for the purpose `old_phone`: a stolen session changes nothing."""


class MembershipView(View):
    """An account that you act for."""

    account_id: str
    account_name: str
    role: Role


class PersonView(View):
    """The person who is signed in."""

    id: str = Field(examples=["us_01JAZ5W7Q2M8N4P6R8T0V2X4Z6"])
    phone: str = Field(examples=["+8613800138000"])
    user_name: str | None
    email: str | None
    """As you told it: nobody has checked it."""
    account_id: str
    """The account that this session acts for."""
    role: Role | None
    """What you are in it."""
    scopes: list[Scope]
    """What you may do there."""
    memberships: list[MembershipView]
    """All accounts that you act for, oldest first."""
    created_at: datetime

    @classmethod
    def of(cls, person: Person, caller: Caller) -> Self:
        """As storage keeps it."""
        memberships = [
            MembershipView(
                account_id=each.account_id, account_name=each.account_name, role=each.role
            )
            for each in person.memberships
        ]
        return cls(
            id=person.id,
            phone=person.phone,
            user_name=person.user_name or None,
            email=person.email or None,
            account_id=caller.account_id,
            role=caller.role,
            scopes=sorted(caller.scopes),
            memberships=memberships,
            created_at=person.created_at,
        )


@router.get("/me", responses=problems())
async def get_me(gateway: InGateway, caller: InCaller) -> PersonView:
    """Look at who you are here, and what you may do."""
    return PersonView.of(await gateway.people.person(caller.actor_id), caller)


@router.patch(
    "/me", responses=problems(PayloadTooLarge, UnsupportedMedia), openapi_extra=stays_open()
)
async def update_me(body: PersonRequest, gateway: InGateway, caller: InCaller) -> PersonView:
    """Tell your name or your e-mail address anew."""
    given = {name: getattr(body, name) or "" for name in body.model_fields_set}
    person = await gateway.people.update_person(caller.actor_id, **given)
    return PersonView.of(person, caller)


@router.post(
    "/me/phone",
    responses=problems(CodeInvalid, StateConflict, PayloadTooLarge, UnsupportedMedia),
    openapi_extra=stays_open(),
)
async def change_phone(body: PhoneRequest, gateway: InGateway, caller: InCaller) -> PersonView:
    """Sign in by another phone from now on; you are signed out everywhere else."""
    phone = phone_of(gateway, body.phone)
    person = await gateway.people.change_phone(
        caller.actor_id, phone, body.code, old_code=body.old_code
    )
    await gateway.people.end_sessions(caller.actor_id, but=caller.session_id)
    gateway.door.forget(caller.actor_id)
    return PersonView.of(person, caller)


@router.delete("/me/membership", status_code=204, responses=problems(StateConflict))
async def leave_account(gateway: InGateway, caller: InCaller) -> None:
    """Act for this account no more; the last owner can't leave.

    Whoever acts for no account any more is forgotten.
    """
    await gateway.people.remove_member(caller.account_id, caller.actor_id)
    gateway.door.forget(caller.actor_id)
