"""`/v1/account/guardian`: who consents for the holder of an account who is a minor."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Self

from pydantic import Field

from services.common.errors import NotFound, PayloadTooLarge, StateConflict, UnsupportedMedia
from services.gateway.http.bodies import Request
from services.gateway.http.context import AccountId, InCaller, InGateway
from services.gateway.http.problem import problems
from services.gateway.http.route import api_router, stays_open
from services.gateway.http.subjects import GuardianBody, GuardianView
from services.gateway.http.views import View
from services.gateway.identity import MinorHolder

router = api_router("account")


class MinorHolderRequest(Request):
    """That the account's holder is a minor."""

    minor: Literal[True]
    """Under 18: it can't be taken back."""
    birth_year: int | None = Field(default=None, ge=1900, le=2200, examples=[2010])
    """From the year after the eighteenth birthday on, no guardian is needed; left out: always."""
    guardian: GuardianBody | None = None
    """Who consents; left out: nobody, or nobody any more."""


class MinorHolderView(View):
    """That the account's holder is a minor."""

    minor: bool
    """Whether they may still be under 18."""
    birth_year: int | None
    guardian: GuardianView | None
    told_by: str
    """A person, or an API key."""
    told_at: datetime

    @classmethod
    def of(cls, holder: MinorHolder) -> Self:
        """As storage keeps it."""
        guardian = GuardianView.of(holder.guardian) if holder.guardian else None
        return cls(
            minor=holder.minor,
            birth_year=holder.birth_year,
            guardian=guardian,
            told_by=holder.told_by,
            told_at=holder.told_at,
        )


@router.put(
    "/account/guardian",
    responses=problems(StateConflict, PayloadTooLarge, UnsupportedMedia),
    openapi_extra=stays_open(),
)
async def set_guardian(
    body: MinorHolderRequest, gateway: InGateway, caller: InCaller
) -> MinorHolderView:
    """Say that the holder of this personal account is under 18, and which guardian consents.

    Without a guardian nothing new is made; reading, exporting and deleting go on. What you send
    replaces what was told before.
    """
    holder = await gateway.accounts.set_minor_holder(
        caller.account_id,
        birth_year=body.birth_year,
        guardian=body.guardian.told() if body.guardian else None,
        told_by=caller.actor_id,
    )
    gateway.gate.forget(caller.account_id)
    return MinorHolderView.of(holder)


@router.get("/account/guardian", responses=problems(NotFound))
async def get_guardian(gateway: InGateway, account_id: AccountId) -> MinorHolderView:
    """Look at what was told; 404 when nobody said that the holder is a minor."""
    return MinorHolderView.of(await gateway.accounts.minor_holder(account_id))
