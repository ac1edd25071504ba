"""The services that speak, draw and record, over gRPC."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import grpc
from vultus.lipsync.v1 import lipsync_service_pb2 as lipsync
from vultus.lipsync.v1.lipsync_service_pb2_grpc import LipsyncServiceStub
from vultus.storage.v1 import record_service_pb2 as record
from vultus.storage.v1.record_service_pb2_grpc import RecordServiceStub
from vultus.tts.v1 import tts_service_pb2 as tts
from vultus.tts.v1.tts_service_pb2_grpc import TtsServiceStub

from services.common.errors import Internal
from services.common.grpc_client import call_metadata, responses, unary
from services.gateway import media, records
from services.gateway.clients import messages
from services.gateway.clients.calls import duplex, upload
from services.gateway.ports import AnimationConfig, RecordingHeader

_QUICK_S = 10.0
_INSPECT_S = 60.0
_PREPARE_S = 300.0
_MOUTH_SOURCES = {
    media.MouthSource.VISEMES: lipsync.MOUTH_SOURCE_VISEMES,
    media.MouthSource.AUDIO: lipsync.MOUTH_SOURCE_AUDIO,
}
_MOODS = {
    media.ExpressionName.NEUTRAL: lipsync.MOOD_NEUTRAL,
    media.ExpressionName.HAPPY: lipsync.MOOD_HAPPY,
    media.ExpressionName.SERIOUS: lipsync.MOOD_SERIOUS,
    media.ExpressionName.SURPRISED: lipsync.MOOD_SURPRISED,
    media.ExpressionName.SAD: lipsync.MOOD_SAD,
}
_ACTIONS = {
    media.Action.NOD: lipsync.ACTION_NOD,
    media.Action.SHAKE: lipsync.ACTION_SHAKE,
    media.Action.TILT: lipsync.ACTION_TILT,
    media.Action.LOOK_AT_CAMERA: lipsync.ACTION_LOOK_AT_CAMERA,
}
_MARK_TEXTS = {
    media.MarkText.ENGLISH: lipsync.MARK_TEXT_ENGLISH,
    media.MarkText.CHINESE: lipsync.MARK_TEXT_CHINESE,
}


class GrpcSpeaker:
    """The text-to-speech service."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = TtsServiceStub(channel)

    async def voices(self, language: str | None = None) -> Sequence[records.Voice]:
        """The voices that can be used now."""
        request = tts.ListVoicesRequest(language=language)
        call = self._stub.ListVoices(request, timeout=_QUICK_S, metadata=call_metadata())
        return [
            records.Voice(
                voice.id,
                voice.name,
                voice.language,
                voice.gender,
                voice.cloned,
                voice.sample_rate_hz,
            )
            for voice in (await unary(call)).voices
        ]

    def speak(self, text: str, *, voice_id: str, speed: float) -> AsyncGenerator[media.Sound, None]:
        """One utterance."""
        return self.speak_pieces(_one(text), voice_id=voice_id, speed=speed)

    async def speak_pieces(
        self, pieces: AsyncGenerator[str, None], *, voice_id: str, speed: float
    ) -> AsyncGenerator[media.Sound, None]:
        """One utterance whose text is still being written."""
        call = self._stub.Synthesize(metadata=call_metadata())
        config = tts.SynthesizeConfig(voice_id=voice_id, speed=speed)
        async with aclosing(duplex(call, _said(config, pieces))) as stream:
            async for response in stream:
                match response.WhichOneof("payload"):
                    case "segment_start":
                        yield _segment(response.segment_start)
                    case "audio":
                        yield messages.chunk(response.audio)
                    case _:
                        pass


async def _one(text: str) -> AsyncGenerator[str, None]:
    yield text


async def _said(
    config: tts.SynthesizeConfig, pieces: AsyncGenerator[str, None]
) -> AsyncGenerator[tts.SynthesizeRequest, None]:
    async with aclosing(pieces):
        yield tts.SynthesizeRequest(config=config)
        async for piece in pieces:
            yield tts.SynthesizeRequest(text=piece)


