"""`/v1/audit`: who did what in the account."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self

from fastapi import Query
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime, Field

from services.gateway.audit import records
from services.gateway.http.context import AccountId, Cursor, InGateway, Limit
from services.gateway.http.problem import problems
from services.gateway.http.route import api_router, needs
from services.gateway.http.views import Page, View, page_of
from services.gateway.permissions import Scope

router = api_router("audit")

_NDJSON = "application/x-ndjson"
_MAX_WORD = 240
Word = Annotated[str, Query(max_length=_MAX_WORD)]
ActorKind = Literal["key", "person", "token", "operator", "system"]


class AuditEntryView(View):
    """Who did what."""

    seq: int
    """Its number in the account's chain."""
    at: datetime
    """When it was noted."""
    actor: str = Field(examples=["key_01JAZ5W7Q2M8N4P6R8T0V2X4Z6"])
    actor_kind: ActorKind
    """An API key, a person, a stream whose token was shown, the operator, or the service itself."""
    action: str = Field(examples=["delete_video"])
    """The operation's id, or what the service did."""
    target: str = Field(examples=["vd_01JAZ5W7Q2M8N4P6R8T0V2X4Z6"])
    """The ids of what it was done to, the outer one first."""
    outcome: str = Field(examples=["204"])
    """The HTTP status; `begun`, before a privileged act is tried; `done`, by the service itself."""
    reason: str
    """Why, where one has to say so."""
    request_id: str
    address: str
    """The network that the call came from."""
    previous_hash: str
    hash: str

    @classmethod
    def of(cls, entry: records.Entry) -> Self:
        """As storage keeps it."""
        values = {name: getattr(entry, name) for name in cls.model_fields}
        return cls.model_validate(values)


class VerificationView(View):
    """Whether the account's chain is whole."""

    whole: bool
    first_seq: int
    """The first entry that is there; 0: there are none."""
    last_seq: int
    checkpoint_seq: int
    """Up to here the operator's key vouches for the chain; it is signed each minute."""
    broken_seq: int | None
    """The first entry that is wrong, where what is wrong is an entry."""
    problem: str | None
    """What is wrong."""


class OperatorAccessView(View):
    """An operator opened media of the account."""

    id: str
    target: str
    """The video, the avatar or the asset."""
    operator: str
    reason: str
    case: str
    legal_paper: str
    """What the law demanded it by; empty where it did not."""
    at: datetime


class OperatorAccesses(View):
    """What operators opened."""

    items: list[OperatorAccessView]
    """The newest hundred, newest first."""


@router.get("/audit", responses=problems())
async def list_audit_entries(
    gateway: InGateway,
    account_id: AccountId,
    since: Annotated[AwareDatetime | None, Query(description="From this time on.")] = None,
    until: Annotated[AwareDatetime | None, Query(description="Before this time.")] = None,
    actor: Word = "",
    actor_kind: ActorKind | None = None,
    action: Word = "",
    target: Word = "",
    limit: Limit = 20,
    cursor: Cursor = "",
) -> Page[AuditEntryView]:
    """List who did what in the account, newest first.

    `target` finds what was done to that thing, or to what is below it.
    """
    wanted = records.Filter(since, until, actor, actor_kind or "", action, target)
    page = await gateway.audit.record.list(account_id, wanted, limit=limit, cursor=cursor)
    return page_of(page, AuditEntryView.of)


@router.get(
    "/audit/export",
    response_class=StreamingResponse,
    responses={
        **problems(),
        200: {
            "description": "A JSON object a line: every entry, in order, and the signed head",
            "content": {_NDJSON: {"schema": {"type": "string"}}},
        },
    },
)
async def export_audit(gateway: InGateway, account_id: AccountId) -> StreamingResponse:
    """Fetch the whole chain, with the operator's signature at its end, to keep or to verify."""
    return StreamingResponse(
        gateway.audit.record.export(account_id),
        media_type=_NDJSON,
        headers={
            "Cache-Control": "no-store",
            "Content-Disposition": f'attachment; filename="audit-{account_id}.jsonl"',
        },
    )


@router.get("/audit/verification", responses=problems())
async def verify_audit(gateway: InGateway, account_id: AccountId) -> VerificationView:
    """Have the chain walked from its beginning to its end, and learn whether it is whole."""
    found = await gateway.audit.record.verify(account_id)
    return VerificationView(
        whole=not found.problem,
        first_seq=found.first_seq,
        last_seq=found.last_seq,
        checkpoint_seq=found.checkpoint_seq,
        broken_seq=found.broken_seq or None,
        problem=found.problem or None,
    )


@router.get(
    "/account/operator-accesses", responses=problems(), openapi_extra=needs(Scope.ACCOUNT_READ)
)
async def list_operator_accesses(gateway: InGateway, account_id: AccountId) -> OperatorAccesses:
    """List which of your media the operator opened, who did, when, and why.

    What a legal paper forbids to tell comes once it may be told.
    """
    accesses = await gateway.audit.record.operator_accesses(account_id)
    names = OperatorAccessView.model_fields
    views = [
        OperatorAccessView.model_validate({name: getattr(access, name) for name in names})
        for access in accesses
    ]
    return OperatorAccesses(items=views)
