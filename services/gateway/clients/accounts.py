"""Accounts and their keys, over gRPC."""

from __future__ import annotations

from collections.abc import Sequence

import grpc
from vultus.storage.v1 import account_service_pb2 as wire
from vultus.storage.v1.account_service_pb2_grpc import AccountServiceStub

from services.common.grpc_client import call_metadata, unary
from services.gateway.clients import messages
from services.gateway.clients.subjects import guardian_of, guardian_to_wire
from services.gateway.consents import Certificate
from services.gateway.identity import (
    Account,
    AccountKind,
    ApiKey,
    Deregistration,
    MinorHolder,
    NewApiKey,
)
from services.gateway.permissions import SCOPES_OF_ROLE, Caller, Role, scopes_named
from services.gateway.subjects import Guardian

_QUICK_S = 10.0
_KINDS = {
    wire.ACCOUNT_KIND_PERSONAL: AccountKind.PERSONAL,
    wire.ACCOUNT_KIND_ENTERPRISE: AccountKind.ENTERPRISE,
}
KINDS_TO_WIRE = {kind: number for number, kind in _KINDS.items()}
ROLES = {
    wire.ROLE_OWNER: Role.OWNER,
    wire.ROLE_DEVELOPER: Role.DEVELOPER,
    wire.ROLE_REVIEWER: Role.REVIEWER,
    wire.ROLE_AUDITOR: Role.AUDITOR,
}
ROLES_TO_WIRE = {role: number for number, role in ROLES.items()}


class GrpcAccounts:
    """Tenants and their keys."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = AccountServiceStub(channel)

    async def account(self, account_id: str) -> Account:
        """One account."""
        request = wire.GetAccountRequest(account_id=account_id)
        call = self._stub.GetAccount(request, timeout=_QUICK_S, metadata=call_metadata())
        return _account((await unary(call)).account)

    async def create_account(
        self, name: str, kind: AccountKind = AccountKind.ENTERPRISE
    ) -> Account:
        """A new account."""
        request = wire.CreateAccountRequest(name=name, kind=KINDS_TO_WIRE[kind])
        call = self._stub.CreateAccount(request, timeout=_QUICK_S, metadata=call_metadata())
        return _account((await unary(call)).account)

    async def list_accounts(self) -> Sequence[Account]:
        """All accounts, oldest first."""
        request = wire.ListAccountsRequest()
        call = self._stub.ListAccounts(request, timeout=_QUICK_S, metadata=call_metadata())
        return [_account(account) for account in (await unary(call)).accounts]

    async def set_minor_holder(
        self, account_id: str, *, birth_year: int | None, guardian: Guardian | None, told_by: str
    ) -> MinorHolder:
        """Records that the holder is a minor, and who consents."""
        request = wire.SetMinorHolderRequest(
            account_id=account_id,
            birth_year=birth_year,
            guardian=guardian_to_wire(guardian) if guardian else None,
            told_by=told_by,
        )
        call = self._stub.SetMinorHolder(request, timeout=_QUICK_S, metadata=call_metadata())
        return _holder((await unary(call)).holder)

    async def minor_holder(self, account_id: str) -> MinorHolder:
        """What is recorded of that."""
        request = wire.GetMinorHolderRequest(account_id=account_id)
        call = self._stub.GetMinorHolder(request, timeout=_QUICK_S, metadata=call_metadata())
        return _holder((await unary(call)).holder)

    async def authenticate(self, secret: str) -> Caller:
        """Who bears a secret."""
        request = wire.AuthenticateRequest(secret=secret)
        call = self._stub.Authenticate(request, timeout=_QUICK_S, metadata=call_metadata())
        return _caller((await unary(call)).principal)

    async def create_key(self, account_id: str, new: NewApiKey) -> tuple[ApiKey, str]:
        """A new key and its secret."""
        request = wire.CreateApiKeyRequest(
            account_id=account_id,
            name=new.name,
            scopes=new.scopes,
            expires_at=messages.moment_to_wire(new.expires_at),
            created_by=new.created_by,
        )
        call = self._stub.CreateApiKey(request, timeout=_QUICK_S, metadata=call_metadata())
        made = await unary(call)
        return _key(made.key), made.secret

    async def key(self, account_id: str, key_id: str) -> ApiKey:
        """One key."""
        request = wire.GetApiKeyRequest(account_id=account_id, key_id=key_id)
        call = self._stub.GetApiKey(request, timeout=_QUICK_S, metadata=call_metadata())
        return _key((await unary(call)).key)

    async def list_keys(self, account_id: str) -> Sequence[ApiKey]:
        """The account's keys, newest first."""
        request = wire.ListApiKeysRequest(account_id=account_id)
        call = self._stub.ListApiKeys(request, timeout=_QUICK_S, metadata=call_metadata())
        return [_key(key) for key in (await unary(call)).keys]

    async def rotate_key(
        self, account_id: str, key_id: str, *, overlap_s: int
    ) -> tuple[ApiKey, str]:
        """Another secret for a key."""
        request = wire.RotateApiKeyRequest(
            account_id=account_id, key_id=key_id, overlap_s=overlap_s
        )
        call = self._stub.RotateApiKey(request, timeout=_QUICK_S, metadata=call_metadata())
        made = await unary(call)
        return _key(made.key), made.secret

    async def revoke_key(self, account_id: str, key_id: str) -> ApiKey:
        """Ends a key."""
        request = wire.RevokeApiKeyRequest(account_id=account_id, key_id=key_id)
        call = self._stub.RevokeApiKey(request, timeout=_QUICK_S, metadata=call_metadata())
        return _key((await unary(call)).key)

    async def deregister(
        self, account_id: str, person_id: str, code: str, *, reason: str
    ) -> tuple[Deregistration, str]:
        """Begins the end of an account."""
        request = wire.RequestDeregistrationRequest(
            account_id=account_id, person_id=person_id, code=code, reason=reason
        )
        call = self._stub.RequestDeregistration(request, timeout=_QUICK_S, metadata=call_metadata())
        made = await unary(call)
        return _deregistration(made.deregistration), made.receipt

    async def deregistration(self, account_id: str) -> Deregistration:
        """An end that has begun."""
        request = wire.GetDeregistrationRequest(account_id=account_id)
        call = self._stub.GetDeregistration(request, timeout=_QUICK_S, metadata=call_metadata())
        return _deregistration((await unary(call)).deregistration)

    async def cancel_deregistration(self, account_id: str) -> None:
        """Takes it back."""
        request = wire.CancelDeregistrationRequest(account_id=account_id)
        call = self._stub.CancelDeregistration(request, timeout=_QUICK_S, metadata=call_metadata())
        await unary(call)

    async def certify_erasure(self, receipt: str) -> Certificate:
        """Proves that an account was erased."""
        request = wire.CertifyAccountErasureRequest(receipt=receipt)
        call = self._stub.CertifyAccountErasure(request, timeout=_QUICK_S, metadata=call_metadata())
        made = await unary(call)
        return Certificate(made.statement, made.signature, made.public_key)


