"""`/v1/account`: the account that the caller acts for."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from pydantic import Field

from services.gateway.http.context import InCaller, InGateway
from services.gateway.http.problem import problems
from services.gateway.http.route import api_router
from services.gateway.http.views import View
from services.gateway.identity import Account, AccountKind
from services.gateway.permissions import Scope

router = api_router("account")


class AccountView(View):
    """The account that the caller acts for."""

    id: str = Field(examples=["ac_01JAZ5W7Q2M8N4P6R8T0V2X4Z6"])
    name: str
    kind: AccountKind
    webhook_secret: str | None
    """Verify the signatures of webhooks with it; null for callers without `keys:write`."""
    created_at: datetime
    erases_at: datetime | None
    """When all of it is erased, because it is being deregistered."""

    @classmethod
    def of(cls, account: Account, *, with_secret: bool) -> Self:
        """As storage keeps it."""
        return cls(
            id=account.id,
            name=account.name,
            kind=account.kind,
            webhook_secret=account.webhook_secret if with_secret else None,
            created_at=account.created_at,
            erases_at=account.erases_at,
        )


@router.get("/account", responses=problems())
async def get_account(gateway: InGateway, caller: InCaller) -> AccountView:
    """Look at the account that you act for."""
    account = await gateway.accounts.account(caller.account_id)
    return AccountView.of(account, with_secret=caller.covers({Scope.KEYS_WRITE}))
