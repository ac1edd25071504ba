"""The whole storage service on a real S3 server and a database of its own."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from minio import Minio

from services.common.grpc_client import open_channel
from services.gateway.clients.accounts import GrpcAccounts
from services.local.infrastructure import S3_PORTS, S3Credentials, s3_server
from services.local.ports import choose_ports
from services.storage.app import serve
from services.storage.objects.store import S3Server
from services.storage.settings import StorageSettings

CREDENTIALS = S3Credentials("vultus-tests", "a secret of the tests alone")
PLENTY = "1MiB"


class SeaweedFs:
    """A real SeaweedFS on loopback; killed, it can come back on its port with its data."""

    def __init__(self, folder: Path) -> None:
        ports = choose_ports(S3_PORTS, folder / "ports.json")
        self._spec = s3_server(ports, folder / "data", CREDENTIALS, folder / "weed.json")
        self._process: subprocess.Popen[bytes] | None = None
        self.endpoint = self._spec.address

    def start(self, min_free_space: str = PLENTY) -> None:
        self._spec.before_start()
        command = [
            f"-volume.minFreeSpace={min_free_space}" if "minFreeSpace" in argument else argument
            for argument in self._spec.command
        ]
        self._process = subprocess.Popen(  # noqa: S603 - the server under test
            command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **self._spec.environment},
        )
        while not asyncio.run(self._ready()):
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(0.1)
                raise RuntimeError("SeaweedFS ended before it was ready")

    async def _ready(self) -> bool:
        return await self._spec.ready()

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
        self._spec.before_start()

    @property
    def server(self) -> S3Server:
        return S3Server(
            self.endpoint, CREDENTIALS.access_key, CREDENTIALS.secret_key, False, "us-east-1"
        )


@pytest.fixture(scope="session")
def seaweedfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeaweedFs]:
    """One for all tests; what it holds is told apart by bucket prefixes."""
    server = SeaweedFs(tmp_path_factory.mktemp("s3"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def mortal_seaweedfs(tmp_path: Path) -> Iterator[SeaweedFs]:
    """One for a single test, which may kill it; it is not started yet."""
    server = SeaweedFs(tmp_path / "s3")
    yield server
    server.kill()


@dataclass(frozen=True, slots=True)
class Storage:
    """A running storage service with one account."""

    channel: grpc.aio.Channel
    account_id: str
    spool: Path
    s3: Minio
    prefix: str

    def stored(self) -> set[str]:
        """Every object as `bucket/key`, and every upload that was begun and not ended."""
        return {
            f"{kind}/{found.object_name}"
            for kind in ("assets", "avatars", "videos")
            for found in (
                *self.s3.list_objects(f"{self.prefix}{kind}", recursive=True),
                *self.s3._list_multipart_uploads(f"{self.prefix}{kind}").uploads,
            )
        }


async def until_serving(channel: grpc.aio.Channel) -> None:
    stub = health_pb2_grpc.HealthStub(channel)
    serving = health_pb2.HealthCheckResponse.SERVING
    while (await stub.Check(health_pb2.HealthCheckRequest())).status != serving:
        pass


Serve = Callable[..., AbstractAsyncContextManager[Storage]]


@pytest.fixture
def serve_storage(tmp_path: Path) -> Serve:
    """Serves storage on an S3 server, with settings of one's own."""

    @asynccontextmanager
    async def running(
        s3: SeaweedFs, *, waiting: bool = True, **settings: Any
    ) -> AsyncIterator[Storage]:
        prefix = f"t{abs(hash(tmp_path)):x}-"
        values = {
            "home": tmp_path,
            "s3_endpoint": s3.endpoint,
            "s3_access_key": CREDENTIALS.access_key,
            "s3_secret_key": CREDENTIALS.secret_key,
            "s3_bucket_prefix": prefix,
            "drain_timeout_s": 0,
            **settings,
        }
        chosen = StorageSettings.model_validate(values)
        client = s3.server.client(connections=4)
        async with serve(chosen) as address, open_channel(address) as channel:
            if waiting:
                await until_serving(channel)
            account = await GrpcAccounts(channel).create_account("Ada")
            yield Storage(channel, account.id, chosen.spool, client, prefix)

    return running


@pytest.fixture
async def storage(seaweedfs: SeaweedFs, serve_storage: Serve) -> AsyncIterator[Storage]:
    async with serve_storage(seaweedfs) as running:
        yield running
