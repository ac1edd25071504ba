"""`/v1/consents/challenges`: consents that people read on camera, and that are checked."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Self

from fastapi import Request as HttpRequest
from pydantic import AwareDatetime, Field, model_validator

from services.common.errors import (
    AssetNotFound,
    ChallengeNotFound,
    ConsentNotVerified,
    GuardianConsentRequired,
    IdempotencyConflict,
    Overloaded,
    PayloadTooLarge,
    StateConflict,
    StorageFull,
    SubjectNotFound,
    UnsupportedMedia,
)
from services.gateway import challenges
from services.gateway.http.bodies import Request
from services.gateway.http.consents import CheckView, ConsentView, Giver, Purpose
from services.gateway.http.context import AccountId, IdempotencyKey, InCaller, InGateway
from services.gateway.http.fields import Id, Subject
from services.gateway.http.forms import form_body
from services.gateway.http.problem import problems
from services.gateway.http.route import api_router
from services.gateway.http.uploads import Form
from services.gateway.http.views import View

router = api_router("consents")


class ChallengeRequest(Request):
    """What a person is to consent to on camera."""

    subject: Subject | None = Field(default=None, examples=["employee 4711"])
    """Who reads it, as you call the person: the first subject of that name, or a new one."""
    subject_id: Id | None = Field(default=None, examples=["su_01JAZ5W7Q2M8N4P6R8T0V2X4Z6"])
    """Instead: a subject that was recorded before."""
    purposes: list[Purpose] = Field(min_length=1, max_length=2)
    given_by: Giver = "subject"
    """Who consents; of a minor a guardian, who is named with the subject."""
    language: Literal["en", "zh"]
    asset_id: Id | None = Field(default=None, examples=["as_01JAZ5W7Q2M8N4P6R8T0V2X4Z6"])
    """The portrait whose face must be the reader's; needed for the purpose `avatar`."""
    valid_until: AwareDatetime | None = Field(default=None, strict=False)
    """When the consent runs out; left out: when it is withdrawn."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.subject is None) == (self.subject_id is None):
            raise ValueError("name the subject, or give its subject_id")
        if "avatar" in self.purposes and self.asset_id is None:
            raise ValueError("asset_id must name the portrait")
        return self


class ChallengeView(View):
    """A phrase that is read on camera, once."""

    id: str = Field(examples=["ch_01JAZ5W7Q2M8N4P6R8T0V2X4Z6"])
    subject_id: str
    purposes: list[str]
    given_by: Giver
    asset_id: str | None
    valid_until: datetime | None
    language: Literal["en", "zh"]
    phrase: str
    """What is read, word by word."""
    tries_left: int
    """How many films can still be sent."""
    checks: list[CheckView]
    """What was found in the last film, unless it was enough."""
    consent_id: str | None
    """What followed."""
    expires_at: datetime
    """Until when films are taken."""

    @classmethod
    def of(cls, challenge: challenges.Challenge) -> Self:
        """As storage keeps it."""
        return cls.model_validate(
            {
                "id": challenge.id,
                "subject_id": challenge.subject_id,
                "purposes": list(challenge.purposes),
                "given_by": challenge.given_by,
                "asset_id": challenge.asset_id or None,
                "valid_until": challenge.valid_until,
                "language": challenge.phrase.language,
                "phrase": challenge.phrase.text,
                "tries_left": challenge.tries_left,
                "checks": [CheckView.of(check) for check in challenge.checks],
                "consent_id": challenge.consent_id or None,
                "expires_at": challenge.expires_at,
            }
        )


@router.post(
    "/consents/challenges",
    status_code=201,
    responses=problems(
        SubjectNotFound,
        AssetNotFound,
        GuardianConsentRequired,
        IdempotencyConflict,
        PayloadTooLarge,
        UnsupportedMedia,
    ),
)
async def create_challenge(
    body: ChallengeRequest,
    gateway: InGateway,
    account_id: AccountId,
    caller: InCaller,
    _: IdempotencyKey = None,
) -> ChallengeView:
    """Get a fresh phrase that a person reads on camera: good for 30 minutes and one consent."""
    new = challenges.NewChallenge(
        body.subject or "",
        body.subject_id or "",
        tuple(body.purposes),
        body.given_by,
        caller.actor_id,
        body.asset_id or "",
        body.valid_until,
        body.language,
    )
    return ChallengeView.of(await gateway.challenges.create(account_id, new))


@router.get("/consents/challenges/{challenge_id}", responses=problems(ChallengeNotFound))
async def get_challenge(
    challenge_id: str, gateway: InGateway, account_id: AccountId
) -> ChallengeView:
    """Look at a challenge, and at what was found in the last film."""
    return ChallengeView.of(await gateway.challenges.get(account_id, challenge_id))


@router.put(
    "/consents/challenges/{challenge_id}/recording",
    responses=problems(
        ChallengeNotFound,
        AssetNotFound,
        ConsentNotVerified,
        GuardianConsentRequired,
        StateConflict,
        PayloadTooLarge,
        UnsupportedMedia,
        StorageFull,
        Overloaded,
    ),
    openapi_extra={"requestBody": {"content": form_body("file"), "required": True}},
)
async def check_recording(
    challenge_id: str, request: HttpRequest, gateway: InGateway, account_id: AccountId
) -> ConsentView:
    """Send the film of the reading, and get the verified consent.

    MP4 or WebM of 2 to 60 seconds and up to 100 MB, as browsers and phones record them. When
    something is not as it must be, it answers `consent_not_verified` and says what; three films may
    be sent. The film is kept with the consent and erased with it; one that was not enough is erased
    at once.
    """
    form: Form = request.state.form
    consent = await challenges.verify(
        gateway.challenges,
        gateway.statements,
        account_id,
        challenge_id,
        form.only("file").blocks(),
    )
    return ConsentView.of(consent)
