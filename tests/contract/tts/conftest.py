"""The text-to-speech servicer on a real connection, with an engine that hums."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pytest
from vultus.tts.v1 import tts_service_pb2_grpc

from services.common.grpc_client import open_channel
from services.common.grpc_server import serve_grpc
from services.tts.app import SERVICE_NAME
from services.tts.engine import Interrupt, Stopped, Take
from services.tts.language import Language
from services.tts.pronunciation import Pronouncer
from services.tts.servicer import Limits, TtsServicer
from services.tts.voices import Voice

RATE = 24_000
PHONEME = 1_200
"""Samples that a phoneme lasts at speed 1."""


class HummingEngine:
    """Hums every phoneme for the same time, between 100 ms of silence."""

    voices = (
        Voice("vo_en_hum", "Hum", "en-US", "female", "hum"),
        Voice("vo_zh_heng", "Heng", "zh-CN", "male", "heng"),
    )
    sample_rate_hz = RATE
    max_phonemes = 400

    def __init__(self) -> None:
        self.spoken: list[str] = []
        self.languages: list[Language] = []
        self.free = threading.Event()
        """Speaking waits while this is not set."""
        self.free.set()
        self.waiting = threading.Event()
        self.stopped = threading.Event()

    def speak(
        self, phonemes: str, voice: Voice, language: Language, speed: float, interrupt: Interrupt
    ) -> Take:
        self.spoken.append(phonemes)
        self.languages.append(language)
        interrupt.listen(self.free.set)
        self.waiting.set()
        self.free.wait()
        if interrupt.thrown:
            self.stopped.set()
            raise Stopped
        length = int(PHONEME / speed)
        silence = np.zeros(RATE // 10, np.float32)
        tone = np.sin(np.arange(length * len(phonemes)) / 20).astype(np.float32) / 4
        return Take(
            np.concatenate((silence, tone, silence)), len(silence), [length] * len(phonemes)
        )


@dataclass(frozen=True, slots=True)
class House:
    """A running service and its engine."""

    stub: tts_service_pb2_grpc.TtsServiceAsyncStub
    engine: HummingEngine


@pytest.fixture(scope="session")
def pronouncer() -> Pronouncer:
    return Pronouncer()


@pytest.fixture
async def house(pronouncer: Pronouncer) -> AsyncIterator[House]:
    """Two utterances at once, 2 000 characters at most."""
    engine = HummingEngine()
    with ThreadPoolExecutor(1) as executor:
        servicer = TtsServicer(engine, pronouncer, executor, Limits(2, 2_000))
        add = tts_service_pb2_grpc.add_TtsServiceServicer_to_server
        services = {SERVICE_NAME: lambda server: add(servicer, server)}
        async with serve_grpc("127.0.0.1:0", services, drain_timeout_s=1) as endpoint:
            await endpoint.set_serving(True)
            async with open_channel(endpoint.address) as channel:
                yield House(tts_service_pb2_grpc.TtsServiceStub(channel), engine)
        engine.free.set()
