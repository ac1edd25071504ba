"""`/v1/api-keys`: what programs open the door with."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from pydantic import AwareDatetime, Field

from services.common.errors import (
    ApiKeyNotFound,
    Forbidden,
    IdempotencyConflict,
    PayloadTooLarge,
    StateConflict,
    UnsupportedMedia,
)
from services.gateway.http.bodies import Request
from services.gateway.http.context import AccountId, Gateway, IdempotencyKey, InCaller, InGateway
from services.gateway.http.fields import Name
from services.gateway.http.problem import problems
from services.gateway.http.route import api_router, stays_open, told_once
from services.gateway.http.views import View
from services.gateway.identity import ApiKey, NewApiKey
from services.gateway.permissions import Caller, Scope, scopes_named

router = api_router("account", scope="keys")

_DAY_S = 86_400
_MAX_OVERLAP_S = 7 * _DAY_S


class ApiKeyRequest(Request):
    """A key to be made."""

    name: Name = Field(examples=["build server"])
    scopes: list[Annotated[Scope, Field(strict=False)]] | None = Field(
        default=None, min_length=1, examples=[["videos:read", "videos:write"]]
    )
    """What it may do, at most what you may; left out: all of that."""
    expires_at: AwareDatetime | None = Field(default=None, strict=False)
    """When it ends by itself; left out: when it is revoked."""


class RotationRequest(Request):
    """How a secret gives way to the next one."""

    overlap_s: int = Field(default=_DAY_S, ge=0, le=_MAX_OVERLAP_S)
    """Seconds that the present secret stays good; an older one ends at once."""


class ApiKeyView(View):
    """An API key without its secret."""

    id: str = Field(examples=["key_01JAZ5W7Q2M8N4P6R8T0V2X4Z6"])
    name: str
    prefix: str
    """The secret's first characters."""
    scopes: list[Scope]
    """What it may do."""
    created_by: str
    """A person, an API key, or `operator`."""
    created_at: datetime
    expires_at: datetime | None
    rotated_until: datetime | None
    """Until when the secret before the present one is good."""
    last_used_at: datetime | None
    revoked_at: datetime | None

    @classmethod
    def of(cls, key: ApiKey) -> Self:
        """As storage keeps it."""
        return cls(
            id=key.id,
            name=key.name,
            prefix=key.prefix,
            scopes=sorted(scopes_named(key.scopes)),
            created_by=key.created_by,
            created_at=key.created_at,
            expires_at=key.expires_at,
            rotated_until=key.rotated_until,
            last_used_at=key.last_used_at,
            revoked_at=key.revoked_at,
        )


class NewApiKeyView(ApiKeyView):
    """An API key with a new secret."""

    secret: str | None
    """`vk_…`: told in the first answer only; null when the request is repeated."""


class ApiKeyList(View):
    """The account's keys, newest first."""

    items: list[ApiKeyView]


@router.post(
    "/api-keys",
    status_code=201,
    responses=problems(IdempotencyConflict, UnsupportedMedia, PayloadTooLarge),
    openapi_extra=told_once("secret"),
)
async def create_api_key(
    body: ApiKeyRequest, gateway: InGateway, caller: InCaller, _: IdempotencyKey = None
) -> NewApiKeyView:
    """Make another API key; its secret is told here and never again.

    Nobody makes a key that may do more than they may themselves.
    """
    scopes = caller.scopes if body.scopes is None else frozenset(body.scopes)
    if not caller.covers(scopes):
        lacking = ", ".join(sorted(scopes - caller.scopes))
        raise Forbidden(f"you can't give what you may not do yourself: {lacking}")
    new = NewApiKey(body.name, tuple(sorted(scopes)), caller.actor_id, body.expires_at)
    key, secret = await gateway.accounts.create_key(caller.account_id, new)
    return NewApiKeyView(**ApiKeyView.of(key).model_dump(), secret=secret)


@router.get("/api-keys", responses=problems())
async def list_api_keys(gateway: InGateway, account_id: AccountId) -> ApiKeyList:
    """List the account's API keys, newest first."""
    keys = await gateway.accounts.list_keys(account_id)
    return ApiKeyList(items=[ApiKeyView.of(key) for key in keys])


@router.post(
    "/api-keys/{key_id}/rotation",
    status_code=201,
    responses=problems(
        ApiKeyNotFound, StateConflict, IdempotencyConflict, UnsupportedMedia, PayloadTooLarge
    ),
    openapi_extra=stays_open() | told_once("secret"),
)
async def rotate_api_key(
    key_id: str,
    body: RotationRequest,
    gateway: InGateway,
    caller: InCaller,
    _: IdempotencyKey = None,
) -> NewApiKeyView:
    """Give a key another secret, told here and never again; the present one is good for a while.

    A key that may do more than you may is not yours to change.
    """
    await _require_power_over(gateway, caller, key_id)
    key, secret = await gateway.accounts.rotate_key(
        caller.account_id, key_id, overlap_s=body.overlap_s
    )
    gateway.door.forget(key.id)
    return NewApiKeyView(**ApiKeyView.of(key).model_dump(), secret=secret)


@router.delete("/api-keys/{key_id}", status_code=204, responses=problems(ApiKeyNotFound))
async def revoke_api_key(key_id: str, gateway: InGateway, caller: InCaller) -> None:
    """End an API key. Other gateway processes may let it in for some seconds more.

    A key that may do more than you may is not yours to end.
    """
    await _require_power_over(gateway, caller, key_id)
    key = await gateway.accounts.revoke_key(caller.account_id, key_id)
    gateway.door.forget(key.id)


async def _require_power_over(gateway: Gateway, caller: Caller, key_id: str) -> None:
    """Raises ApiKeyNotFound; Forbidden for a key that may do what the caller may not."""
    key = await gateway.accounts.key(caller.account_id, key_id)
    if not caller.covers(scopes_named(key.scopes)):
        raise Forbidden("the key may do what you may not do yourself")
