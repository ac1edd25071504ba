"""Builds the text-to-speech service: the one place where its parts are put together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import grpc
from vultus.tts.v1 import tts_service_pb2_grpc

from services.common.grpc_server import serve_grpc
from services.common.models import ModelStore
from services.tts.kokoro import KokoroEngine, open_kokoro
from services.tts.pronunciation import Pronouncer
from services.tts.servicer import Limits, TtsServicer
from services.tts.settings import TtsSettings

SERVICE_NAME = "vultus.tts.v1.TtsService"


@asynccontextmanager
async def serve(settings: TtsSettings) -> AsyncIterator[str]:
    """Serves TtsService until the block ends, then drains.

    Raises StartupError when a model is missing or altered, or a demanded execution provider is not
    there.
    """
    engine = await asyncio.to_thread(open_engine, settings)
    pronouncer = await asyncio.to_thread(Pronouncer)
    limits = Limits(settings.max_utterances, settings.max_characters)
    with ThreadPoolExecutor(settings.synthesis_threads, "speak") as executor:
        servicer = TtsServicer(engine, pronouncer, executor, limits)

        def register(server: grpc.aio.Server) -> None:
            tts_service_pb2_grpc.add_TtsServiceServicer_to_server(servicer, server)

        async with serve_grpc(
            settings.listen,
            {SERVICE_NAME: register},
            drain_timeout_s=settings.drain_timeout_s,
            tls=settings.tls,
            health_listen=settings.health_listen,
        ) as endpoint:
            await endpoint.set_serving(True)
            yield endpoint.address


def open_engine(settings: TtsSettings) -> KokoroEngine:
    """Verifies and opens the models."""
    store = ModelStore(settings.home)
    return open_kokoro(
        store.path("kokoro"),
        store.path("kokoro-voices"),
        threads=settings.onnx_threads,
        providers=settings.onnx_providers,
    )
