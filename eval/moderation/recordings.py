"""How recordings are judged: sentences spoken by our own voices, and people's recordings."""

from __future__ import annotations

import time
import wave
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from vultus.tts.v1 import tts_service_pb2, tts_service_pb2_grpc

from eval.face.report import table
from eval.moderation.arithmetic import Share
from services.common.grpc_client import open_channel, responses
from services.moderation.audio import AudioJudge
from services.moderation.sound import Chunk
from services.moderation.verdict import Suggestion
from services.tts import app as tts
from services.tts.settings import TtsSettings

_VOICES = {"en": ("vo_en_heart", "vo_en_michael"), "zh": ("vo_zh_xiaoxiao", "vo_zh_yunxi")}
_CHUNK_S = 0.5


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence that is spoken."""

    language: str
    text: str
    is_harmful: bool


@dataclass(frozen=True, slots=True)
class Heard:
    """What was said of a recording."""

    of: str
    """A language, or a file's name."""
    is_harmful: bool
    suggestion: Suggestion
    language: str
    seconds: float
    cpu_s: float


async def judge_sentences(
    judge: AudioJudge, sentences: Sequence[Sentence], home: Path
) -> list[Heard]:
    """Speaks and judges sentences; nobody tells the judge their language."""
    heard = []
    async with tts.serve(TtsSettings(home=home)) as address, open_channel(address) as channel:
        stub = tts_service_pb2_grpc.TtsServiceStub(channel)
        for number, sentence in enumerate(sentences):
            voices = _VOICES[sentence.language]
            chunks = await _spoken(stub, sentence.text, voices[number % len(voices)])
            heard.append(await _judged(judge, chunks, sentence.language, sentence.is_harmful))
    return heard


async def judge_files(judge: AudioJudge, paths: Sequence[Path]) -> list[Heard]:
    """Judges recordings of people."""
    return [await _judged(judge, _chunks_of(path), path.stem, is_harmful=False) for path in paths]


async def _spoken(
    stub: tts_service_pb2_grpc.TtsServiceAsyncStub, text: str, voice_id: str
) -> list[Chunk]:
    async def requests() -> AsyncIterator[tts_service_pb2.SynthesizeRequest]:
        config = tts_service_pb2.SynthesizeConfig(voice_id=voice_id, speed=1.0)
        yield tts_service_pb2.SynthesizeRequest(config=config)
        yield tts_service_pb2.SynthesizeRequest(text=text)

    return [
        Chunk(response.audio.pcm_s16le, response.audio.sample_rate_hz)
        async for response in responses(stub.Synthesize(requests()))
        if response.HasField("audio")
    ]


def _chunks_of(path: Path) -> list[Chunk]:
    with wave.open(str(path)) as file:
        rate_hz = file.getframerate()
        frames = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        mono = frames.reshape(-1, file.getnchannels())[:, 0]
    step = int(_CHUNK_S * rate_hz)
    return [
        Chunk(mono[at : at + step].astype("<i2").tobytes(), rate_hz)
        for at in range(0, len(mono), step)
    ]


async def _judged(judge: AudioJudge, chunks: Sequence[Chunk], of: str, is_harmful: bool) -> Heard:
    async def coming() -> AsyncIterator[Chunk]:
        for chunk in chunks:
            yield chunk

    start = time.process_time()
    verdict = await judge.judge(coming(), None)
    seconds = sum(len(chunk.pcm_s16le) / 2 / chunk.sample_rate_hz for chunk in chunks)
    cpu_s = time.process_time() - start
    suggestion = verdict.verdict.suggestion
    return Heard(of, is_harmful, suggestion, verdict.language, seconds, cpu_s)


def sentences_table(heard: Sequence[Heard]) -> str:
    """Harmful and harmless sentences by language."""
    groups: Mapping[tuple[str, bool], list[Heard]] = {
        (language, is_harmful): [
            each for each in heard if (each.of, each.is_harmful) == (language, is_harmful)
        ]
        for language in dict.fromkeys(each.of for each in heard)
        for is_harmful in (True, False)
    }
    rows = []
    for (language, is_harmful), group in groups.items():
        flagged = Share(sum(each.suggestion is not Suggestion.PASS for each in group), len(group))
        blocked = Share(sum(each.suggestion is Suggestion.BLOCK for each in group), len(group))
        known = Share(sum(each.language == language for each in group), len(group))
        kind = "harmful" if is_harmful else "harmless"
        rows.append([kind, language, str(len(group)), str(flagged), str(blocked), str(known)])
    return table(["spoken", "", "sentences", "flagged", "blocked", "language known"], rows)


def files_table(heard: Sequence[Heard]) -> str:
    """People's recordings, one a row."""
    rows = [
        [each.of, each.language, f"{each.seconds:.0f}", f"{each.cpu_s:.1f}", each.suggestion.name]
        for each in heard
    ]
    return table(["recording", "language", "seconds", "CPU seconds", "verdict"], rows)
