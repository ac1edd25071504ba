"""`/v1/account/deregistration`: the end of an account."""

from __future__ import annotations

import base64
import json
from datetime import datetime
from typing import Self

from pydantic import Field
from starlette.requests import Request as HttpRequest

from services.common.errors import (
    CodeInvalid,
    Forbidden,
    NotFound,
    PayloadTooLarge,
    StateConflict,
    Unauthenticated,
    UnsupportedMedia,
)
from services.gateway.http.bodies import Request
from services.gateway.http.context import AccountId, InCaller, InGateway
from services.gateway.http.door import secret_of
from services.gateway.http.fields import Code, Note
from services.gateway.http.open_route import open_problems, open_router
from services.gateway.http.problem import problems
from services.gateway.http.route import api_router, stays_open
from services.gateway.http.views import View
from services.gateway.identity import Deregistration

router = api_router("account")
receipt_router = open_router("account")


class DeregistrationRequest(Request):
    """The end that is asked for."""

    code: Code
    """For the purpose `deregistration`, sent to your phone."""
    reason: Note = ""


class DeregistrationView(View):
    """The end of the account."""

    id: str = Field(examples=["dg_01JAZ5W7Q2M8N4P6R8T0V2X4Z6"])
    requested_by: str
    """A person."""
    requested_at: datetime
    erases_at: datetime
    """When all is erased; until then it can be taken back."""

    @classmethod
    def of(cls, end: Deregistration) -> Self:
        """As storage keeps it."""
        return cls(
            id=end.id,
            requested_by=end.requested_by,
            requested_at=end.requested_at,
            erases_at=end.erases_at,
        )


class NewDeregistrationView(DeregistrationView):
    """The end of the account has begun."""

    receipt: str
    """`vr_…`, told only here: fetches the certificate when nobody can sign in any more."""


class AccountCertificateView(View):
    """Proof of an account's erasure."""

    statement: str
    """What is certified, as JSON: the account's id, rows by table, and every object."""
    signature: str
    """Ed25519 (RFC 8032) over the statement's UTF-8 bytes; base64."""
    public_key: str
    """Of the operator who signed; base64."""
    erased: dict[str, object]
    """The same statement, to read."""


@router.post(
    "/account/deregistration",
    status_code=202,
    responses=problems(CodeInvalid, StateConflict, PayloadTooLarge, UnsupportedMedia),
    openapi_extra=stays_open(),
)
async def request_deregistration(
    body: DeregistrationRequest, gateway: InGateway, caller: InCaller
) -> NewDeregistrationView:
    """End the account: all of it is erased when the time to take it back is over.

    An owner alone can, signed in. From now on nothing new is made, and live streams end; reading,
    exporting, cancelling and deleting go on.
    """
    if caller.role is None:
        raise Forbidden("sign in: an API key is nobody")
    end, receipt = await gateway.accounts.deregister(
        caller.account_id, caller.actor_id, body.code, reason=body.reason
    )
    gateway.door.forget_account(caller.account_id)
    return NewDeregistrationView(**DeregistrationView.of(end).model_dump(), receipt=receipt)


@router.get("/account/deregistration", responses=problems(NotFound))
async def get_deregistration(gateway: InGateway, account_id: AccountId) -> DeregistrationView:
    """Look at an end that has begun."""
    return DeregistrationView.of(await gateway.accounts.deregistration(account_id))


@router.delete(
    "/account/deregistration",
    status_code=204,
    responses=problems(NotFound, StateConflict),
)
async def cancel_deregistration(gateway: InGateway, account_id: AccountId) -> None:
    """Take it back while there is time; everything goes on, but the streams that have ended."""
    await gateway.accounts.cancel_deregistration(account_id)
    gateway.door.forget_account(account_id)


@receipt_router.get(
    "/account/certificate",
    responses=open_problems(Unauthenticated, NotFound, StateConflict),
)
async def get_account_certificate(
    request: HttpRequest, gateway: InGateway
) -> AccountCertificateView:
    """Fetch the signed proof that an account was erased: `Authorization: Bearer vr_…`, the receipt.

    503 with `Retry-After` until the last file is gone.
    """
    receipt = secret_of(request.headers.get("authorization"))
    made = await gateway.accounts.certify_erasure(receipt)
    return AccountCertificateView(
        statement=made.statement.decode(),
        signature=base64.b64encode(made.signature).decode(),
        public_key=base64.b64encode(made.public_key).decode(),
        erased=json.loads(made.statement),
    )
