"""`/v1/account/unlabelled-agreement`: under what pictures may go without the visible mark."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from pydantic import Field, StringConstraints

from services.common.errors import PayloadTooLarge, StateConflict, UnsupportedMedia
from services.gateway.http.bodies import Request
from services.gateway.http.context import InCaller, InGateway
from services.gateway.http.problem import problems
from services.gateway.http.route import api_router
from services.gateway.http.views import View
from services.gateway.provenance import UnlabelledAgreement

router = api_router("account", scope="provenance")
_PLACE = "/account/unlabelled-agreement"


class AgreementRequest(Request):
    """What is accepted."""

    version: Annotated[str, StringConstraints(min_length=1, max_length=20)] = Field(
        examples=["2026-11"]
    )
    """Of the text that you have read."""


class AgreementView(View):
    """What is asked of accounts, and whether yours stands under it."""

    version: str
    """The one that is asked for now; a new one has to be accepted again."""
    text: str
    accepted_by: str | None
    """An API key, or a person; null: it does not hold, and all pictures bear the mark."""
    accepted_at: datetime | None

    @classmethod
    def of(cls, agreement: UnlabelledAgreement) -> Self:
        """As storage keeps it."""
        return cls(
            version=agreement.version,
            text=agreement.text,
            accepted_by=agreement.accepted_by or None,
            accepted_at=agreement.accepted_at,
        )


@router.get(_PLACE, responses=problems())
async def get_unlabelled_agreement(gateway: InGateway, caller: InCaller) -> AgreementView:
    """Read the agreement that pictures without the visible mark need."""
    return AgreementView.of(await gateway.provenance.agreement(caller.account_id))


@router.put(_PLACE, responses=problems(StateConflict, PayloadTooLarge, UnsupportedMedia))
async def accept_unlabelled_agreement(
    body: AgreementRequest, gateway: InGateway, caller: InCaller
) -> AgreementView:
    """Accept the agreement: videos and streams may then be asked for with `mark: false`.

    Who accepted which text and when is recorded for good, and so is what is made under it.
    """
    accepted = await gateway.provenance.accept_agreement(
        caller.account_id, body.version, actor_id=caller.actor_id
    )
    return AgreementView.of(accepted)


@router.delete(_PLACE, status_code=204, responses=problems())
async def end_unlabelled_agreement(gateway: InGateway, caller: InCaller) -> None:
    """End the agreement: from now on all pictures bear the mark."""
    await gateway.provenance.end_agreement(caller.account_id, actor_id=caller.actor_id)
