"""Who may speak with whom: mutual TLS on a real connection."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from vultus.tts.v1 import tts_service_pb2, tts_service_pb2_grpc

from services.common.errors import Forbidden, StartupError, Unavailable
from services.common.grpc_client import open_channel, responses, unary
from services.common.grpc_server import Endpoint, serve_grpc
from services.common.settings import ServiceSettings
from services.common.tls import AUTHORITY, CERTIFICATE, KEY, Tls
from services.local.certificates import Authority, certify_all
from services.local.ports import choose_ports
from tests.contract.common.test_grpc_plumbing import SERVICE, Servicer


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders of processes that one authority has certified, and of one that another has."""
    folder = tmp_path_factory.mktemp("tls")
    certify_all(("tts", "gateway", "moderation"), folder)
    certify_all(("gateway",), folder / "foreign")
    return folder


@asynccontextmanager
async def serving(certified: Path, **options: str) -> AsyncIterator[Endpoint]:
    """A server that the gateway may call."""

    def register(server: grpc.aio.Server) -> None:
        tts_service_pb2_grpc.add_TtsServiceServicer_to_server(Servicer(), server)

    async with serve_grpc(
        "127.0.0.1:0",
        {SERVICE: register},
        drain_timeout_s=0,
        tls=Tls.load(certified / "tts", ("gateway",)),
        **options,
    ) as endpoint:
        await endpoint.set_serving(True)
        yield endpoint


async def called(endpoint: Endpoint, tls: Tls | None, host: str = "127.0.0.1") -> None:
    """One call; raises what became of it."""
    port = endpoint.address.rpartition(":")[2]
    async with open_channel(f"{host}:{port}", tls) as channel:
        stub = tts_service_pb2_grpc.TtsServiceStub(channel)
        await unary(stub.ListVoices(tts_service_pb2.ListVoicesRequest(), timeout=10))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_peer_of_the_authority_with_the_right_name_may_call(
    certified: Path, host: str
) -> None:
    async with serving(certified) as endpoint:
        await called(endpoint, Tls.load(certified / "gateway"), host)


async def test_another_name_may_not(certified: Path) -> None:
    async with serving(certified) as endpoint:
        other = Tls.load(certified / "moderation")
        with pytest.raises(Forbidden):
            await called(endpoint, other)
        async with open_channel(endpoint.address, other) as channel:
            stub = tts_service_pb2_grpc.TtsServiceStub(channel)
            with pytest.raises(Forbidden):
                await anext(responses(stub.Synthesize(iter(()), timeout=10)))


async def test_a_foreign_authority_is_not_believed_by_either_side(certified: Path) -> None:
    foreign = Tls.load(certified / "foreign" / "gateway")
    own = Tls.load(certified / "gateway")
    mixed = Tls(own.folder, foreign.certificate, foreign.key, own.authority, frozenset())
    async with serving(certified) as endpoint:
        for tls in (foreign, mixed):
            with pytest.raises(Unavailable):
                await called(endpoint, tls)


async def test_nobody_without_a_certificate_is_heard(certified: Path) -> None:
    async with serving(certified) as endpoint:
        with pytest.raises(Unavailable):
            await called(endpoint, None)
        authority = (certified / "gateway" / AUTHORITY).read_bytes()
        bare = grpc.ssl_channel_credentials(authority)
        async with grpc.aio.secure_channel(endpoint.address, bare) as channel:
            stub = tts_service_pb2_grpc.TtsServiceStub(channel)
            with pytest.raises(Unavailable):
                await unary(stub.ListVoices(tts_service_pb2.ListVoicesRequest(), timeout=10))


async def test_a_client_that_wants_tls_does_not_speak_in_the_clear(certified: Path) -> None:
    async with serve_grpc("127.0.0.1:0", {}, drain_timeout_s=0) as endpoint:
        with pytest.raises(Unavailable):
            await called(endpoint, Tls.load(certified / "gateway"))


async def test_a_server_of_another_name_is_not_spoken_to(certified: Path, tmp_path: Path) -> None:
    """Its certificate is good, but not for the host that was called."""
    authority = Authority()
    authority.certify("tts", tmp_path / "tts")
    authority.certify("gateway", tmp_path / "gateway")
    async with serve_grpc(
        "127.0.0.1:0", {}, drain_timeout_s=0, tls=Tls.load(tmp_path / "tts")
    ) as endpoint:
        gateway = Tls.load(tmp_path / "gateway")
        called_otherwise = (("grpc.ssl_target_name_override", "storage"),)
        async with grpc.aio.secure_channel(
            endpoint.address, gateway.client(), options=called_otherwise
        ) as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await stub.Check(health_pb2.HealthCheckRequest(), timeout=10)
    assert raised.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_probes_that_know_no_tls_have_a_door_of_their_own(
    certified: Path, tmp_path: Path
) -> None:
    port = choose_ports(("health",), tmp_path / "ports.json")["health"]
    listen = f"127.0.0.1:{port}"
    serving_status = health_pb2.HealthCheckResponse.SERVING
    async with serving(certified, health_listen=listen), open_channel(listen) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=10)
        assert answer.status == serving_status
        voices = tts_service_pb2_grpc.TtsServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await voices.ListVoices(tts_service_pb2.ListVoicesRequest(), timeout=10)
    assert raised.value.code() is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize("name", [CERTIFICATE, KEY, AUTHORITY])
@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN NOTHING-----\n"])
def test_files_that_are_missing_or_bad_stop_the_start(
    tmp_path: Path, name: str, content: bytes | None
) -> None:
    certify_all(("tts",), tmp_path)
    file = tmp_path / "tts" / name
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(StartupError, match="can't be used"):
        Tls.load(tmp_path / "tts")


def test_a_key_of_another_certificate_stops_the_start(tmp_path: Path) -> None:
    certify_all(("tts", "gateway"), tmp_path)
    (tmp_path / "tts" / KEY).write_bytes((tmp_path / "gateway" / KEY).read_bytes())
    with pytest.raises(StartupError, match="can't be used"):
        Tls.load(tmp_path / "tts")


def test_keys_of_the_local_authority_are_for_their_owner_alone(certified: Path) -> None:
    assert (certified / "tts" / KEY).stat().st_mode & 0o077 == 0


def test_without_a_folder_there_is_no_tls() -> None:
    assert ServiceSettings().tls is None
