"""`/v1/privacy`: what people ask about their data, and what may not be used."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from fastapi.responses import Response, StreamingResponse
from pydantic import Field, model_validator

from services.common.errors import (
    CodeInvalid,
    Conflict,
    ConsentNotFound,
    Forbidden,
    IdempotencyConflict,
    PayloadTooLarge,
    PrivacyRequestNotFound,
    RangeNotSatisfiable,
    StateConflict,
    UnsupportedMedia,
)
from services.gateway import rights
from services.gateway.http.bodies import Request
from services.gateway.http.context import (
    AccountId,
    Cursor,
    Gateway,
    IdempotencyKey,
    InCaller,
    InGateway,
    Limit,
)
from services.gateway.http.fields import Code, Id, Name, Statement, Subject
from services.gateway.http.files import FILE_SCHEMA, Asked, File, fetched, looked_at
from services.gateway.http.problem import problems
from services.gateway.http.route import api_router, needs, stays_open
from services.gateway.http.views import Page, View, page_of
from services.gateway.permissions import Scope

router = api_router("privacy")

_ZIP = "application/zip"
_ARCHIVE_RESPONSES: dict[int | str, dict[str, Any]] = {
    **problems(PrivacyRequestNotFound, Conflict, RangeNotSatisfiable),
    200: {"description": "The whole archive", "content": {_ZIP: FILE_SCHEMA}},
    206: {"description": "The part that was asked for", "content": {_ZIP: FILE_SCHEMA}},
    304: {"description": "The archive that the client has is still the right one"},
}
_HEAD_RESPONSES = {
    status: {"description": response["description"]}
    for status, response in _ARCHIVE_RESPONSES.items()
}
Kind = Literal["access", "export", "correction", "deletion", "restriction", "lifting"]
State = Literal["identity_pending", "open", "in_progress", "fulfilled", "refused", "cancelled"]


class AboutAccount(Request):
    """Everything of this account."""

    account: Literal[True]


class AboutConsent(Request):
    """What belongs to one consent."""

    consent_id: Id


class AboutSubject(Request):
    """What belongs to all consents that name a person so."""

    subject: Subject


class PrivacyRequestBody(Request):
    """What somebody asks about their data."""

    kind: Kind
    """`access`: a report of what is held; `export`: all of it as an archive; `correction`: other
    names; `deletion`; `restriction`: stored and not used; `lifting`: the end of a restriction."""
    about: AboutAccount | AboutConsent | AboutSubject
    """Whose data are meant."""
    details: Annotated[str, Field(max_length=2_000)] = ""
    """What else is to be known of it; kept encrypted."""
    corrections: dict[Id, Name] = Field(default_factory=dict, max_length=100)
    """Of a `correction`: new names by the ids of the account, of avatars, and of consents (whose
    name is their subject)."""
    attested_identity: Statement | None = Field(
        default=None, examples=["Ada Lovelace showed her passport at our desk."]
    )
    """How you checked the identity of the person that you ask for; needed unless it is about the
    account."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.kind == "correction") != bool(self.corrections):
            raise ValueError("corrections belong to the kind correction")
        if isinstance(self.about, AboutAccount) == bool(self.attested_identity):
            raise ValueError(
                "attested_identity says how you checked who asks of you; for the account itself it "
                "is checked here"
            )
        return self


class IdentityBody(Request):
    """Who asks."""

    code: Code
    """For the purpose `privacy_request`, sent to your phone."""


class TargetView(View):
    """Whose data a request is about."""

    account: bool
    consent_id: str | None
    """Of a subject: the first consent that names the person so."""
    whole_subject: bool


class StepView(View):
    """One thing that happened to a request."""

    state: State
    """After it."""
    actor: str
    """Who did it: a key, a person, `operator` or `service`."""
    note: str
    at: datetime


class ArchiveView(View):
    """What an export made."""

    size_bytes: int
    sha256: str
    until: datetime
    """It is erased then."""


class PrivacyRequestView(View):
    """A request, and what came of it."""

    id: str = Field(examples=["pr_01JAZ5W7Q2M8N4P6R8T0V2X4Z6"])
    kind: Kind
    about: TargetView
    state: State
    identity: Literal["code", "operator", "attested"] | None
    """How it was checked who asks; null: not yet."""
    held: bool
    """Whether an operator has to decide before anything is done."""
    repeats: int
    """How many like it came in the thirty days before."""
    reason: str
    """Why it was refused."""
    details: str
    requested_by: str
    report: dict[str, Any] | None
    """What came of it, by its kind."""
    archive: ArchiveView | None
    """Of an export, while it can be fetched."""
    created_at: datetime
    opened_at: datetime | None
    due_at: datetime | None
    """By when it has to be answered: fifteen working days after it was opened."""
    ended_at: datetime | None
    steps: list[StepView]
    """Its history, oldest first; empty in lists."""

    @classmethod
    def of(cls, request: rights.PrivacyRequest) -> Self:
        """As it is recorded."""
        archive = request.archive
        return cls.model_validate(
            {
                "id": request.id,
                "kind": request.kind.value,
                "about": {
                    "account": not request.consent_id,
                    "consent_id": request.consent_id or None,
                    "whole_subject": request.whole_subject,
                },
                "state": request.state.value,
                "identity": request.identity or None,
                "held": request.held,
                "repeats": request.repeats,
                "reason": request.reason,
                "details": request.details,
                "requested_by": request.requested_by,
                "report": request.report,
                "archive": archive
                and {
                    "size_bytes": archive.size_bytes,
                    "sha256": archive.sha256,
                    "until": archive.until,
                },
                "created_at": request.created_at,
                "opened_at": request.opened_at,
                "due_at": request.due_at,
                "ended_at": request.ended_at,
                "steps": [
                    {
                        "state": step.state.value,
                        "actor": step.actor,
                        "note": step.note,
                        "at": step.at,
                    }
                    for step in request.steps
                ],
            }
        )


