"""The wire of AccountService: messages in, records out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
from google.protobuf.message import Message
from vultus.storage.v1 import account_service_pb2 as wire
from vultus.storage.v1.account_service_pb2_grpc import AccountServiceServicer

from services.common.errors import InvalidInput
from services.storage.catalog.messages import time_to_wire
from services.storage.identity.accounts import Accounts
from services.storage.identity.keys import ApiKeys
from services.storage.identity.records import Account, AccountKind, ApiKey, NewApiKey, Principal

Context = grpc.aio.ServicerContext[Any, Any]

_KINDS = {
    wire.ACCOUNT_KIND_PERSONAL: AccountKind.PERSONAL,
    wire.ACCOUNT_KIND_ENTERPRISE: AccountKind.ENTERPRISE,
}
_KINDS_TO_WIRE = {kind: number for number, kind in _KINDS.items()}


class AccountServicer(AccountServiceServicer):
    """Serves AccountService; every method is described in the proto."""

    def __init__(self, accounts: Accounts, keys: ApiKeys) -> None:
        self._accounts = accounts
        self._keys = keys

    async def CreateAccount(
        self, request: wire.CreateAccountRequest, context: Context
    ) -> wire.CreateAccountResponse:
        """See the proto."""
        account = await self._accounts.create(request.name, account_kind(request.kind))
        return wire.CreateAccountResponse(account=account_to_wire(account))

    async def GetAccount(
        self, request: wire.GetAccountRequest, context: Context
    ) -> wire.GetAccountResponse:
        """See the proto."""
        account = await self._accounts.get(request.account_id)
        return wire.GetAccountResponse(account=account_to_wire(account))

    async def ListAccounts(
        self, request: wire.ListAccountsRequest, context: Context
    ) -> wire.ListAccountsResponse:
        """See the proto."""
        accounts = await self._accounts.list()
        return wire.ListAccountsResponse(accounts=map(account_to_wire, accounts))

    async def CreateApiKey(
        self, request: wire.CreateApiKeyRequest, context: Context
    ) -> wire.CreateApiKeyResponse:
        """See the proto."""
        new = NewApiKey(
            request.name,
            tuple(request.scopes),
            request.created_by,
            optional_time(request, "expires_at"),
        )
        key, secret = await self._keys.create(request.account_id, new)
        return wire.CreateApiKeyResponse(key=_key(key), secret=secret)

    async def GetApiKey(
        self, request: wire.GetApiKeyRequest, context: Context
    ) -> wire.GetApiKeyResponse:
        """See the proto."""
        key = await self._keys.get(request.account_id, request.key_id)
        return wire.GetApiKeyResponse(key=_key(key))

    async def ListApiKeys(
        self, request: wire.ListApiKeysRequest, context: Context
    ) -> wire.ListApiKeysResponse:
        """See the proto."""
        keys = await self._keys.list(request.account_id)
        return wire.ListApiKeysResponse(keys=map(_key, keys))

    async def RotateApiKey(
        self, request: wire.RotateApiKeyRequest, context: Context
    ) -> wire.RotateApiKeyResponse:
        """See the proto."""
        key, secret = await self._keys.rotate(
            request.account_id, request.key_id, overlap=timedelta(seconds=request.overlap_s)
        )
        return wire.RotateApiKeyResponse(key=_key(key), secret=secret)

    async def RevokeApiKey(
        self, request: wire.RevokeApiKeyRequest, context: Context
    ) -> wire.RevokeApiKeyResponse:
        """See the proto."""
        key = await self._keys.revoke(request.account_id, request.key_id)
        return wire.RevokeApiKeyResponse(key=_key(key))

    async def Authenticate(
        self, request: wire.AuthenticateRequest, context: Context
    ) -> wire.AuthenticateResponse:
        """See the proto."""
        principal = await self._keys.authenticate(request.secret)
        return wire.AuthenticateResponse(principal=_principal(principal))


def account_kind(number: wire.AccountKind.ValueType) -> AccountKind:
    """What kind of account is meant. Raises InvalidInput."""
    if number not in _KINDS:
        raise InvalidInput("kind is missing or not known")
    return _KINDS[number]


def optional_time(message: Message, field: str) -> datetime | None:
    """A point in time that may be left out."""
    if not message.HasField(field):
        return None
    told: datetime = getattr(message, field).ToDatetime(tzinfo=UTC)
    return told


def account_to_wire(account: Account) -> wire.Account:
    """A tenant."""
    return wire.Account(
        id=account.id,
        name=account.name,
        webhook_secret=account.webhook_secret,
        created_at=time_to_wire(account.created_at),
        kind=_KINDS_TO_WIRE[account.kind],
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


def _principal(principal: Principal) -> wire.Principal:
    return wire.Principal(
        account_id=principal.account_id,
        actor_id=principal.actor_id,
        scopes=principal.scopes,
        until=time_to_wire(principal.until),
    )
