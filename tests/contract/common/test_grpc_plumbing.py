"""The server and the client of services.common, over a real connection."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from vultus.tts.v1 import tts_service_pb2, tts_service_pb2_grpc

from services.common.errors import Internal, NotFound, Unavailable, VoiceNotFound
from services.common.grpc_client import call_metadata, open_channel, responses, unary
from services.common.grpc_server import Endpoint, serve_grpc
from services.common.logging import current_request_id, request_scope

SERVICE = "vultus.tts.v1.TtsService"
TOTAL_MESSAGES = 2_000


class Servicer(tts_service_pb2_grpc.TtsServiceServicer):
    def __init__(self) -> None:
        self.request_id: str | None = None
        self.sent = 0
        self.cancelled = asyncio.Event()

    async def ListVoices(self, request: Any, context: Any) -> Any:
        self.request_id = current_request_id()
        match request.language:
            case "missing":
                raise VoiceNotFound("no such voice", voice_id="vo_x")
            case "broken":
                raise ZeroDivisionError
        return tts_service_pb2.ListVoicesResponse()

    async def Synthesize(self, request_iterator: Any, context: Any) -> AsyncIterator[Any]:
        first = await anext(aiter(request_iterator))
        try:
            for _ in range(TOTAL_MESSAGES):
                response = tts_service_pb2.SynthesizeResponse()
                response.audio.pcm_s16le = bytes(1_280)
                yield response
                self.sent += 1
                if first.config.voice_id == "fails":
                    raise VoiceNotFound("after one message")
        except (asyncio.CancelledError, GeneratorExit):
            self.cancelled.set()
            raise


@asynccontextmanager
async def serving(servicer: Servicer) -> AsyncIterator[Endpoint]:
    def register(server: grpc.aio.Server) -> None:
        tts_service_pb2_grpc.add_TtsServiceServicer_to_server(servicer, server)

    async with serve_grpc("127.0.0.1:0", {SERVICE: register}, drain_timeout_s=1) as endpoint:
        await endpoint.set_serving(True)
        yield endpoint


async def config(voice_id: str) -> AsyncIterator[tts_service_pb2.SynthesizeRequest]:
    yield tts_service_pb2.SynthesizeRequest(
        config=tts_service_pb2.SynthesizeConfig(voice_id=voice_id)
    )


async def test_errors_keep_their_class_message_and_context() -> None:
    async with serving(Servicer()) as endpoint, open_channel(endpoint.address) as channel:
        stub = tts_service_pb2_grpc.TtsServiceStub(channel)
        with pytest.raises(VoiceNotFound, match="no such voice") as caught:
            await unary(stub.ListVoices(tts_service_pb2.ListVoicesRequest(language="missing")))
        assert caught.value.context == {"voice_id": "vo_x"}


async def test_an_unexpected_error_tells_nothing_of_the_inside() -> None:
    async with serving(Servicer()) as endpoint, open_channel(endpoint.address) as channel:
        stub = tts_service_pb2_grpc.TtsServiceStub(channel)
        with pytest.raises(Internal, match=r"^internal error$"):
            await unary(stub.ListVoices(tts_service_pb2.ListVoicesRequest(language="broken")))


async def test_an_error_after_the_first_message_keeps_its_class() -> None:
    async with serving(Servicer()) as endpoint, open_channel(endpoint.address) as channel:
        stub = tts_service_pb2_grpc.TtsServiceStub(channel)
        stream = responses(stub.Synthesize(config("fails")))
        assert (await anext(stream)).HasField("audio")
        with pytest.raises(VoiceNotFound):
            await anext(stream)


async def test_the_request_id_travels() -> None:
    servicer = Servicer()
    async with serving(servicer) as endpoint, open_channel(endpoint.address) as channel:
        stub = tts_service_pb2_grpc.TtsServiceStub(channel)
        with request_scope("rq_given"):
            await unary(
                stub.ListVoices(tts_service_pb2.ListVoicesRequest(), metadata=call_metadata())
            )
    assert servicer.request_id == "rq_given"


async def test_a_peer_that_is_not_there_is_unavailable() -> None:
    async with open_channel("127.0.0.1:1") as channel:
        stub = tts_service_pb2_grpc.TtsServiceStub(channel)
        with pytest.raises(Unavailable):
            await unary(stub.ListVoices(tts_service_pb2.ListVoicesRequest()))


async def test_an_unknown_method_is_not_found_or_internal_but_never_a_hang() -> None:
    async with serving(Servicer()) as endpoint, open_channel(endpoint.address) as channel:
        call: Any = channel.unary_unary("/vultus.tts.v1.TtsService/Nothing")
        with pytest.raises((NotFound, Internal)):
            await unary(call(b""))


async def test_a_slow_reader_holds_the_sender_and_leaving_cancels_it() -> None:
    servicer = Servicer()
    async with serving(servicer) as endpoint, open_channel(endpoint.address) as channel:
        stub = tts_service_pb2_grpc.TtsServiceStub(channel)
        stream = responses(stub.Synthesize(config("any")))
        for _ in range(3):
            await anext(stream)
        sent_before, sent_now = -1, servicer.sent
        while sent_now != sent_before:  # until the windows are full
            sent_before = sent_now
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(servicer.cancelled.wait(), 0.1)
            sent_now = servicer.sent
        assert sent_now < TOTAL_MESSAGES / 10
        await stream.aclose()
        await asyncio.wait_for(servicer.cancelled.wait(), 5)


async def test_health_says_when_calls_are_welcome() -> None:
    async with serving(Servicer()) as endpoint, open_channel(endpoint.address) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        for serving_now, expected in (
            (True, health_pb2.HealthCheckResponse.SERVING),
            (False, health_pb2.HealthCheckResponse.NOT_SERVING),
        ):
            await endpoint.set_serving(serving_now)
            answer = await stub.Check(health_pb2.HealthCheckRequest(service=SERVICE))
            assert answer.status == expected


async def test_who_watches_health_hears_of_changes_and_delays_no_end() -> None:
    status = health_pb2.HealthCheckResponse
    async with serving(Servicer()) as endpoint, open_channel(endpoint.address) as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch(
            health_pb2.HealthCheckRequest(service=SERVICE)
        )
        assert (await watch.read()).status == status.SERVING
        await endpoint.set_serving(False)
        assert (await watch.read()).status == status.NOT_SERVING
        assert "asyncio_" not in " ".join(thread.name for thread in threading.enumerate())
    # The server of the block above has ended although somebody watched.


async def test_a_taken_port_is_refused() -> None:
    async with serving(Servicer()) as endpoint:
        with pytest.raises(RuntimeError):
            async with serve_grpc(endpoint.address, {}, drain_timeout_s=0):
                pass


async def test_calls_go_to_all_replicas_of_a_name() -> None:
    one, other = Servicer(), Servicer()
    async with serving(one) as first, serving(other) as second:
        target = f"ipv4:{first.address},{second.address}"
        async with open_channel(target) as channel:
            stub = tts_service_pb2_grpc.TtsServiceStub(channel)
            async with asyncio.timeout(10):
                while not (one.request_id and other.request_id):
                    with request_scope("both"):
                        request = tts_service_pb2.ListVoicesRequest()
                        await unary(stub.ListVoices(request, metadata=call_metadata()))
    assert one.request_id == other.request_id == "both"
