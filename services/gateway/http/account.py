"""`/v1/account` and `/v1/api-keys`."""

from __future__ import annotations

from services.common.errors import (
    ApiKeyNotFound,
    IdempotencyConflict,
    PayloadTooLarge,
    UnsupportedMedia,
)
from services.gateway.http.bodies import ApiKeyRequest
from services.gateway.http.context import AccountId, IdempotencyKey, InGateway
from services.gateway.http.problem import problems
from services.gateway.http.route import api_router, told_once
from services.gateway.http.views import AccountView, ApiKeyList, ApiKeyView, NewApiKeyView

router = api_router("account")


@router.get("/account", responses=problems())
async def get_account(gateway: InGateway, account_id: AccountId) -> AccountView:
    """Look at the account that the key belongs to."""
    return AccountView.of(await gateway.accounts.account(account_id))


@router.post(
    "/api-keys",
    status_code=201,
    responses=problems(IdempotencyConflict, UnsupportedMedia, PayloadTooLarge),
    openapi_extra=told_once("secret"),
)
async def create_api_key(
    body: ApiKeyRequest, gateway: InGateway, account_id: AccountId, _: IdempotencyKey = None
) -> NewApiKeyView:
    """Make another API key; its secret is told here and never again."""
    key, secret = await gateway.accounts.create_key(account_id, body.name)
    return NewApiKeyView(**ApiKeyView.of(key).model_dump(), secret=secret)


@router.get("/api-keys", responses=problems())
async def list_api_keys(gateway: InGateway, account_id: AccountId) -> ApiKeyList:
    """List the account's API keys, newest first."""
    keys = await gateway.accounts.list_keys(account_id)
    return ApiKeyList(items=[ApiKeyView.of(key) for key in keys])


@router.delete("/api-keys/{key_id}", status_code=204, responses=problems(ApiKeyNotFound))
async def revoke_api_key(key_id: str, gateway: InGateway, account_id: AccountId) -> None:
    """End an API key. Other gateway processes may let it in for some seconds more."""
    key = await gateway.accounts.revoke_key(account_id, key_id)
    gateway.door.forget(key.id)
