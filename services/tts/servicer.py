"""The wire of TtsService: messages in, the domain's calls, messages out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Executor
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from vultus.media.v1 import media_pb2
from vultus.tts.v1 import tts_service_pb2 as wire
from vultus.tts.v1 import tts_service_pb2_grpc

from services.common.errors import DomainError, InvalidInput, Overloaded, VoiceNotFound
from services.common.telemetry import UTTERANCES_TOTAL
from services.tts.engine import SpeechEngine
from services.tts.pronunciation import Pronouncer
from services.tts.speaker import Speaker, Speech
from services.tts.utterance import speak
from services.tts.voices import Voice

MIN_SPEED, MAX_SPEED = 0.5, 2.0
RETRY_AFTER_S = 2.0
PARTING_S = 0.05
CHUNK_MS = 200

Context = grpc.aio.ServicerContext[Any, Any]
Response = wire.SynthesizeResponse


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is taken on."""

    max_utterances: int
    max_characters: int


class TtsServicer(tts_service_pb2_grpc.TtsServiceServicer):
    """Serves TtsService; `executor` is where the slow work is done."""

    def __init__(
        self, engine: SpeechEngine, pronouncer: Pronouncer, executor: Executor, limits: Limits
    ) -> None:
        self._engine = engine
        self._pronouncer = pronouncer
        self._executor = executor
        self._limits = limits
        self._voices = {voice.id: voice for voice in engine.voices}
        self._speaking = 0

    async def ListVoices(
        self, request: wire.ListVoicesRequest, context: Context
    ) -> wire.ListVoicesResponse:
        """See the proto."""
        voices = [
            voice
            for voice in self._engine.voices
            if not request.HasField("language") or voice.language == request.language
        ]
        return wire.ListVoicesResponse(voices=map(self._voice_to_wire, voices))

    async def Synthesize(
        self, request_iterator: AsyncIterator[wire.SynthesizeRequest], context: Context
    ) -> AsyncIterator[wire.SynthesizeResponse]:
        """See the proto."""
        try:
            voice, speed = await self._config(request_iterator)
            with self._place():
                speeches = speak(
                    _texts(request_iterator),
                    Speaker(self._engine, self._pronouncer, voice, speed),
                    self._executor,
                    max_characters=self._limits.max_characters,
                )
                clock = _Clock(self._engine.sample_rate_hz)
                async with aclosing(speeches):
                    async for speech in speeches:
                        for response in clock.responses(speech):
                            yield response
                yield Response(utterance_end=wire.UtteranceEnd(duration_us=clock.now_us))
        except DomainError:
            # A client that is in the middle of a write when its call ends never learns the reason.
            await asyncio.sleep(PARTING_S)
            raise
        UTTERANCES_TOTAL.labels("spoken").inc()

    async def _config(self, requests: AsyncIterator[wire.SynthesizeRequest]) -> tuple[Voice, float]:
        first = await anext(requests, None)
        if first is None or first.WhichOneof("payload") != "config":
            raise InvalidInput("the first message must hold the config")
        speed = first.config.speed or 1.0
        if not MIN_SPEED <= speed <= MAX_SPEED:
            raise InvalidInput(f"speed must be {MIN_SPEED:g} to {MAX_SPEED:g}")
        voice = self._voices.get(first.config.voice_id)
        if voice is None:
            raise VoiceNotFound("there is no such voice")
        return voice, speed

    @contextmanager
    def _place(self) -> Iterator[None]:
        if self._speaking >= self._limits.max_utterances:
            raise Overloaded("too many utterances at once", retry_after_s=RETRY_AFTER_S)
        self._speaking += 1
        try:
            yield
        finally:
            self._speaking -= 1

    def _voice_to_wire(self, voice: Voice) -> wire.Voice:
        return wire.Voice(
            id=voice.id,
            name=voice.name,
            language=voice.tag,
            gender=voice.gender,
            cloned=False,
            sample_rate_hz=self._engine.sample_rate_hz,
        )


async def _texts(requests: AsyncIterator[wire.SynthesizeRequest]) -> AsyncIterator[str]:
    async for request in requests:
        if request.WhichOneof("payload") != "text":
            raise InvalidInput("after the config only text may come")
        yield request.text


class _Clock:
    """Puts segments one after the other on the clock of their utterance."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._now = 0

    @property
    def now_us(self) -> int:
        """Time of the next sample."""
        return self._us(0)

    def responses(self, speech: Speech) -> Iterator[wire.SynthesizeResponse]:
        """The messages of a segment, in order."""
        yield Response(segment_start=self._start(speech))
        step = 2 * self._rate_hz * CHUNK_MS // 1000
        for first in range(0, len(speech.pcm_s16le), step):
            chunk = media_pb2.AudioChunk(
                pcm_s16le=speech.pcm_s16le[first : first + step],
                sample_rate_hz=self._rate_hz,
                start_us=self._us(first // 2),
            )
            yield Response(audio=chunk)
        yield Response(segment_end=wire.SegmentEnd())
        self._now += speech.samples

    def _us(self, sample: int) -> int:
        return (self._now + sample) * 1_000_000 // self._rate_hz

    def _start(self, speech: Speech) -> wire.SegmentStart:
        start_us, end_us = self._us(0), self._us(speech.samples)
        return wire.SegmentStart(
            text=speech.text,
            start_us=start_us,
            duration_us=end_us - start_us,
            visemes=[
                media_pb2.Viseme(
                    shape=media_pb2.VisemeShape.ValueType(viseme.shape),
                    start_us=self._us(viseme.start),
                    duration_us=self._us(viseme.end) - self._us(viseme.start),
                    weight=viseme.weight,
                )
                for viseme in speech.visemes
            ],
            words=[
                media_pb2.Word(
                    text=word.text,
                    start_us=self._us(word.start),
                    end_us=self._us(word.end),
                    char_start=word.char_start,
                    char_end=word.char_end,
                )
                for word in speech.words
            ],
        )