def _deregistration(message: wire.Deregistration) -> Deregistration:
    return Deregistration(
        message.id,
        message.requested_by,
        messages.moment(message.requested_at),
        messages.moment(message.erases_at),
    )


def _holder(message: wire.MinorHolder) -> MinorHolder:
    return MinorHolder(
        message.birth_year if message.HasField("birth_year") else None,
        guardian_of(message.guardian) if message.HasField("guardian") else None,
        message.told_by,
        messages.moment(message.told_at),
        message.minor,
    )


def _account(message: wire.Account) -> Account:
    return Account(
        message.id,
        message.name,
        message.webhook_secret,
        messages.moment(message.created_at),
        _KINDS[message.kind],
        messages.optional_moment(message, "erases_at"),
    )


def _caller(message: wire.Principal) -> Caller:
    role = ROLES.get(message.role)
    return Caller(
        message.account_id,
        message.actor_id,
        SCOPES_OF_ROLE[role] if role else scopes_named(message.scopes),
        role,
        messages.optional_moment(message, "until"),
        message.session_id,
        message.closing,
    )


def _key(message: wire.ApiKey) -> ApiKey:
    return ApiKey(
        id=message.id,
        account_id=message.account_id,
        name=message.name,
        prefix=message.prefix,
        created_at=messages.moment(message.created_at),
        last_used_at=messages.optional_moment(message, "last_used_at"),
        revoked_at=messages.optional_moment(message, "revoked_at"),
        scopes=tuple(message.scopes),
        expires_at=messages.optional_moment(message, "expires_at"),
        rotated_until=messages.optional_moment(message, "rotated_until"),
        created_by=message.created_by,
    )
