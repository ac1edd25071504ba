"""The message server by mutual TLS."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.common.errors import Unavailable
from services.common.jetstream import JobQueue, connect
from services.common.tls import AUTHORITY, CERTIFICATE, KEY, Tls
from services.local.certificates import certify_all
from tests.integration.conftest import NatsServer


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    certify_all(("nats", "gateway"), tmp_path)
    certify_all(("gateway",), tmp_path / "foreign")
    return tmp_path


@pytest.fixture
def server(certificates: Path) -> Iterator[NatsServer]:
    """One that wants a certificate of everybody."""
    folder = certificates / "nats"
    options = (
        "--tlsverify",
        *("--tlscert", str(folder / CERTIFICATE), "--tlskey", str(folder / KEY)),
        *("--tlscacert", str(folder / AUTHORITY)),
    )
    running = NatsServer(certificates / "data", *options, scheme="tls")
    running.start()
    yield running
    running.kill()


async def test_jobs_go_by_tls_among_those_who_are_certified(
    server: NatsServer, certificates: Path
) -> None:
    tls = Tls.load(certificates / "gateway")
    async with connect(server.url, name="test", tls=tls) as client:
        await JobQueue(client).ensure_streams()


@pytest.mark.parametrize("folder", ["foreign/gateway", None])
async def test_nobody_else_is_heard(
    server: NatsServer, certificates: Path, folder: str | None
) -> None:
    tls = Tls.load(certificates / folder) if folder else None
    with pytest.raises(Unavailable):
        async with connect(server.url, name="test", tls=tls, first_wait_s=2):
            pass
