"""Moderation, text to speech and lip-sync: the fakes, as gRPC services."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from vultus.lipsync.v1 import lipsync_service_pb2 as lipsync
from vultus.lipsync.v1 import lipsync_service_pb2_grpc as lipsync_grpc
from vultus.moderation.v1 import moderation_service_pb2 as moderation
from vultus.moderation.v1 import moderation_service_pb2_grpc as moderation_grpc
from vultus.tts.v1 import tts_service_pb2 as tts
from vultus.tts.v1 import tts_service_pb2_grpc as tts_grpc

from services.gateway import media, records
from services.gateway.clients import messages
from services.gateway.ports import AnimationConfig
from tests.fakes.stage import Stage

Context = Any
"""A gRPC context: the fakes look at nothing of it."""


class Moderator(moderation_grpc.ModerationServiceServicer):
    """Moderation."""

    def __init__(self, stage: Stage) -> None:
        self._port = stage.moderator

    async def CheckText(self, request: Any, context: Context) -> Any:
        language = request.language if request.HasField("language") else None
        verdict = await self._port.check_text(request.text, language=language)
        return moderation.CheckTextResponse(verdict=_verdict(verdict))

    async def CheckImage(self, request: Any, context: Context) -> Any:
        verdict = await self._port.check_image(messages.ref(request.image))
        return moderation.CheckImageResponse(verdict=_verdict(verdict))

    async def CheckAudio(self, request_iterator: Any, context: Context) -> Any:
        async def chunks() -> AsyncGenerator[media.AudioChunk, None]:
            async for request in request_iterator:
                if request.HasField("audio"):
                    yield messages.chunk(request.audio)

        verdict = await self._port.check_audio(chunks())
        return moderation.CheckAudioResponse(verdict=_verdict(verdict), language="en")

    async def CheckTextStream(self, request_iterator: Any, context: Context) -> Any:
        pieces = (request.text async for request in request_iterator)
        async for text, verdict in self._port.check_text_stream(pieces):
            yield moderation.CheckTextStreamResponse(text=text, verdict=_verdict(verdict))

    async def CheckStatement(self, request: Any, context: Context) -> Any:
        raise NotImplementedError


def _verdict(verdict: records.Verdict) -> moderation.Verdict:
    return moderation.Verdict(
        suggestion=moderation.Suggestion.Value(f"SUGGESTION_{verdict.suggestion.upper()}"),
        categories=[_category(finding) for finding in verdict.findings]
        or [moderation.Category(label=label) for label in verdict.labels],
        evaluated=verdict.evaluated,
        not_evaluated=verdict.not_evaluated,
        policy_version=verdict.policy_version,
    )


def _category(finding: records.Finding) -> moderation.Category:
    return moderation.Category(
        label=finding.label,
        sub_label=finding.sub_label,
        score=finding.score,
        source=moderation.FindingSource.Value(f"FINDING_SOURCE_{finding.source}"),
        spans=[moderation.Span(start=start, end=end) for start, end in finding.spans],
    )


class Speaker(tts_grpc.TtsServiceServicer):
    """Text to speech."""

    def __init__(self, stage: Stage) -> None:
        self._port = stage.speaker

    async def ListVoices(self, request: Any, context: Context) -> Any:
        language = request.language if request.HasField("language") else None
        voices = await self._port.voices(language)
        return tts.ListVoicesResponse(
            voices=[
                tts.Voice(
                    id=voice.id,
                    name=voice.name,
                    language=voice.language,
                    gender=voice.gender,
                    sample_rate_hz=voice.sample_rate_hz,
                )
                for voice in voices
            ]
        )

    async def Synthesize(self, request_iterator: Any, context: Context) -> Any:
        config = (await anext(aiter(request_iterator))).config
        pieces = (request.text async for request in request_iterator)
        spoken = self._port.speak_pieces(pieces, voice_id=config.voice_id, speed=config.speed)
        async for item in spoken:
            if isinstance(item, media.AudioChunk):
                yield tts.SynthesizeResponse(audio=messages.chunk_to_wire(item))
                continue
            start = tts.SegmentStart(
                text=item.text,
                start_us=item.start_us,
                duration_us=item.duration_us,
                visemes=map(messages.viseme_to_wire, item.visemes),
                words=map(messages.word_to_wire, item.words),
            )
            yield tts.SynthesizeResponse(segment_start=start)
        yield tts.SynthesizeResponse(utterance_end=tts.UtteranceEnd())


class Animator(lipsync_grpc.LipsyncServiceServicer):
    """Lip-sync."""

    def __init__(self, stage: Stage) -> None:
        self._port = stage.animator

    async def InspectPortrait(self, request: Any, context: Context) -> Any:
        await self._port.inspect(messages.ref(request.portrait))
        return lipsync.InspectPortraitResponse(width=512, height=640)

    async def PrepareAvatar(self, request: Any, context: Context) -> Any:
        yield lipsync.PrepareAvatarResponse(progress=0.5)
        pack = await self._port.prepare(
            messages.ref(request.portrait),
            pack=messages.ref(request.pack),
            preview=messages.ref(request.preview),
        )
        yield lipsync.PrepareAvatarResponse(
            pack=lipsync.AvatarPack(width=pack.width, height=pack.height)
        )

    async def Animate(self, request_iterator: Any, context: Context) -> Any:
        first = (await anext(aiter(request_iterator))).config
        config = AnimationConfig(
            messages.ref(first.pack),
            first.width,
            first.height,
            first.fps,
            first.sample_rate_hz,
            first.paced,
            first.seed,
            _background(first.background),
            _mark(first.mark) if first.HasField("mark") else None,
        )
        async for item in self._port.animate(config, _cues(request_iterator)):
            yield _drawn(item)


def _mark(mark: lipsync.Mark) -> media.Mark:
    texts = {1: media.MarkText.ENGLISH, 2: media.MarkText.CHINESE}
    return media.Mark(texts[mark.text], mark.visible_us)


async def _cues(
    requests: AsyncIterator[Any],
) -> AsyncGenerator[media.Cue | media.Control, None]:
    async for request in requests:
        if control := _control(request):
            yield control
        match request.WhichOneof("payload"):
            case "utterance_start":
                sources = {1: media.MouthSource.VISEMES, 2: media.MouthSource.AUDIO}
                start = request.utterance_start
                yield media.UtteranceStart(start.utterance_id, sources[start.mouth_source])
            case "audio":
                yield messages.chunk(request.audio)
            case "visemes":
                yield tuple(map(messages.viseme, request.visemes.visemes))
            case "utterance_end":
                yield media.UtteranceEnd()
            case "idle":
                yield media.Idle(request.idle.duration_us)
            case "cues":
                yield media.Gestures(tuple(map(_gesture, request.cues.cues)))


def _control(request: Any) -> media.Control | None:
    match request.WhichOneof("payload"):
        case "draw_until":
            return media.DrawUntil(request.draw_until.until_us)
        case "clear":
            return media.Clear()
        case "keyframe":
            return media.KeyframeRequest()
        case "bitrate":
            return media.BitrateChange(request.bitrate.bitrate_bps)
        case "act":
            act = request.act
            return media.Act(_expression(act, "standing"), _action(act))
        case _:
            return None


def _gesture(cue: Any) -> media.Gesture:
    return media.Gesture(cue.at_us, _expression(cue, "expression"), _action(cue))


def _expression(message: Any, name: str) -> media.Expression | None:
    if not message.HasField(name):
        return None
    expression = getattr(message, name)
    mood = lipsync.Mood.Name(expression.mood).removeprefix("MOOD_").lower()
    return media.Expression(media.ExpressionName(mood), expression.strength)


def _action(message: Any) -> media.Action | None:
    if not message.HasField("action"):
        return None
    return media.Action(lipsync.Action.Name(message.action).removeprefix("ACTION_").lower())


def _background(message: Any) -> media.Background | None:
    match message.WhichOneof("kind"):
        case "colour_rgb":
            return media.Colour(message.colour_rgb)
        case "image":
            return media.Photo(messages.ref(message.image))
        case "blur":
            return media.Blur(message.blur)
        case "transparent":
            return media.Transparent()
        case _:
            return None


def _drawn(item: media.Drawn) -> lipsync.AnimateResponse:
    match item:
        case media.Frame():
            return lipsync.AnimateResponse(frame=messages.frame_to_wire(item))
        case media.AudioChunk():
            return lipsync.AnimateResponse(audio=messages.chunk_to_wire(item))
        case media.AnimationStarted(width, height, fps, rate):
            started = lipsync.AnimateStarted(
                width=width, height=height, fps=fps, sample_rate_hz=rate
            )
            return lipsync.AnimateResponse(started=started)
        case media.UtteranceStarted(utterance_id, at_us):
            begun = lipsync.UtteranceStarted(utterance_id=utterance_id, at_us=at_us)
            return lipsync.AnimateResponse(utterance_started=begun)
        case media.Cleared(at_us):
            return lipsync.AnimateResponse(cleared=lipsync.Cleared(at_us=at_us))
        case media.UtteranceEnded(utterance_id, at_us, cleared):
            ended = lipsync.UtteranceEnded(utterance_id=utterance_id, at_us=at_us, cleared=cleared)
            return lipsync.AnimateResponse(utterance_ended=ended)
