"""`/v1/consents`: who allowed which use of which face or voice."""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from datetime import datetime
from typing import Annotated, Literal, Self

from fastapi import Query
from pydantic import AwareDatetime, Field, model_validator

from services.common.errors import (
    ConsentNotFound,
    GuardianConsentRequired,
    IdempotencyConflict,
    PayloadTooLarge,
    StateConflict,
    SubjectNotFound,
    UnsupportedMedia,
    VideoNotFound,
)
from services.gateway import consents
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
from services.gateway.http.fields import Id, Note, Statement, Subject
from services.gateway.http.problem import problems
from services.gateway.http.route import api_router, stays_open
from services.gateway.http.views import Page, View, page_of

router = api_router("consents")

END_REASON = "consent_withdrawn"
"""Of streams that end with a consent."""


Purpose = Literal["avatar", "voice"]
Giver = Literal["subject", "guardian", "representative"]


class ConsentRequest(Request):
    """What is attested of a person."""

    subject: Subject | None = Field(default=None, examples=["employee 4711"])
    """Whose face or voice it is, as you call the person: the first subject of that name, or a new
    one."""
    subject_id: Id | None = Field(default=None, examples=["su_01JAZ5W7Q2M8N4P6R8T0V2X4Z6"])
    """Instead: a subject that was recorded before."""
    purposes: list[Purpose] = Field(min_length=1, max_length=2)
    given_by: Giver = "subject"
    """Who consented: the person, a guardian, or somebody whom the person has authorised."""
    statement: Statement = Field(examples=["Ada Lovelace signed our release form on 2026-11-01."])
    """What you attest, and on what evidence; kept word for word."""
    valid_until: AwareDatetime | None = Field(default=None, strict=False)
    """When the consent runs out; left out: when it is withdrawn."""

    @model_validator(mode="after")
    def _one_subject(self) -> Self:
        if (self.subject is None) == (self.subject_id is None):
            raise ValueError("name the subject, or give its subject_id")
        return self


class WithdrawalRequest(Request):
    """How a consent ends."""

    note: Note = ""
    erase_videos: bool = False
    """Whether videos that were finished before are erased, too."""


class ErasedView(View):
    """What went with a consent."""

    avatars: list[str]
    videos: list[str]
    """Cancelled, or erased."""
    streams: list[str]
    """Ended."""
    objects: int
    """Files in storage."""


class CheckView(View):
    """What was looked at in a statement on camera."""

    name: str = Field(examples=["words"])
    passed: bool
    score: float

    @classmethod
    def of(cls, check: consents.Check) -> Self:
        """As the ledger keeps it."""
        return cls(name=check.name, passed=check.passed, score=check.score)


class ConsentView(View):
    """A consent."""

    id: str = Field(examples=["cn_01JAZ5W7Q2M8N4P6R8T0V2X4Z6"])
    subject_id: str
    subject: str
    """Empty once the person is erased."""
    purposes: list[str]
    given_by: Giver
    evidence: Literal["attestation", "verified"]
    checks: list[CheckView]
    """What was looked at in a statement on camera; empty of an attestation."""
    policy_version: str
    """The privacy policy that was in force; empty: none was published."""
    statement: str
    """Empty once the person is erased."""
    attested_by: str
    """Who recorded it: an API key, or a person."""
    valid_from: datetime
    valid_until: datetime | None
    ended_at: datetime | None
    end_reason: Literal["withdrawn", "expired", "minor_found"] | None
    note: str
    erased: ErasedView | None
    """Once it has ended."""

    @classmethod
    def of(cls, consent: consents.Consent) -> Self:
        """As the ledger keeps it."""
        return cls.model_validate(
            {
                "id": consent.id,
                "subject_id": consent.subject_id,
                "subject": consent.subject,
                "purposes": list(consent.purposes),
                "given_by": consent.given_by,
                "evidence": consent.evidence,
                "checks": [CheckView.of(check) for check in consent.checks],
                "policy_version": consent.policy_version,
                "statement": consent.statement,
                "attested_by": consent.attested_by,
                "valid_from": consent.valid_from,
                "valid_until": consent.valid_until,
                "ended_at": consent.ended_at,
                "end_reason": consent.end_reason or None,
                "note": consent.note,
                "erased": _erased(consent.erased) if consent.erased else None,
            }
        )