def _segment(message: tts.SegmentStart) -> media.Segment:
    return media.Segment(
        message.text,
        message.start_us,
        message.duration_us,
        tuple(messages.viseme(viseme) for viseme in message.visemes),
        tuple(messages.word(word) for word in message.words),
    )


class GrpcAnimator:
    """The lip-sync service."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = LipsyncServiceStub(channel)

    async def inspect(self, portrait: media.ObjectRef) -> None:
        """Returns when an avatar can be made of the portrait."""
        request = lipsync.InspectPortraitRequest(portrait=messages.ref_to_wire(portrait))
        call = self._stub.InspectPortrait(request, timeout=_INSPECT_S, metadata=call_metadata())
        await unary(call)

    async def prepare(
        self, portrait: media.ObjectRef, *, pack: media.ObjectRef, preview: media.ObjectRef
    ) -> records.AvatarPack:
        """Builds and stores an avatar's pack and its preview."""
        request = lipsync.PrepareAvatarRequest(
            portrait=messages.ref_to_wire(portrait),
            pack=messages.ref_to_wire(pack),
            preview=messages.ref_to_wire(preview),
        )
        call = self._stub.PrepareAvatar(request, timeout=_PREPARE_S, metadata=call_metadata())
        made: records.AvatarPack | None = None
        async with aclosing(responses(call)) as stream:
            async for response in stream:
                if response.HasField("pack"):
                    made = records.AvatarPack(response.pack.width, response.pack.height)
        if made is None:
            raise Internal("the avatar's pack never came")
        return made

    async def animate(
        self, config: AnimationConfig, cues: AsyncGenerator[media.Cue | media.Control, None]
    ) -> AsyncGenerator[media.Drawn, None]:
        """Draws a timeline."""
        call = self._stub.Animate(metadata=call_metadata())
        async with aclosing(duplex(call, _cued(config, cues))) as stream:
            async for response in stream:
                yield _drawn(response)


async def _cued(
    config: AnimationConfig, cues: AsyncGenerator[media.Cue | media.Control, None]
) -> AsyncGenerator[lipsync.AnimateRequest, None]:
    async with aclosing(cues):
        yield lipsync.AnimateRequest(
            config=lipsync.AnimateConfig(
                pack=messages.ref_to_wire(config.pack),
                width=config.width,
                height=config.height,
                fps=config.fps,
                sample_rate_hz=config.sample_rate_hz,
                paced=config.paced,
                seed=config.seed,
                background=_background(config.background),
                mark=_mark(config.mark),
            )
        )
        async for cue in cues:
            yield _cue(cue)


def _cue(cue: media.Cue | media.Control) -> lipsync.AnimateRequest:
    match cue:
        case media.AudioChunk():
            return lipsync.AnimateRequest(audio=messages.chunk_to_wire(cue))
        case media.Idle(duration_us):
            return lipsync.AnimateRequest(idle=lipsync.Idle(duration_us=duration_us))
        case media.UtteranceStart(utterance_id, source):
            start = lipsync.UtteranceStart(
                utterance_id=utterance_id, mouth_source=_MOUTH_SOURCES[source]
            )
            return lipsync.AnimateRequest(utterance_start=start)
        case media.UtteranceEnd():
            return lipsync.AnimateRequest(utterance_end=lipsync.UtteranceEnd())
        case media.Gestures(items):
            return lipsync.AnimateRequest(cues=lipsync.Cues(cues=map(_gesture, items)))
        case tuple() as visemes:
            return lipsync.AnimateRequest(
                visemes=lipsync.Visemes(visemes=map(messages.viseme_to_wire, visemes))
            )
        case control:
            return _control(control)


