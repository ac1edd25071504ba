"""The service that judges, over gRPC."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

import grpc
from vultus.moderation.v1 import moderation_service_pb2 as wire
from vultus.moderation.v1.moderation_service_pb2_grpc import ModerationServiceStub

from services.common.grpc_client import call_metadata, unary
from services.gateway import media
from services.gateway.challenges import Phrase, Statement
from services.gateway.clients import messages
from services.gateway.clients.calls import duplex, upload
from services.gateway.consents import Check
from services.gateway.moderation.policy import LabelRule, Policy, Uncovered
from services.gateway.records import Finding, ImagePurpose, Suggestion, Verdict

_JUDGE_S = 60.0
_WATCH_S = 300.0
_LISTEN_S = 3600.0
"""A recording of an hour is transcribed before it is judged."""
_SUGGESTIONS = {
    wire.SUGGESTION_PASS: Suggestion.PASS,
    wire.SUGGESTION_REVIEW: Suggestion.REVIEW,
    wire.SUGGESTION_BLOCK: Suggestion.BLOCK,
}
_SUGGESTIONS_TO_WIRE = {suggestion: number for number, suggestion in _SUGGESTIONS.items()}
_UNCOVERED = {
    Uncovered.SINGLE_FACE: wire.UNCOVERED_RULE_SINGLE_FACE,
    Uncovered.PASS: wire.UNCOVERED_RULE_PASS,
    Uncovered.REVIEW: wire.UNCOVERED_RULE_REVIEW,
}
_PURPOSES = {
    None: wire.IMAGE_PURPOSE_UNSPECIFIED,
    ImagePurpose.PORTRAIT: wire.IMAGE_PURPOSE_PORTRAIT,
    ImagePurpose.BACKGROUND: wire.IMAGE_PURPOSE_BACKGROUND,
}


class GrpcModerator:
    """The moderation service."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = ModerationServiceStub(channel)

    async def check_text(
        self, text: str, *, language: str | None = None, policy: Policy | None = None
    ) -> Verdict:
        """Judges a whole text."""
        request = wire.CheckTextRequest(text=text, language=language, policy=_policy(policy))
        call = self._stub.CheckText(request, timeout=_JUDGE_S, metadata=call_metadata())
        return _verdict((await unary(call)).verdict)

    async def check_image(
        self,
        image: media.ObjectRef,
        *,
        purpose: ImagePurpose | None = None,
        policy: Policy | None = None,
    ) -> Verdict:
        """Judges a validated image in storage."""
        request = wire.CheckImageRequest(
            image=messages.ref_to_wire(image), purpose=_PURPOSES[purpose], policy=_policy(policy)
        )
        call = self._stub.CheckImage(request, timeout=_JUDGE_S, metadata=call_metadata())
        return _verdict((await unary(call)).verdict)

    async def check_text_stream(
        self, pieces: AsyncGenerator[str, None], *, policy: Policy | None = None
    ) -> AsyncGenerator[tuple[str, Verdict], None]:
        """Judges a text while it is written."""
        call = self._stub.CheckTextStream(metadata=call_metadata())
        async with aclosing(duplex(call, _written(pieces, policy))) as stream:
            async for response in stream:
                yield response.text, _verdict(response.verdict)

    async def check_audio(
        self,
        audio: AsyncGenerator[media.AudioChunk, None],
        *,
        language: str | None = None,
        policy: Policy | None = None,
    ) -> Verdict:
        """Judges a recording by what is said in it."""
        call = self._stub.CheckAudio(timeout=_LISTEN_S, metadata=call_metadata())
        config = wire.CheckAudioConfig(language=language, policy=_policy(policy))
        response = await upload(call, _judged(audio, config))
        return replace(_verdict(response.verdict), language=response.language)

    async def check_statement(
        self, film: media.ObjectRef, portrait: media.ObjectRef | None, phrase: Phrase
    ) -> Statement:
        """What a film in storage shows of somebody who reads."""
        request = wire.CheckStatementRequest(
            film=messages.ref_to_wire(film),
            portrait=messages.ref_to_wire(portrait) if portrait else None,
            sentence=phrase.sentence,
            secret=phrase.secret,
            language=phrase.language,
        )
        call = self._stub.CheckStatement(request, timeout=_WATCH_S, metadata=call_metadata())
        found = await unary(call)
        checks = tuple(Check(one.name, one.passed, one.score) for one in found.checks)
        return Statement(checks, tuple(found.voice))


async def _written(
    pieces: AsyncGenerator[str, None], policy: Policy | None
) -> AsyncGenerator[wire.CheckTextStreamRequest, None]:
    told = _policy(policy)
    async with aclosing(pieces):
        async for piece in pieces:
            yield wire.CheckTextStreamRequest(text=piece, policy=told)
            told = None


async def _judged(
    audio: AsyncGenerator[media.AudioChunk, None], config: wire.CheckAudioConfig
) -> AsyncGenerator[wire.CheckAudioRequest, None]:
    async with aclosing(audio):
        yield wire.CheckAudioRequest(config=config)
        async for chunk in audio:
            yield wire.CheckAudioRequest(audio=messages.chunk_to_wire(chunk))


def _policy(policy: Policy | None) -> wire.Policy | None:
    if policy is None or policy.version == 0:
        return None
    return wire.Policy(
        version=policy.version,
        labels=map(_rule, policy.labels),
        deny=[
            wire.DeniedPhrase(
                phrase=one.phrase,
                label=one.label,
                suggestion=_SUGGESTIONS_TO_WIRE[one.suggestion],
            )
            for one in policy.deny
        ],
        allow=policy.allow,
        languages=policy.languages,
        uncovered=_UNCOVERED[policy.uncovered],
    )


def _rule(rule: LabelRule) -> wire.LabelRule:
    return wire.LabelRule(
        label=rule.label,
        suggestion=(
            _SUGGESTIONS_TO_WIRE[rule.suggestion]
            if rule.suggestion
            else wire.SUGGESTION_UNSPECIFIED
        ),
        review_from=rule.review_from,
        block_from=rule.block_from,
    )


def _verdict(message: wire.Verdict) -> Verdict:
    """A judgement; a suggestion that is not known counts as BLOCK."""
    return Verdict(
        _SUGGESTIONS.get(message.suggestion, Suggestion.BLOCK),
        tuple(category.label for category in message.categories),
        message.policy_version,
        findings=tuple(map(_finding, message.categories)),
        evaluated=tuple(message.evaluated),
        not_evaluated=tuple(message.not_evaluated),
    )


def _finding(message: wire.Category) -> Finding:
    return Finding(
        message.label,
        message.sub_label,
        message.score,
        wire.FindingSource.Name(message.source).removeprefix("FINDING_SOURCE_"),
        tuple((span.start, span.end) for span in message.spans),
    )
