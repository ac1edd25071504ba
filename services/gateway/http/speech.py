"""`/v1/speech`: a text as sound, at once."""

from __future__ import annotations

import asyncio
import base64
from contextlib import aclosing
from typing import Annotated

import structlog
from fastapi import Query
from fastapi.responses import Response

from services.common.aigc import aigc_label
from services.common.errors import (
    ContentRejected,
    DeadlineExceeded,
    DomainError,
    PayloadTooLarge,
    QuotaUsedUp,
    Restricted,
    ReviewPending,
    TextEmpty,
    TextTooLong,
    UnsupportedLanguage,
    UnsupportedMedia,
    VoiceNotFound,
)
from services.common.ids import new_id
from services.gateway import sound_file, texts
from services.gateway.http.bodies import SpeechRequest
from services.gateway.http.context import AccountId, Gateway, InGateway
from services.gateway.http.problem import problems
from services.gateway.http.route import JSON_TYPE, api_router
from services.gateway.http.views import TimedSpeech, VisemeView, WordView
from services.gateway.media import Segment
from services.gateway.pipeline import SPEECH_RATE_HZ

log = structlog.get_logger()

router = api_router("speech")

_US_PER_MS = 1000
_LONGEST_S = 300.0
_FILE = {"schema": {"type": "string", "format": "binary"}}


@router.post(
    "/speech",
    response_class=Response,
    responses={
        **problems(
            ContentRejected,
            QuotaUsedUp,
            Restricted,
            ReviewPending,
            VoiceNotFound,
            TextEmpty,
            TextTooLong,
            UnsupportedLanguage,
            UnsupportedMedia,
            PayloadTooLarge,
        ),
        200: {
            "description": "The sound as a file, or with its times as JSON",
            "content": {
                **dict.fromkeys(sound_file.CONTENT_TYPES.values(), _FILE),
                JSON_TYPE: {"schema": {"$ref": "#/components/schemas/TimedSpeech"}},
            },
        },
    },
)
async def create_speech(
    body: SpeechRequest,
    gateway: InGateway,
    account_id: AccountId,
    timings: Annotated[
        bool, Query(description="Answer with JSON: the sound, its mouth shapes and its words.")
    ] = False,
) -> Response:
    """Say a text."""
    await gateway.rights.check_use(account_id)
    texts.check(body.text, max_characters=gateway.settings.max_speech_characters)
    await gateway.usage.require_speech(account_id)
    try:
        async with asyncio.timeout(_LONGEST_S):
            segments, pcm, rate_hz = await _said(gateway, account_id, body)
    except TimeoutError as error:
        raise DeadlineExceeded("it took too long to say; make the text shorter") from error
    speech_id = new_id("sp")
    await _count(gateway, account_id, speech_id, round(len(pcm) / 2 / rate_hz * 1000))
    label = aigc_label(speech_id, gateway.settings.content_producer)
    sound = await asyncio.to_thread(
        sound_file.encode, pcm, rate_hz=rate_hz, format_name=body.format, label=label
    )
    if not timings:
        return Response(sound, media_type=sound_file.CONTENT_TYPES[body.format])
    timed = _timed(segments, sound, len(pcm) / 2 / rate_hz)
    return Response(timed.model_dump_json(), media_type=JSON_TYPE)


async def _said(
    gateway: Gateway, account_id: str, body: SpeechRequest
) -> tuple[list[Segment], bytes, int]:
    """The segments, the PCM and its rate; approved first, as everything that is spoken."""
    await gateway.approvals.for_job(account_id, "speech").text(body.text)
    segments: list[Segment] = []
    pcm = bytearray()
    rate_hz = SPEECH_RATE_HZ
    spoken = gateway.speaker.speak(body.text, voice_id=body.voice_id, speed=body.speed)
    async with aclosing(spoken):
        async for item in spoken:
            if isinstance(item, Segment):
                segments.append(item)
            else:
                pcm += item.pcm_s16le
                rate_hz = item.sample_rate_hz
    return segments, bytes(pcm), rate_hz


async def _count(gateway: Gateway, account_id: str, speech_id: str, duration_ms: int) -> None:
    """Counts the speech; what was made is not withheld because it can't be counted."""
    try:
        await gateway.usage.record_speech(account_id, speech_id, duration_ms=duration_ms)
    except DomainError as error:
        log.warning("usage.unrecorded", reason=error.reason)


def _timed(segments: list[Segment], sound: bytes, duration_s: float) -> TimedSpeech:
    return TimedSpeech(
        audio_base64=base64.b64encode(sound).decode(),
        duration_s=round(duration_s, 6),
        visemes=[
            VisemeView(
                viseme=viseme.shape,
                start_ms=round(viseme.start_us / _US_PER_MS),
                duration_ms=round(viseme.duration_us / _US_PER_MS),
            )
            for segment in segments
            for viseme in segment.visemes
        ],
        words=[
            WordView(
                text=word.text,
                start_ms=round(word.start_us / _US_PER_MS),
                end_ms=round(word.end_us / _US_PER_MS),
            )
            for segment in segments
            for word in segment.words
        ],
    )
