"""Accounts and keys: the fake, as a gRPC service."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from vultus.storage.v1 import account_service_pb2 as wire
from vultus.storage.v1 import account_service_pb2_grpc as wire_grpc

from services.gateway.clients.accounts import KINDS_TO_WIRE
from services.gateway.identity import Account, ApiKey, NewApiKey
from tests.fakes.catalog_server import time_to_wire
from tests.fakes.stage import Stage

Context = Any
"""A gRPC context: the fakes look at nothing of it."""


class Accounts(wire_grpc.AccountServiceServicer):
    """Storage's record of accounts."""

    def __init__(self, stage: Stage) -> None:
        self._accounts = stage.accounts

    async def CreateAccount(self, request: Any, context: Context) -> Any:
        account, _ = self._accounts.add(request.name)
        return wire.CreateAccountResponse(account=_account(account))

    async def GetAccount(self, request: Any, context: Context) -> Any:
        account = await self._accounts.account(request.account_id)
        return wire.GetAccountResponse(account=_account(account))

    async def ListAccounts(self, request: Any, context: Context) -> Any:
        accounts = self._accounts.accounts.values()
        return wire.ListAccountsResponse(accounts=map(_account, accounts))

    async def CreateApiKey(self, request: Any, context: Context) -> Any:
        until = (
            request.expires_at.ToDatetime(tzinfo=UTC) if request.HasField("expires_at") else None
        )
        new = NewApiKey(request.name, tuple(request.scopes), request.created_by, until)
        key, secret = await self._accounts.create_key(request.account_id, new)
        return wire.CreateApiKeyResponse(key=_key(key), secret=secret)

    async def GetApiKey(self, request: Any, context: Context) -> Any:
        key = await self._accounts.key(request.account_id, request.key_id)
        return wire.GetApiKeyResponse(key=_key(key))

    async def ListApiKeys(self, request: Any, context: Context) -> Any:
        keys = await self._accounts.list_keys(request.account_id)
        return wire.ListApiKeysResponse(keys=map(_key, keys))

    async def RotateApiKey(self, request: Any, context: Context) -> Any:
        key, secret = await self._accounts.rotate_key(
            request.account_id, request.key_id, overlap_s=request.overlap_s
        )
        return wire.RotateApiKeyResponse(key=_key(key), secret=secret)

    async def RevokeApiKey(self, request: Any, context: Context) -> Any:
        key = await self._accounts.revoke_key(request.account_id, request.key_id)
        return wire.RevokeApiKeyResponse(key=_key(key))

    async def Authenticate(self, request: Any, context: Context) -> Any:
        caller = await self._accounts.authenticate(request.secret)
        principal = wire.Principal(
            account_id=caller.account_id,
            actor_id=caller.actor_id,
            scopes=sorted(caller.scopes),
            until=time_to_wire(caller.until),
        )
        return wire.AuthenticateResponse(principal=principal)


def _account(account: Account) -> wire.Account:
    return wire.Account(
        id=account.id,
        name=account.name,
        webhook_secret=account.webhook_secret,
        created_at=time_to_wire(account.created_at),
        kind=KINDS_TO_WIRE[account.kind],
    )


def _key(key: ApiKey) -> wire.ApiKey:
    return wire.ApiKey(
        id=key.id,
        account_id=key.account_id,
        name=key.name,
        prefix=key.prefix,
        created_at=time_to_wire(key.created_at),
        last_used_at=time_to_wire(key.last_used_at),
        revoked_at=time_to_wire(key.revoked_at),
        scopes=key.scopes,
        expires_at=time_to_wire(key.expires_at),
        rotated_until=time_to_wire(key.rotated_until),
        created_by=key.created_by,
    )
