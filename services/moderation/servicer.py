"""The wire of ModerationService: messages in, the judges' verdicts out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import grpc
import structlog
from vultus.media.v1 import media_pb2
from vultus.moderation.v1 import moderation_service_pb2 as wire
from vultus.moderation.v1 import moderation_service_pb2_grpc

from services.common.admission import Slots
from services.common.errors import DeadlineExceeded, InvalidInput, TextTooLong
from services.common.image import decode_image
from services.common.telemetry import stage
from services.moderation.audio import AudioJudge
from services.moderation.clauses import ClauseCutter, ClauseJudge
from services.moderation.image import ImageJudge, Purpose
from services.moderation.messages import read_policy
from services.moderation.policy import NO_POLICY, Policy
from services.moderation.sound import Chunk
from services.moderation.statement.check import Phrase, StatementChecker
from services.moderation.statement.reader import film_of
from services.moderation.store import ObjectName, Objects
from services.moderation.text import TextJudge
from services.moderation.verdict import Finding, FindingSource, Suggestion, Verdict

log = structlog.get_logger()

MAX_TEXT = 20_000
MAX_FILM_BYTES = 100_000_000

_SUGGESTIONS = {
    Suggestion.PASS: wire.SUGGESTION_PASS,
    Suggestion.REVIEW: wire.SUGGESTION_REVIEW,
    Suggestion.BLOCK: wire.SUGGESTION_BLOCK,
}
_SOURCES = {
    FindingSource.LEXICON: wire.FINDING_SOURCE_LEXICON,
    FindingSource.MODEL: wire.FINDING_SOURCE_MODEL,
}
_PURPOSES = {
    wire.IMAGE_PURPOSE_PORTRAIT: Purpose.PORTRAIT,
    wire.IMAGE_PURPOSE_BACKGROUND: Purpose.BACKGROUND,
}

Context = grpc.aio.ServicerContext[Any, Any]
RequestT = TypeVar("RequestT")
_MayHavePolicy = (
    wire.CheckTextRequest
    | wire.CheckImageRequest
    | wire.CheckAudioConfig
    | wire.CheckTextStreamRequest
)


@dataclass(frozen=True, slots=True)
class Judges:
    """Who judges what."""

    texts: TextJudge
    images: ImageJudge
    recordings: AudioJudge
    statements: StatementChecker


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is taken on."""

    max_waiting_texts: int
    max_waiting_images: int
    max_recordings: int
    max_text_streams: int
    max_statements: int
    max_image_bytes: int
    stall_s: float


class ModerationServicer(moderation_service_pb2_grpc.ModerationServiceServicer):
    """Serves ModerationService; `reading`, `looking`, `listening`: threads for slow work."""

    def __init__(
        self,
        judges: Judges,
        objects: Objects,
        limits: Limits,
        *,
        reading: Executor,
        looking: Executor,
        listening: Executor,
    ) -> None:
        self._judges = judges
        self._objects = objects
        self._limits = limits
        self._reading = reading
        self._looking = looking
        self._listening = listening
        self._texts = Slots(limits.max_waiting_texts, "too many texts are waiting")
        self._images = Slots(limits.max_waiting_images, "too many pictures are waiting")
        self._recordings = Slots(limits.max_recordings, "too many recordings are listened to")
        self._streams = Slots(limits.max_text_streams, "too many texts are being written")
        self._statements = Slots(limits.max_statements, "too many statements are waiting")
        self._films = asyncio.Semaphore(1)

    async def CheckText(
        self, request: wire.CheckTextRequest, context: Context
    ) -> wire.CheckTextResponse:
        """See the proto."""
        if len(request.text) > MAX_TEXT:
            raise TextTooLong(f"the text has more than {MAX_TEXT} characters")
        language = request.language if request.HasField("language") else None
        loop = asyncio.get_running_loop()
        with self._texts.taken(), stage("judge_text"):
            policy = await self._policy(request)
            judge = partial(self._judges.texts.judge, request.text, language, policy=policy)
            verdict = await loop.run_in_executor(self._reading, judge)
        return wire.CheckTextResponse(verdict=_told("text", verdict))

    async def CheckImage(
        self, request: wire.CheckImageRequest, context: Context
    ) -> wire.CheckImageResponse:
        """See the proto."""
        name = _name(request.image)
        purpose = _PURPOSES.get(request.purpose, Purpose.UNKNOWN)
        loop = asyncio.get_running_loop()
        with self._images.taken(), stage("judge_image"):
            policy = await self._policy(request)
            data = await self._objects.read(name, self._limits.max_image_bytes)
            check = partial(self._judges.images.check, data, purpose, policy)
            verdict = await loop.run_in_executor(self._looking, check)
        return wire.CheckImageResponse(verdict=_told("image", verdict))

    async def CheckAudio(
        self, request_iterator: AsyncIterator[wire.CheckAudioRequest], context: Context
    ) -> wire.CheckAudioResponse:
        """See the proto."""
        with self._recordings.taken(), stage("judge_audio"):
            requests = _timely(request_iterator, self._limits.stall_s)
            config = await _config(requests)
            language = config.language if config.HasField("language") else None
            policy = await self._policy(config)
            judged = await self._judges.recordings.judge(_chunks(requests), language, policy)
        return wire.CheckAudioResponse(
            verdict=_told("audio", judged.verdict), language=judged.language
        )

    async def CheckTextStream(
        self, request_iterator: AsyncIterator[wire.CheckTextStreamRequest], context: Context
    ) -> AsyncIterator[wire.CheckTextStreamResponse]:
        """See the proto."""
        loop = asyncio.get_running_loop()
        with self._streams.taken():
            requests = _timely(request_iterator, self._limits.stall_s)
            first = await anext(requests, None)
            if first is None:
                return
            judge = ClauseJudge(self._judges.texts, await self._policy(first))
            async for clause in _clauses(first.text, requests):
                judged = await loop.run_in_executor(self._reading, judge.judge, clause)
                blocked = judged.verdict.suggestion is Suggestion.BLOCK
                yield wire.CheckTextStreamResponse(
                    text="" if blocked else clause, verdict=_told("text_stream", judged.verdict)
                )
                if blocked:
                    return

    async def CheckStatement(
        self, request: wire.CheckStatementRequest, context: Context
    ) -> wire.CheckStatementResponse:
        """See the proto."""
        phrase = Phrase(request.sentence, request.secret, request.language)
        loop = asyncio.get_running_loop()
        with self._statements.taken():
            # One at a time: a film's pictures take hundreds of megabytes.
            async with self._films:
                with stage("check_statement"):
                    content = await self._objects.read(_name(request.film), MAX_FILM_BYTES)
                    film = await film_of(content)
                    portrait = None
                    if request.HasField("portrait"):
                        data = await self._objects.read(
                            _name(request.portrait), self._limits.max_image_bytes
                        )
                        portrait = await loop.run_in_executor(self._looking, decode_image, data)
                    # The transcriber is called in its own thread alone.
                    check = partial(self._judges.statements.check, film, portrait, phrase)
                    checked = await loop.run_in_executor(self._listening, check)
        return wire.CheckStatementResponse(
            checks=[
                wire.StatementCheck(name=one.name, passed=one.passed, score=one.score)
                for one in checked.checks
            ],
            voice=checked.voice.tolist(),
        )

    async def _policy(self, message: _MayHavePolicy) -> Policy:
        """The policy that came with a message; raises InvalidInput for one that is not sound."""
        if not message.HasField("policy"):
            return NO_POLICY
        serialized = message.policy.SerializeToString(deterministic=True)
        loop = asyncio.get_running_loop()
        policy = await loop.run_in_executor(self._reading, read_policy, serialized)
        self._judges.texts.admit(policy)
        return policy


