"""`/v1/codes`, `/v1/accounts`, `POST /v1/sessions`: how people come in; open to everybody."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Self

from pydantic import Field

from services.common.errors import (
    AccountNotFound,
    CodeInvalid,
    PayloadTooLarge,
    UnsupportedMedia,
)
from services.gateway.code_sender import CodeMessage
from services.gateway.http.bodies import Request
from services.gateway.http.context import Gateway, InGateway
from services.gateway.http.fields import Code, Email, Id, Name, PhoneText, UserName
from services.gateway.http.open_route import open_problems, open_router
from services.gateway.http.problem import FieldError, InvalidFields
from services.gateway.http.route import stays_open
from services.gateway.http.views import View
from services.gateway.identity import AccountKind, NewPerson, Session
from services.gateway.phones import e164

router = open_router("account")

Purpose = Literal[
    "sign_up", "sign_in", "old_phone", "new_phone", "deregistration", "privacy_request"
]


class CodeRequest(Request):
    """A code for whom and what."""

    phone: PhoneText
    purpose: Purpose
    """What it will be told for: `old_phone` and `new_phone` for `POST /v1/me/phone`."""
    language: Literal["en", "zh"] = "en"
    """Of the message."""


class CodeView(View):
    """A code is on its way, unless the phone can't get it."""

    phone: str = Field(examples=["+8613800138000"])
    """As it is understood."""
    expires_in_s: int


class SignUpRequest(Request):
    """A new account."""

    phone: PhoneText
    code: Code
    """For the purpose `sign_up`."""
    kind: Literal["personal", "enterprise"]
    name: Name = Field(examples=["Analytical Engines Ltd"])
    """The account's, for people."""
    user_name: UserName | None = None
    """As you want to be called."""
    email: Email | None = None
    """Where you can be reached, too; nobody checks it."""
    birth_year: int | None = Field(default=None, ge=1900, le=2200, examples=[2010])
    """Yours, for a personal account: one of the last eighteen makes you a minor, who needs a
    guardian's consent (`PUT /v1/account/guardian`); any other is not kept."""


class SignInRequest(Request):
    """Somebody comes."""

    phone: PhoneText
    code: Code
    """For the purpose `sign_in`."""
    account_id: Id | None = None
    """Needed when you act for several accounts, or are invited to another."""


class NewSessionView(View):
    """You are in."""

    id: str = Field(examples=["ss_01JAZ5W7Q2M8N4P6R8T0V2X4Z6"])
    account_id: str
    """The account that you act for."""
    person_id: str
    """You."""
    token: str
    """`vs_…`: send it as `Authorization: Bearer vs_…`; told only here."""
    created_at: datetime
    expires_at: datetime
    """When it ends, however much it is used; it ends earlier when it is not used."""

    @classmethod
    def of(cls, session: Session, token: str) -> Self:
        """As storage keeps it."""
        return cls(
            id=session.id,
            account_id=session.account_id,
            person_id=session.person_id,
            token=token,
            created_at=session.created_at,
            expires_at=session.expires_at,
        )


@router.post(
    "/codes",
    status_code=202,
    responses=open_problems(PayloadTooLarge, UnsupportedMedia),
    openapi_extra=stays_open(),
)
async def request_code(body: CodeRequest, gateway: InGateway) -> CodeView:
    """Have a one-time code sent to a phone: six digits, good for five minutes and five tries.

    A phone gets one code a minute and five an hour. The answer is the same whether or not anybody
    is known by that phone.
    """
    phone = phone_of(gateway, body.phone)
    code = await gateway.people.make_code(phone, body.purpose)
    await gateway.code_sender.send(CodeMessage(phone, code, body.purpose, body.language))
    return CodeView(phone=phone, expires_in_s=300)


@router.post(
    "/accounts",
    status_code=201,
    responses=open_problems(CodeInvalid, PayloadTooLarge, UnsupportedMedia),
)
async def sign_up(body: SignUpRequest, gateway: InGateway) -> NewSessionView:
    """Make an account and be its owner; you are signed in at once.

    Whoever has accounts already makes another one with the same phone.
    """
    new = NewPerson(phone_of(gateway, body.phone), body.user_name or "", body.email or "")
    session, token = await gateway.people.sign_up(
        new,
        body.code,
        kind=AccountKind(body.kind),
        name=body.name,
        birth_year=body.birth_year,
    )
    return NewSessionView.of(session, token)


@router.post(
    "/sessions",
    status_code=201,
    responses=open_problems(CodeInvalid, AccountNotFound, PayloadTooLarge, UnsupportedMedia),
    openapi_extra=stays_open(),
)
async def sign_in(body: SignInRequest, gateway: InGateway) -> NewSessionView:
    """Sign in; to an account that has invited your phone you belong from then on."""
    session, token = await gateway.people.sign_in(
        phone_of(gateway, body.phone), body.code, account_id=body.account_id or ""
    )
    return NewSessionView.of(session, token)


def phone_of(gateway: Gateway, text: str, field: str = "phone") -> str:
    """A number as it is kept. Raises InvalidFields."""
    try:
        return e164(text, gateway.settings.phone_region)
    except ValueError as error:
        raise InvalidFields([FieldError(location=f"body.{field}", message=str(error))]) from error
