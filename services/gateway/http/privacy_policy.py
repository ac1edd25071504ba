"""`/v1/privacy-policy`: what the operator promises, and who accepted it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self

from fastapi import Query
from pydantic import Field

from services.common.errors import PayloadTooLarge, PrivacyPolicyNotFound, UnsupportedMedia
from services.gateway import standing
from services.gateway.http.bodies import Request
from services.gateway.http.context import AccountId, InCaller, InGateway
from services.gateway.http.noting import personal_data
from services.gateway.http.open_route import open_problems, open_router
from services.gateway.http.problem import problems
from services.gateway.http.route import api_router, stays_open
from services.gateway.http.views import View

open_to_all = open_router("notices")
router = api_router("notices")

Version = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$", examples=["2026-12"])]
_Languages = Literal["zh", "en"]


class PolicyChangeView(View):
    """What one version changes against the one before."""

    kind: Literal["purpose", "means", "kind_of_data", "other"]
    summaries: dict[_Languages, str]


class PrivacyPolicySummary(View):
    """One version without its text."""

    version: str
    sha256: str
    """Hex, over the texts as JSON with sorted keys and no spaces, in UTF-8."""
    changes: list[PolicyChangeView]
    material: bool
    """Whether it has to be accepted before further use."""
    effective_at: datetime
    published_at: datetime


class PrivacyPolicyView(PrivacyPolicySummary):
    """One version, which never changes."""

    texts: dict[_Languages, str]
    """Markdown."""

    @classmethod
    def of(cls, policy: standing.PrivacyPolicy) -> Self:
        """As storage keeps it."""
        return cls.model_validate({**_summary(policy), "texts": dict(policy.texts)})


class PrivacyPolicyList(View):
    """All versions, newest first."""

    items: list[PrivacyPolicySummary]


class AcceptanceRequest(Request):
    """What is accepted."""

    version: Version


class AcceptanceView(View):
    """That the account accepted a version."""

    version: str
    accepted_by: str
    """An API key or a person."""
    accepted_at: datetime

    @classmethod
    def of(cls, acceptance: standing.Acceptance) -> Self:
        """As storage keeps it."""
        return cls(
            version=acceptance.version,
            accepted_by=acceptance.accepted_by,
            accepted_at=acceptance.accepted_at,
        )


class AcceptanceList(View):
    """What the account has accepted, newest first."""

    items: list[AcceptanceView]
    to_accept: str | None
    """The version that has to be accepted before anything new is made; null: none."""


def _summary(policy: standing.PrivacyPolicy) -> dict[str, object]:
    return {
        "version": policy.version,
        "sha256": policy.sha256,
        "changes": [
            {"kind": change.kind.value, "summaries": dict(change.summaries)}
            for change in policy.changes
        ],
        "material": policy.material,
        "effective_at": policy.effective_at,
        "published_at": policy.published_at,
    }


@open_to_all.get("/privacy-policy", responses=open_problems(PrivacyPolicyNotFound))
async def get_privacy_policy(
    gateway: InGateway, version: Annotated[Version | None, Query()] = None
) -> PrivacyPolicyView:
    """Read the operator's privacy policy: the version in force, or another; no key is needed."""
    return PrivacyPolicyView.of(await gateway.standings.privacy_policy(version or ""))


@open_to_all.get("/privacy-policies", responses=open_problems())
async def list_privacy_policies(gateway: InGateway) -> PrivacyPolicyList:
    """List all versions without their texts, newest first; no key is needed."""
    policies = await gateway.standings.privacy_policies()
    return PrivacyPolicyList.model_validate({"items": [_summary(policy) for policy in policies]})


@router.post(
    "/privacy-policy/acceptances",
    status_code=201,
    responses=problems(PrivacyPolicyNotFound, PayloadTooLarge, UnsupportedMedia),
    openapi_extra=stays_open(),
)
async def accept_privacy_policy(
    body: AcceptanceRequest, gateway: InGateway, account_id: AccountId, caller: InCaller
) -> AcceptanceView:
    """Accept a version for the account; the first acceptance is kept."""
    accepted = await gateway.standings.accept(account_id, body.version, accepted_by=caller.actor_id)
    gateway.gate.forget(account_id)
    return AcceptanceView.of(accepted)


@router.get("/privacy-policy/acceptances", responses=problems(), openapi_extra=personal_data())
async def list_acceptances(gateway: InGateway, account_id: AccountId) -> AcceptanceList:
    """List what the account has accepted, and what it still has to."""
    accepted = await gateway.standings.acceptances(account_id)
    awaited = (await gateway.standings.standing(account_id)).policy_to_accept
    return AcceptanceList(
        items=[AcceptanceView.of(one) for one in accepted], to_accept=awaited or None
    )