async def _timely(requests: AsyncIterator[RequestT], stall_s: float) -> AsyncIterator[RequestT]:
    """The requests; raises DeadlineExceeded when the next one does not come in time."""
    while True:
        try:
            async with asyncio.timeout(stall_s):
                request = await anext(requests)
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            raise DeadlineExceeded(f"nothing came for {stall_s:g} seconds") from error
        yield request


async def _config(requests: AsyncIterator[wire.CheckAudioRequest]) -> wire.CheckAudioConfig:
    first = await anext(requests, None)
    if first is None or first.WhichOneof("payload") != "config":
        raise InvalidInput("the first message must hold the config")
    return first.config


async def _chunks(requests: AsyncIterator[wire.CheckAudioRequest]) -> AsyncIterator[Chunk]:
    async for request in requests:
        if request.WhichOneof("payload") != "audio":
            raise InvalidInput("every message after the config must hold sound")
        yield Chunk(request.audio.pcm_s16le, request.audio.sample_rate_hz)


async def _clauses(
    begun: str, requests: AsyncIterator[wire.CheckTextStreamRequest]
) -> AsyncIterator[str]:
    """The clauses of a text that begins so."""
    cutter = ClauseCutter()
    for clause in cutter.add(begun):
        yield clause
    async for request in requests:
        if request.HasField("policy"):
            raise InvalidInput("only the first piece may bring a policy")
        for clause in cutter.add(request.text):
            yield clause
    if rest := cutter.rest():
        yield rest


def _name(ref: media_pb2.ObjectRef) -> ObjectName:
    if not (ref.bucket and ref.key):
        raise InvalidInput("an object must name a bucket and a key")
    return ObjectName(ref.bucket, ref.key)


def _told(kind: str, verdict: Verdict) -> wire.Verdict:
    """The verdict as a message; logs what was not passed, never the content."""
    if verdict.suggestion is not Suggestion.PASS:
        log.info(
            "content.flagged",
            kind=kind,
            suggestion=verdict.suggestion.name.lower(),
            labels=[finding.label.value for finding in verdict.findings],
            policy_version=verdict.policy_version,
        )
    return wire.Verdict(
        suggestion=_SUGGESTIONS[verdict.suggestion],
        categories=map(_category, verdict.findings),
        evaluated=verdict.evaluated,
        not_evaluated=verdict.not_evaluated,
        policy_version=verdict.policy_version,
    )


def _category(finding: Finding) -> wire.Category:
    return wire.Category(
        label=finding.label,
        sub_label=finding.sub_label,
        score=finding.score,
        source=_SOURCES[finding.source],
        spans=[wire.Span(start=span.start, end=span.end) for span in finding.spans],
    )
