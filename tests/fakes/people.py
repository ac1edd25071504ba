"""Those who judge, speak and draw, without models."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from services.common.errors import DomainError, Unavailable, VoiceNotFound
from services.gateway.media import (
    US_PER_S,
    AnimationStarted,
    AudioChunk,
    Control,
    Cue,
    Drawn,
    Frame,
    Idle,
    ObjectRef,
    Segment,
    Sound,
    UtteranceEnd,
    UtteranceEnded,
    UtteranceStart,
    UtteranceStarted,
    Viseme,
    Word,
)
from services.gateway.moderation.policy import Policy
from services.gateway.ports import AnimationConfig
from services.gateway.records import (
    AvatarPack,
    Finding,
    ImagePurpose,
    Suggestion,
    Verdict,
    Voice,
)
from tests.fakes.live import PacedAnimation

RATE_HZ = 24_000
WORD_US = 400_000
DOUBT = Verdict(
    Suggestion.REVIEW,
    ("gambling",),
    "lists-1",
    findings=(Finding("gambling", "", 0.7, "MODEL", ((0, 4),)),),
)
VOICES = (
    Voice("vo_en_heart", "Heart", "en-US", "female", False, RATE_HZ),
    Voice("vo_zh_xiaoxiao", "Xiaoxiao", "zh-CN", "female", False, RATE_HZ),
)


@dataclass
class FakeModerator:
    """Says what it was told to say."""

    verdict: Verdict = field(default_factory=lambda: Verdict(Suggestion.PASS))
    error: DomainError | None = None
    texts: list[str] = field(default_factory=list)
    images: list[ObjectRef] = field(default_factory=list)
    heard_us: int = 0
    languages: list[str | None] = field(default_factory=list)
    harmful: list[str] = field(default_factory=list)
    doubtful: list[str] = field(default_factory=list)
    """Words of texts that a person has to decide on."""
    purposes: list[ImagePurpose | None] = field(default_factory=list)
    policies: list[Policy | None] = field(default_factory=list)

    async def check_text(
        self, text: str, *, language: str | None = None, policy: Policy | None = None
    ) -> Verdict:
        self.texts.append(text)
        self.languages.append(language)
        self.policies.append(policy)
        return self._judge(text)

    async def check_image(
        self,
        image: ObjectRef,
        *,
        purpose: ImagePurpose | None = None,
        policy: Policy | None = None,
    ) -> Verdict:
        self.images.append(image)
        self.purposes.append(purpose)
        self.policies.append(policy)
        return self._judge()

    async def check_text_stream(
        self, pieces: AsyncGenerator[str, None], *, policy: Policy | None = None
    ) -> AsyncGenerator[tuple[str, Verdict], None]:
        """Each piece is a clause; one that holds a word of `harmful` is blocked."""
        self.policies.append(policy)
        async with aclosing(pieces):
            async for piece in pieces:
                self.texts.append(piece)
                if any(word in piece for word in self.harmful):
                    yield "", Verdict(Suggestion.BLOCK, ("violence",))
                    return
                yield piece, self._judge(piece)

    async def check_audio(
        self,
        audio: AsyncGenerator[AudioChunk, None],
        *,
        language: str | None = None,
        policy: Policy | None = None,
    ) -> Verdict:
        self.policies.append(policy)
        self.languages.append(language)
        async with aclosing(audio):
            async for chunk in audio:
                self.heard_us = chunk.end_us
        return self._judge()

    def _judge(self, text: str = "") -> Verdict:
        if self.error:
            raise self.error
        if any(word in text for word in self.doubtful):
            return DOUBT
        return self.verdict


@dataclass
class FakeSpeaker:
    """Each word lasts WORD_US; each sentence (up to a full stop) is a segment."""

    error: DomainError | None = None
    spoken: list[str] = field(default_factory=list)
    refuses: int = 0
    """So many times it is not there."""

    async def voices(self, language: str | None = None) -> Sequence[Voice]:
        return [v for v in VOICES if not language or v.language.startswith(language)]

    async def speak_pieces(
        self, pieces: AsyncGenerator[str, None], *, voice_id: str, speed: float
    ) -> AsyncGenerator[Sound, None]:
        """Each piece is spoken as it comes."""
        at_us, place = 0, 0
        async with aclosing(pieces):
            async for piece in pieces:
                async for item in self.speak(piece, voice_id=voice_id, speed=speed):
                    yield _later(item, at_us, place)
                at_us += len(piece.split()) * WORD_US
                place += len(piece)

    async def speak(self, text: str, *, voice_id: str, speed: float) -> AsyncGenerator[Sound, None]:
        if self.refuses:
            self.refuses -= 1
            raise Unavailable("not there")
        if all(voice.id != voice_id for voice in VOICES):
            raise VoiceNotFound("no such voice")
        self.spoken.append(text)
        at_us, place = 0, 0
        for sentence in text.split("."):
            if not sentence.strip():
                continue
            words: list[Word] = []
            for shown in sentence.split():
                place = text.index(shown, place)
                start_us = at_us + len(words) * WORD_US
                end = place + len(shown)
                words.append(Word(shown, start_us, start_us + WORD_US, place, end))
                place = end
            length_us = len(words) * WORD_US
            visemes = (Viseme("aa", at_us, length_us, 1.0),)
            yield Segment(f"{sentence}.", at_us, length_us, visemes, tuple(words))
            if self.error:
                raise self.error
            samples = length_us * RATE_HZ // US_PER_S
            yield AudioChunk(b"\1\0" * samples, RATE_HZ, at_us)
            at_us += length_us


def _later(item: Sound, at_us: int, place: int) -> Sound:
    if isinstance(item, AudioChunk):
        return replace(item, start_us=item.start_us + at_us)
    return replace(
        item,
        start_us=item.start_us + at_us,
        visemes=tuple(replace(one, start_us=one.start_us + at_us) for one in item.visemes),
        words=tuple(
            Word(
                word.text,
                word.start_us + at_us,
                word.end_us + at_us,
                word.char_start + place,
                word.char_end + place,
            )
            for word in item.words
        ),
    )


@dataclass
class FakeAnimator:
    """Draws a frame every 40 ms of what is appended; `before_frame` runs before each."""

    portrait_error: DomainError | None = None
    error: DomainError | None = None
    before_frame: Callable[[int], Awaitable[None]] | None = None
    configs: list[AnimationConfig] = field(default_factory=list)
    cues: list[Cue | Control] = field(default_factory=list)
    closed: int = 0
    breaks: DomainError | None = None
    """Raised in the middle of an animation."""

    async def inspect(self, portrait: ObjectRef) -> None:
        if self.portrait_error:
            raise self.portrait_error

    async def prepare(
        self, portrait: ObjectRef, *, pack: ObjectRef, preview: ObjectRef
    ) -> AvatarPack:
        if self.portrait_error:
            raise self.portrait_error
        return AvatarPack(512, 640)

    async def animate(
        self, config: AnimationConfig, cues: AsyncGenerator[Cue | Control, None]
    ) -> AsyncGenerator[Drawn, None]:
        self.configs.append(config)
        try:
            async with aclosing(cues):
                if self.error:
                    raise self.error
                yield AnimationStarted(
                    config.width or 512, config.height or 640, config.fps, config.sample_rate_hz
                )
                drawing = PacedAnimation(config).draw if config.paced else self._drawn
                async for item in drawing(self._noted(cues)):
                    if self.breaks:
                        raise self.breaks
                    yield item
        finally:
            self.closed += 1

    async def _noted(
        self, cues: AsyncGenerator[Cue | Control, None]
    ) -> AsyncGenerator[Cue | Control, None]:
        async for cue in cues:
            self.cues.append(cue)
            yield cue

    async def _drawn(
        self, cues: AsyncGenerator[Cue | Control, None]
    ) -> AsyncGenerator[Drawn, None]:
        config = self.configs[-1]
        at_us, frames, utterance = 0, 0, ""
        step_us = US_PER_S // config.fps
        async for cue in cues:
            match cue:
                case UtteranceStart(utterance_id, _):
                    utterance = utterance_id
                    yield UtteranceStarted(utterance_id, at_us)
                case UtteranceEnd():
                    yield UtteranceEnded(utterance, at_us)
                case Idle(duration_us):
                    at_us += duration_us
                case AudioChunk():
                    yield AudioChunk(cue.pcm_s16le, cue.sample_rate_hz, at_us)
                    at_us += cue.end_us - cue.start_us
                case _:
                    pass
            while frames * step_us < at_us:
                if self.before_frame:
                    await self.before_frame(frames)
                yield Frame(b"frame", frames * step_us, frames % config.fps == 0)
                frames += 1