def _control(control: media.Control) -> lipsync.AnimateRequest:
    match control:
        case media.DrawUntil(until_us):
            return lipsync.AnimateRequest(draw_until=lipsync.DrawUntil(until_us=until_us))
        case media.Clear():
            return lipsync.AnimateRequest(clear=lipsync.Clear())
        case media.KeyframeRequest():
            return lipsync.AnimateRequest(keyframe=lipsync.KeyframeRequest())
        case media.BitrateChange(bitrate_bps):
            return lipsync.AnimateRequest(bitrate=lipsync.BitrateChange(bitrate_bps=bitrate_bps))
        case media.Act(standing, action):
            act = lipsync.Act(
                standing=_expression(standing), action=_ACTIONS[action] if action else None
            )
            return lipsync.AnimateRequest(act=act)


def _gesture(gesture: media.Gesture) -> lipsync.Cue:
    return lipsync.Cue(
        at_us=gesture.at_us,
        expression=_expression(gesture.expression),
        action=_ACTIONS[gesture.action] if gesture.action else None,
    )


def _expression(expression: media.Expression | None) -> lipsync.Expression | None:
    if expression is None:
        return None
    return lipsync.Expression(mood=_MOODS[expression.name], strength=expression.strength)


def _background(background: media.Background | None) -> lipsync.Background | None:
    match background:
        case None:
            return None
        case media.Colour(rgb):
            return lipsync.Background(colour_rgb=rgb)
        case media.Photo(picture):
            return lipsync.Background(image=messages.ref_to_wire(picture))
        case media.Blur(strength):
            return lipsync.Background(blur=strength)
        case media.Transparent():
            return lipsync.Background(transparent=lipsync.Transparent())


def _mark(mark: media.Mark | None) -> lipsync.Mark | None:
    if mark is None:
        return None
    return lipsync.Mark(text=_MARK_TEXTS[mark.text], visible_us=mark.visible_us)


def _drawn(response: lipsync.AnimateResponse) -> media.Drawn:
    match response.WhichOneof("payload"):
        case "started":
            started = response.started
            return media.AnimationStarted(
                started.width, started.height, started.fps, started.sample_rate_hz
            )
        case "frame":
            return messages.frame(response.frame)
        case "audio":
            return messages.chunk(response.audio)
        case "utterance_started":
            begun = response.utterance_started
            return media.UtteranceStarted(begun.utterance_id, begun.at_us)
        case "utterance_ended":
            ended = response.utterance_ended
            return media.UtteranceEnded(ended.utterance_id, ended.at_us, ended.cleared)
        case "cleared":
            return media.Cleared(response.cleared.at_us)
        case _:
            raise Internal("the animation sent something unknown")


class GrpcRecorder:
    """Storage's muxer."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = RecordServiceStub(channel)

    async def record(
        self, header: RecordingHeader, media: AsyncGenerator[media.Recordable, None]
    ) -> records.Recording:
        """Stores one file; when `media` raises, nothing is stored."""
        call = self._stub.Record(metadata=call_metadata())
        stored = await upload(call, _recorded(header, media))
        return records.Recording(stored.duration_s, stored.size_bytes)


async def _recorded(
    header: RecordingHeader, items: AsyncGenerator[media.Recordable, None]
) -> AsyncGenerator[record.RecordRequest, None]:
    async with aclosing(items):
        yield record.RecordRequest(
            header=record.RecordHeader(
                content=messages.ref_to_wire(header.content),
                words=messages.ref_to_wire(header.words) if header.words else None,
                width=header.width,
                height=header.height,
                fps=header.fps,
                sample_rate_hz=header.sample_rate_hz,
                transparent=header.transparent,
            )
        )
        async for item in items:
            yield _recordable(item)
        yield record.RecordRequest(end=record.RecordEnd())


def _recordable(item: media.Recordable) -> record.RecordRequest:
    match item:
        case media.Frame():
            return record.RecordRequest(frame=messages.frame_to_wire(item))
        case media.AudioChunk():
            return record.RecordRequest(audio=messages.chunk_to_wire(item))
        case words:
            return record.RecordRequest(
                words=record.RecordWords(words=map(messages.word_to_wire, words))
            )