class RestrictionView(View):
    """What is stored, and may not be used."""

    consent_id: str | None
    """Null: all of the account."""
    request_id: str
    since: datetime


class RestrictionList(View):
    """Everything that may not be used."""

    items: list[RestrictionView]


@router.post(
    "/privacy/requests",
    status_code=201,
    responses=problems(ConsentNotFound, IdempotencyConflict, PayloadTooLarge, UnsupportedMedia),
    openapi_extra=stays_open(),
)
async def create_privacy_request(
    body: PrivacyRequestBody,
    gateway: InGateway,
    account_id: AccountId,
    caller: InCaller,
    _: IdempotencyKey = None,
) -> PrivacyRequestView:
    """Ask what is held on the account or on a person, or have it exported, corrected or erased.

    A request about the account waits as `identity_pending` until it is known who asks. Once it is
    `open`, the service carries it out by itself where it can, and answers within fifteen working
    days in any case.
    """
    new = rights.NewRequest(
        rights.RequestKind(body.kind),
        _target(body.about),
        caller.actor_id,
        details=body.details,
        corrections=body.corrections,
        attested_identity=body.attested_identity or "",
    )
    return PrivacyRequestView.of(await gateway.rights.create(account_id, new))


def _target(about: AboutAccount | AboutConsent | AboutSubject) -> rights.Target:
    match about:
        case AboutConsent():
            return rights.Target(consent_id=about.consent_id)
        case AboutSubject():
            return rights.Target(subject=about.subject)
        case _:
            return rights.Target()


@router.post(
    "/privacy/requests/{request_id}/identity",
    responses=problems(
        PrivacyRequestNotFound, CodeInvalid, StateConflict, PayloadTooLarge, UnsupportedMedia
    ),
    openapi_extra=stays_open(),
)
async def prove_identity(
    request_id: str, body: IdentityBody, gateway: InGateway, caller: InCaller
) -> PrivacyRequestView:
    """Show who asks, signed in, by a code for `privacy_request` from `POST /v1/codes`.

    The time to answer begins. Without a person to sign in, the operator finds out who asks.
    """
    request = await gateway.rights.get(caller.account_id, request_id)
    if caller.role is None:
        raise Forbidden("sign in: an API key is nobody")
    request = await gateway.rights.prove(
        caller.account_id, request_id, person_id=caller.actor_id, code=body.code
    )
    return PrivacyRequestView.of(request)


@router.get("/privacy/requests", responses=problems())
async def list_privacy_requests(
    gateway: InGateway, account_id: AccountId, limit: Limit = 20, cursor: Cursor = ""
) -> Page[PrivacyRequestView]:
    """List the requests, newest first."""
    page = await gateway.rights.list(account_id, limit=limit, cursor=cursor)
    return page_of(page, PrivacyRequestView.of)


@router.get("/privacy/requests/{request_id}", responses=problems(PrivacyRequestNotFound))
async def get_privacy_request(
    request_id: str, gateway: InGateway, account_id: AccountId
) -> PrivacyRequestView:
    """Look at one request and its history."""
    return PrivacyRequestView.of(await gateway.rights.get(account_id, request_id))


@router.delete(
    "/privacy/requests/{request_id}", responses=problems(PrivacyRequestNotFound, StateConflict)
)
async def cancel_privacy_request(
    request_id: str, gateway: InGateway, account_id: AccountId, caller: InCaller
) -> PrivacyRequestView:
    """Take a request back before it is carried out; one that has ended stays as it is."""
    request = await gateway.rights.cancel(account_id, request_id, actor=caller.actor_id)
    return PrivacyRequestView.of(request)


@router.get(
    "/privacy/requests/{request_id}/archive",
    response_class=StreamingResponse,
    responses=_ARCHIVE_RESPONSES,
    openapi_extra=needs(Scope.PRIVACY_WRITE),
)
async def get_privacy_archive(
    request_id: str, gateway: InGateway, account_id: AccountId, asked: Asked
) -> Response:
    """Fetch what an export made: a ZIP of JSON and media, with the hash of each in `index.json`.

    It holds everything, so that reading requests is not enough.
    """
    file = await _archive(gateway, account_id, request_id)
    return await fetched(gateway.objects, file, asked)


@router.head(
    "/privacy/requests/{request_id}/archive",
    response_class=Response,
    responses=_HEAD_RESPONSES,
    openapi_extra=needs(Scope.PRIVACY_WRITE),
)
async def head_privacy_archive(
    request_id: str, gateway: InGateway, account_id: AccountId, asked: Asked
) -> Response:
    """Learn the archive's size without its bytes."""
    return looked_at(await _archive(gateway, account_id, request_id), asked)


async def _archive(gateway: Gateway, account_id: str, request_id: str) -> File:
    """The archive of a request. Raises PrivacyRequestNotFound, Conflict."""
    request = await gateway.rights.get(account_id, request_id)
    archive = request.archive
    if archive is None:
        raise Conflict("the request has no archive, not yet or no longer")
    return File(archive.object, archive.size_bytes, archive.sha256, f"{request.id}.zip", _ZIP)


@router.get("/privacy/restrictions", responses=problems())
async def list_restrictions(gateway: InGateway, account_id: AccountId) -> RestrictionList:
    """List what is stored and may not be used, oldest first."""
    found = await gateway.rights.restrictions(account_id)
    return RestrictionList(
        items=[
            RestrictionView(
                consent_id=one.consent_id or None, request_id=one.request_id, since=one.since
            )
            for one in found
        ]
    )
