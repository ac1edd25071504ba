"""Makes the first account and its API key, so that a fresh installation can be used at once."""

from __future__ import annotations

from vultus.storage.v1 import account_service_pb2 as accounts_wire
from vultus.storage.v1 import account_service_pb2_grpc

from services.common.errors import Unauthenticated
from services.common.grpc_client import open_channel, unary
from services.common.tls import Tls

_ACCOUNT_NAME = "default"
_KEY_NAME = "first"


async def working_api_key(storage_address: str, known: str | None, tls: Tls | None = None) -> str:
    """The known key where it works, else a new one of the first account.

    Raises DomainError when storage can't be asked.
    """
    async with open_channel(storage_address, tls) as channel:
        stub = account_service_pb2_grpc.AccountServiceStub(channel)
        if known and await _works(stub, known):
            return known
        accounts = (await unary(stub.ListAccounts(accounts_wire.ListAccountsRequest()))).accounts
        if accounts:
            account = accounts[0]
        else:
            request = accounts_wire.CreateAccountRequest(
                name=_ACCOUNT_NAME, kind=accounts_wire.ACCOUNT_KIND_ENTERPRISE
            )
            account = (await unary(stub.CreateAccount(request))).account
        key = await unary(
            stub.CreateApiKey(
                accounts_wire.CreateApiKeyRequest(
                    account_id=account.id, name=_KEY_NAME, scopes=["*"], created_by="operator"
                )
            )
        )
        return key.secret


async def _works(stub: account_service_pb2_grpc.AccountServiceAsyncStub, secret: str) -> bool:
    try:
        await unary(stub.Authenticate(accounts_wire.AuthenticateRequest(secret=secret)))
    except Unauthenticated:
        return False
    return True
