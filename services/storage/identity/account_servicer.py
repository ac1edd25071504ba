"""The wire of AccountService: messages in, records out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
from vultus.storage.v1 import account_service_pb2 as wire
from vultus.storage.v1.account_service_pb2_grpc import AccountServiceServicer

from services.storage.catalog.certificates import Signer
from services.storage.identity import messages
from services.storage.identity.accounts import Accounts
from services.storage.identity.deregistrations import Deregistrations
from services.storage.identity.holders import MinorHolders
from services.storage.identity.keys import ApiKeys
from services.storage.identity.records import NewApiKey
from services.storage.identity.sessions import TOKEN_PREFIX, Sessions

Context = grpc.aio.ServicerContext[Any, Any]


class AccountServicer(AccountServiceServicer):
    """Serves AccountService; every method is described in the proto."""

    def __init__(
        self,
        accounts: Accounts,
        holders: MinorHolders,
        keys: ApiKeys,
        sessions: Sessions,
        ends: Deregistrations,
        signer: Signer,
    ) -> None:
        self._ends = ends
        self._signer = signer
        self._accounts = accounts
        self._holders = holders
        self._keys = keys
        self._sessions = sessions

    async def CreateAccount(
        self, request: wire.CreateAccountRequest, context: Context
    ) -> wire.CreateAccountResponse:
        """See the proto."""
        account = await self._accounts.create(request.name, messages.account_kind(request.kind))
        return wire.CreateAccountResponse(account=messages.account_to_wire(account))

    async def GetAccount(
        self, request: wire.GetAccountRequest, context: Context
    ) -> wire.GetAccountResponse:
        """See the proto."""
        account = await self._accounts.get(request.account_id)
        return wire.GetAccountResponse(account=messages.account_to_wire(account))

    async def ListAccounts(
        self, request: wire.ListAccountsRequest, context: Context
    ) -> wire.ListAccountsResponse:
        """See the proto."""
        accounts = await self._accounts.list()
        return wire.ListAccountsResponse(accounts=map(messages.account_to_wire, accounts))

    async def SetMinorHolder(
        self, request: wire.SetMinorHolderRequest, context: Context
    ) -> wire.SetMinorHolderResponse:
        """See the proto."""
        holder = await self._holders.set(
            request.account_id,
            birth_year=messages.birth_year(request),
            guardian=messages.guardian(request),
            told_by=request.told_by,
        )
        return wire.SetMinorHolderResponse(holder=messages.holder_to_wire(holder))

    async def GetMinorHolder(
        self, request: wire.GetMinorHolderRequest, context: Context
    ) -> wire.GetMinorHolderResponse:
        """See the proto."""
        holder = await self._holders.get(request.account_id)
        return wire.GetMinorHolderResponse(holder=messages.holder_to_wire(holder))

    async def CreateApiKey(
        self, request: wire.CreateApiKeyRequest, context: Context
    ) -> wire.CreateApiKeyResponse:
        """See the proto."""
        new = NewApiKey(
            request.name,
            tuple(request.scopes),
            request.created_by,
            messages.optional_time(request, "expires_at"),
        )
        key, secret = await self._keys.create(request.account_id, new)
        return wire.CreateApiKeyResponse(key=messages.key_to_wire(key), secret=secret)

    async def GetApiKey(
        self, request: wire.GetApiKeyRequest, context: Context
    ) -> wire.GetApiKeyResponse:
        """See the proto."""
        key = await self._keys.get(request.account_id, request.key_id)
        return wire.GetApiKeyResponse(key=messages.key_to_wire(key))

    async def ListApiKeys(
        self, request: wire.ListApiKeysRequest, context: Context
    ) -> wire.ListApiKeysResponse:
        """See the proto."""
        keys = await self._keys.list(request.account_id)
        return wire.ListApiKeysResponse(keys=map(messages.key_to_wire, keys))

    async def RotateApiKey(
        self, request: wire.RotateApiKeyRequest, context: Context
    ) -> wire.RotateApiKeyResponse:
        """See the proto."""
        key, secret = await self._keys.rotate(
            request.account_id, request.key_id, overlap=timedelta(seconds=request.overlap_s)
        )
        return wire.RotateApiKeyResponse(key=messages.key_to_wire(key), secret=secret)

    async def RevokeApiKey(
        self, request: wire.RevokeApiKeyRequest, context: Context
    ) -> wire.RevokeApiKeyResponse:
        """See the proto."""
        key = await self._keys.revoke(request.account_id, request.key_id)
        return wire.RevokeApiKeyResponse(key=messages.key_to_wire(key))

    async def Authenticate(
        self, request: wire.AuthenticateRequest, context: Context
    ) -> wire.AuthenticateResponse:
        """See the proto."""
        of_person = request.secret.startswith(f"{TOKEN_PREFIX}_")
        those = self._sessions if of_person else self._keys
        principal = await those.authenticate(request.secret)
        return wire.AuthenticateResponse(principal=messages.principal_to_wire(principal))

    async def RequestDeregistration(
        self, request: wire.RequestDeregistrationRequest, context: Context
    ) -> wire.RequestDeregistrationResponse:
        """See the proto."""
        end, receipt = await self._ends.request(
            request.account_id, request.person_id, request.code, reason=request.reason
        )
        told = messages.deregistration_to_wire(end)
        return wire.RequestDeregistrationResponse(deregistration=told, receipt=receipt)

    async def GetDeregistration(
        self, request: wire.GetDeregistrationRequest, context: Context
    ) -> wire.GetDeregistrationResponse:
        """See the proto."""
        end = await self._ends.get(request.account_id)
        told = messages.deregistration_to_wire(end)
        return wire.GetDeregistrationResponse(deregistration=told)

    async def CancelDeregistration(
        self, request: wire.CancelDeregistrationRequest, context: Context
    ) -> wire.CancelDeregistrationResponse:
        """See the proto."""
        await self._ends.cancel(request.account_id)
        return wire.CancelDeregistrationResponse()

    async def CertifyAccountErasure(
        self, request: wire.CertifyAccountErasureRequest, context: Context
    ) -> wire.CertifyAccountErasureResponse:
        """See the proto."""
        statement = await self._ends.erased(request.receipt)
        certified = {**statement, "certified_at": datetime.now(UTC).isoformat()}
        made = self._signer.certificate(certified)
        return wire.CertifyAccountErasureResponse(
            statement=made.statement, signature=made.signature, public_key=made.public_key
        )
