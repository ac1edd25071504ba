"""`/v1/subjects`: the people behind faces and voices."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Self

from fastapi import Query
from pydantic import Field

from services.common.errors import (
    IdempotencyConflict,
    PayloadTooLarge,
    StateConflict,
    SubjectNotFound,
    UnsupportedMedia,
)
from services.gateway import subjects
from services.gateway.http.bodies import Request
from services.gateway.http.consents import stop_use
from services.gateway.http.context import (
    AccountId,
    Cursor,
    Gateway,
    IdempotencyKey,
    InCaller,
    InGateway,
    Limit,
)
from services.gateway.http.fields import FindingReason, Reference, Statement, Subject
from services.gateway.http.problem import problems
from services.gateway.http.route import api_router
from services.gateway.http.views import Page, View, page_of

router = api_router("subjects", scope="consents")

_MOST = 100


class GuardianBody(Request):
    """Who consents for a minor."""

    name: Subject = Field(examples=["Anne Lovelace"])
    relation: Subject = Field(examples=["mother"])
    statement: Statement = Field(examples=["Signed the form for minors on 2026-11-01."])
    """What you attest of the guardian's consent, and on what evidence; kept word for word."""

    def told(self) -> subjects.Guardian:
        """As it is recorded."""
        return subjects.Guardian(self.name, self.relation, self.statement)


class SubjectRequest(Request):
    """A person."""

    name: Subject = Field(examples=["employee 4711"])
    """What you call the person."""
    reference: Reference = Field(default="", examples=["user-8f3a"])
    """Your own id of the person, such as your end user's; no two subjects have the same."""
    minor: bool = False
    """Whether they are under 18; then a guardian consents."""
    birth_year: int | None = Field(default=None, ge=1900, le=2200)
    """One of the last eighteen years makes them a minor."""
    guardian: GuardianBody | None = None


class SubjectChange(Request):
    """What is to be corrected; what is left out stays."""

    name: Subject | None = None
    reference: Reference | None = None
    """Empty: none."""
    minor: bool | None = None
    birth_year: int | None = Field(default=None, ge=1900, le=2200)
    guardian: GuardianBody | None = None

    def applied(self, details: subjects.Details) -> subjects.Details:
        """The details with what was sent."""
        sent = {name: getattr(self, name) for name in self.model_fields_set}
        if self.guardian:
            sent["guardian"] = self.guardian.told()
        required = ("name", "reference", "minor")
        return replace(
            details, **{k: v for k, v in sent.items() if v is not None or k not in required}
        )


class MinorFinding(Request):
    """That somebody is a minor."""

    reason: FindingReason = Field(examples=["Her mother wrote that she is fifteen."])


class GuardianView(View):
    """Who consents for a minor."""

    name: str
    relation: str
    statement: str

    @classmethod
    def of(cls, guardian: subjects.Guardian) -> Self:
        """As it is kept."""
        return cls(name=guardian.name, relation=guardian.relation, statement=guardian.statement)


class FindingView(View):
    """That a person was found to be a minor."""

    found_by: str
    """An API key, or a person."""
    reason: str


class SubjectView(View):
    """A person."""

    id: str = Field(examples=["su_01JAZ5W7Q2M8N4P6R8T0V2X4Z6"])
    name: str
    """Empty once the person is erased."""
    reference: str
    minor: bool
    birth_year: int | None
    guardian: GuardianView | None
    minor_finding: FindingView | None
    created_at: datetime
    erased_at: datetime | None
    """When everything of the person was erased."""

    @classmethod
    def of(cls, subject: subjects.Subject) -> Self:
        """As it is kept."""
        details, guardian, finding = subject.details, None, None
        if told := details.guardian:
            guardian = GuardianView.of(told)
        if subject.found_by:
            finding = FindingView(found_by=subject.found_by, reason=subject.found_reason)
        return cls(
            id=subject.id,
            name=details.name,
            reference=details.reference,
            minor=details.minor,
            birth_year=details.birth_year,
            guardian=guardian,
            minor_finding=finding,
            created_at=subject.created_at,
            erased_at=subject.erased_at,
        )


@router.post(
    "/subjects",
    status_code=201,
    responses=problems(IdempotencyConflict, StateConflict, PayloadTooLarge, UnsupportedMedia),
)
async def create_subject(
    body: SubjectRequest, gateway: InGateway, account_id: AccountId, _: IdempotencyKey = None
) -> SubjectView:
    """Record a person whose face or voice is to be used, such as an end user of yours."""
    guardian = body.guardian.told() if body.guardian else None
    details = subjects.Details(body.name, body.reference, body.minor, body.birth_year, guardian)
    return SubjectView.of(await gateway.subjects.create(account_id, details))


@router.get("/subjects", responses=problems())
async def list_subjects(
    gateway: InGateway,
    account_id: AccountId,
    reference: Annotated[str, Query(max_length=200, description="Only the one with it.")] = "",
    limit: Limit = 20,
    cursor: Cursor = "",
) -> Page[SubjectView]:
    """List the subjects, newest first."""
    page = await gateway.subjects.list(account_id, reference=reference, limit=limit, cursor=cursor)
    return page_of(page, SubjectView.of)


@router.get("/subjects/{subject_id}", responses=problems(SubjectNotFound))
async def get_subject(subject_id: str, gateway: InGateway, account_id: AccountId) -> SubjectView:
    """Look at one subject."""
    return SubjectView.of(await gateway.subjects.get(account_id, subject_id))


@router.patch(
    "/subjects/{subject_id}",
    responses=problems(SubjectNotFound, StateConflict, PayloadTooLarge, UnsupportedMedia),
)
async def change_subject(
    subject_id: str, body: SubjectChange, gateway: InGateway, account_id: AccountId
) -> SubjectView:
    """Correct what is told of a person, or name the guardian of a minor."""
    known = await gateway.subjects.get(account_id, subject_id)
    details = body.applied(known.details)
    return SubjectView.of(await gateway.subjects.update(account_id, subject_id, details))


@router.post(
    "/subjects/{subject_id}/minor-finding",
    responses=problems(SubjectNotFound, PayloadTooLarge, UnsupportedMedia),
)
async def report_minor(
    subject_id: str,
    body: MinorFinding,
    gateway: InGateway,
    account_id: AccountId,
    caller: InCaller,
) -> SubjectView:
    """Report that a person is a minor: there is no way back.

    Unless a guardian's consent is recorded, their consents end, and everything that was made under
    them is erased, finished videos too. What is left is that it was done, and the certificates.
    """
    subject = await gateway.subjects.report_minor(
        account_id, subject_id, found_by=caller.actor_id, reason=body.reason
    )
    if subject.erased_at is not None:
        await _stop_all(gateway, account_id, subject_id)
    return SubjectView.of(subject)


async def _stop_all(gateway: Gateway, account_id: str, subject_id: str) -> None:
    cursor = ""
    while True:
        page = await gateway.consents.list(
            account_id, subject_id=subject_id, limit=_MOST, cursor=cursor
        )
        for consent in page.items:
            if consent.erased:
                await stop_use(gateway, account_id, consent.erased)
        cursor = page.next_cursor
        if not cursor:
            return
