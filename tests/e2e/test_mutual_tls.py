"""The whole stack, every service known to the others by its certificate."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from vultus.storage.v1 import account_service_pb2, account_service_pb2_grpc

from services.common.errors import Forbidden, Unavailable
from services.common.grpc_client import open_channel, unary
from services.common.tls import Tls
from tests.e2e.conftest import Stack


async def accounts(address: str, tls: Tls | None) -> int:
    """How many accounts storage tells."""
    async with open_channel(address, tls) as channel:
        stub = account_service_pb2_grpc.AccountServiceStub(channel)
        told = await unary(stub.ListAccounts(account_service_pb2.ListAccountsRequest(), timeout=10))
        return len(told.accounts)


def test_a_stack_of_mutual_tls_makes_avatars_and_hears_nobody_else(tmp_path: Path) -> None:
    stack = Stack(tmp_path / "vultus", VULTUS_TLS="true")
    stack.start()
    try:
        with stack.api() as api:
            assert api.avatar()
        folder = stack.home / "secrets" / "tls"
        storage = str(stack.process("storage")["address"])
        assert asyncio.run(accounts(storage, Tls.load(folder / "operator"))) == 1
        with pytest.raises(Forbidden):
            asyncio.run(accounts(storage, Tls.load(folder / "tts")))
        with pytest.raises(Unavailable):
            asyncio.run(accounts(storage, None))
    finally:
        assert stack.stop() == 0
