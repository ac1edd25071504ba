"""`/v1/moderation/policy`: how an account wants its content judged."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import Header, Query, Response

from services.common.errors import PayloadTooLarge, PolicyNotFound, StateConflict, UnsupportedMedia
from services.gateway.http.context import AccountId, InCaller, InGateway
from services.gateway.http.policy_bodies import (
    ExpectedVersion,
    PolicyBody,
    PolicyList,
    PolicyView,
)
from services.gateway.http.problem import problems
from services.gateway.http.route import api_router

router = api_router("moderation")

_MAX_VERSION = 2**31 - 1
_TRIED = "Good day."


@router.get("/moderation/policy", responses=problems())
async def get_policy(gateway: InGateway, account_id: AccountId, response: Response) -> PolicyView:
    """Look at the policy that holds; `ETag` is its version."""
    return _told(
        PolicyView.told(await gateway.approvals.policies.records.get(account_id)), response
    )


@router.put(
    "/moderation/policy",
    responses=problems(StateConflict, PayloadTooLarge, UnsupportedMedia),
)
async def put_policy(
    body: PolicyBody,
    gateway: InGateway,
    account_id: AccountId,
    caller: InCaller,
    response: Response,
    if_match: Annotated[
        ExpectedVersion,
        Header(description="The `ETag` of the policy that this one is to take the place of."),
    ] = None,
) -> PolicyView:
    """Make a policy; it holds at once here and within seconds everywhere.

    Every version is kept and named in the verdicts that it led to. A policy that holds already
    makes no new version. With `If-Match` it fails with `conflict` when another has been made.
    """
    policy = body.policy()
    # Whoever judges by it says what is wrong with it.
    await gateway.approvals.moderator.check_text(_TRIED, policy=replace(policy, version=1))
    made = await gateway.approvals.policies.put(
        account_id,
        policy,
        author=caller.actor_id,
        expected_version=int(if_match.strip('"')) if if_match else None,
    )
    return _told(PolicyView.told(made), response)


@router.get("/moderation/policies", responses=problems())
async def list_policies(
    gateway: InGateway,
    account_id: AccountId,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    before: Annotated[
        int, Query(ge=0, le=_MAX_VERSION, description="Only versions before this one.")
    ] = 0,
) -> PolicyList:
    """List the account's policies, newest first."""
    versions = await gateway.approvals.policies.records.list(account_id, limit=limit, before=before)
    return PolicyList(items=[PolicyView.told(version) for version in versions])


@router.get("/moderation/policies/{version}", responses=problems(PolicyNotFound))
async def get_policy_version(version: int, gateway: InGateway, account_id: AccountId) -> PolicyView:
    """Look at a policy that holds or held."""
    if not 0 <= version <= _MAX_VERSION:
        raise PolicyNotFound("no such version of the policy")
    records = gateway.approvals.policies.records
    return PolicyView.told(await records.get(account_id, version))


def _told(policy: PolicyView, response: Response) -> PolicyView:
    response.headers["ETag"] = f'"{policy.version}"'
    return policy