def _erased(erased: consents.Erased) -> ErasedView:
    return ErasedView(
        avatars=list(erased.avatar_ids),
        videos=list(erased.video_ids),
        streams=list(erased.stream_ids),
        objects=len(erased.objects),
    )


class CertificateView(View):
    """Proof of what was erased with a consent."""

    statement: str
    """What is certified, as JSON: the consent, and the id or place of everything that went."""
    signature: str
    """Ed25519 (RFC 8032) over the statement's UTF-8 bytes; base64."""
    public_key: str
    """Of the operator who signed; base64."""
    erased: dict[str, object]
    """The same statement, to read."""


@router.post(
    "/consents",
    status_code=201,
    responses=problems(
        SubjectNotFound,
        GuardianConsentRequired,
        IdempotencyConflict,
        PayloadTooLarge,
        UnsupportedMedia,
    ),
)
async def create_consent(
    body: ConsentRequest,
    gateway: InGateway,
    account_id: AccountId,
    caller: InCaller,
    _: IdempotencyKey = None,
) -> ConsentView:
    """Record that a person allows the use of their face or voice, and make avatars under it.

    An avatar that is made with `subject_authorised` records a consent of its own.
    """
    new = consents.NewConsent(
        body.subject or "",
        tuple(body.purposes),
        body.statement,
        caller.actor_id,
        body.valid_until,
        body.subject_id or "",
        body.given_by,
    )
    return ConsentView.of(await gateway.consents.create(account_id, new))


@router.get("/consents", responses=problems())
async def list_consents(
    gateway: InGateway,
    account_id: AccountId,
    subject_id: Annotated[str, Query(max_length=64, description="Only this subject's.")] = "",
    limit: Limit = 20,
    cursor: Cursor = "",
) -> Page[ConsentView]:
    """List the consents, newest first; those that have ended stay in the list."""
    page = await gateway.consents.list(
        account_id, subject_id=subject_id, limit=limit, cursor=cursor
    )
    return page_of(page, ConsentView.of)


@router.get("/consents/{consent_id}", responses=problems(ConsentNotFound))
async def get_consent(consent_id: str, gateway: InGateway, account_id: AccountId) -> ConsentView:
    """Look at one consent."""
    return ConsentView.of(await gateway.consents.get(account_id, consent_id))


@router.post(
    "/consents/{consent_id}/withdrawal",
    responses=problems(ConsentNotFound, PayloadTooLarge, UnsupportedMedia),
    openapi_extra=stays_open(),
)
async def withdraw_consent(
    consent_id: str, body: WithdrawalRequest, gateway: InGateway, account_id: AccountId
) -> ConsentView:
    """End a consent and all use of it: there is no way back.

    Its avatars are erased with their portraits, its streams end, its unfinished videos are
    cancelled, all within seconds. Finished videos stay unless `erase_videos` says otherwise.
    """
    consent = await gateway.consents.withdraw(
        account_id, consent_id, note=body.note, erase_videos=body.erase_videos
    )
    if consent.erased:
        await stop_use(gateway, account_id, consent.erased)
    return ConsentView.of(consent)


async def stop_use(gateway: Gateway, account_id: str, erased: consents.Erased) -> None:
    """Stops at once what would find out within seconds."""
    for stream_id in erased.stream_ids:
        if session := gateway.sessions.find(stream_id):
            session.end(END_REASON)
    for video_id in erased.video_ids:
        with suppress(VideoNotFound):
            video = await gateway.videos.get(account_id, video_id)
            await gateway.news.video_cancelled(video)
            await gateway.news.video_changed(video)


@router.get(
    "/consents/{consent_id}/certificate", responses=problems(ConsentNotFound, StateConflict)
)
async def get_certificate(
    consent_id: str, gateway: InGateway, account_id: AccountId
) -> CertificateView:
    """Fetch the signed proof of what was erased with a consent, once the last file is gone.

    Until then it answers 503 with `Retry-After`.
    """
    made = await gateway.consents.certify(account_id, consent_id)
    return CertificateView(
        statement=made.statement.decode(),
        signature=base64.b64encode(made.signature).decode(),
        public_key=base64.b64encode(made.public_key).decode(),
        erased=json.loads(made.statement),
    )
