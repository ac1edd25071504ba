"""Recordings: windows of sound, and what follows from what is heard in them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from services.common.errors import AudioTooLong, InvalidInput
from services.moderation.audio import AudioJudge, AudioVerdict
from services.moderation.sound import OVERLAP_S, WINDOW_S, Chunk, for_speech, windows
from services.moderation.speech import NOTHING_SAID, Heard
from services.moderation.text import TextJudge, open_text_judge
from services.moderation.verdict import HARMS, Label, Suggestion

RATE = 8_000
STEP_S = WINDOW_S - OVERLAP_S


@cache
def bundled() -> TextJudge:
    return open_text_judge()


class Scripted:
    """Hears what it was told to, window by window."""

    def __init__(self, script: Sequence[Heard]) -> None:
        self._script = iter(script)
        self.lengths: list[int] = []

    def transcribe(self, samples: NDArray[np.float32], language: str | None) -> Heard:
        self.lengths.append(len(samples))
        return next(self._script)


@pytest.fixture
def listening() -> Iterator[Executor]:
    with ThreadPoolExecutor(1) as executor:
        yield executor


async def sound(
    seconds: float, *, chunk_s: float = 1.0, rate_hz: int = RATE
) -> AsyncIterator[Chunk]:
    left = int(seconds * rate_hz)
    while left > 0:
        size = min(left, int(chunk_s * rate_hz))
        yield Chunk(bytes(2 * size), rate_hz)
        left -= size


async def judged(
    listening: Executor, *script: Heard, seconds: float | None = None
) -> tuple[AudioVerdict, Scripted]:
    transcriber = Scripted(script)
    judge = AudioJudge(transcriber, bundled(), "whisper", listening=listening, max_s=600)
    length_s = STEP_S * len(script) if seconds is None else seconds
    return await judge.judge(sound(length_s), None), transcriber


def said(text: str, language: str = "en", speech_s: float = 10.0) -> Heard:
    return Heard(text, language, speech_s)


@pytest.mark.parametrize("chunk_s", [0.02, 1.0, 7.3, 100.0])
async def test_windows_cover_the_sound_and_overlap(chunk_s: float) -> None:
    samples = np.arange(RATE * 70) % 30_000
    pcm = samples.astype("<i2").tobytes()
    step = int(chunk_s * RATE) * 2

    async def chunks() -> AsyncIterator[Chunk]:
        for start in range(0, len(pcm), step):
            yield Chunk(pcm[start : start + step], RATE)

    cut = [window.pcm_s16le async for window in windows(chunks(), 100)]
    assert [len(window) for window in cut] == [RATE * 60, RATE * 60, RATE * 2 * 18]
    overlap = OVERLAP_S * RATE * 2
    assert cut[0] + b"".join(window[overlap:] for window in cut[1:]) == pcm


async def test_a_recording_that_fills_its_windows_has_no_empty_last_one() -> None:
    assert len([window async for window in windows(sound(WINDOW_S), 100)]) == 1
    assert len([window async for window in windows(sound(0), 100)]) == 0


@pytest.mark.parametrize(
    ("chunks", "error"),
    [
        ([Chunk(b"\0\0", 7_999)], InvalidInput),
        ([Chunk(b"\0\0", 48_001)], InvalidInput),
        ([Chunk(b"\0\0", 8_000), Chunk(b"\0\0", 16_000)], InvalidInput),
        ([Chunk(b"\0", 8_000)], InvalidInput),
        ([Chunk(bytes(16_000 * 11), 8_000)], AudioTooLong),
    ],
)
async def test_sound_that_cannot_be_used_is_refused(
    chunks: list[Chunk], error: type[Exception]
) -> None:
    async def coming() -> AsyncIterator[Chunk]:
        for chunk in chunks:
            yield chunk

    with pytest.raises(error):
        [window async for window in windows(coming(), 10)]


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 24_000, 44_100, 48_000])
def test_sound_is_resampled_for_the_recogniser(rate_hz: int) -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(rate_hz) / rate_hz) * 16_000
    heard = for_speech(Chunk(tone.astype("<i2").tobytes(), rate_hz))
    assert abs(len(heard) - 16_000) <= 32
    assert heard.dtype == np.float32
    spectrum = np.abs(np.fft.rfft(heard[:16_000]))
    assert abs(int(spectrum.argmax()) - 440) <= 1
    assert 0.4 < np.abs(heard).max() < 0.6


async def test_ordinary_speech_passes_evaluated(listening: Executor) -> None:
    verdict, _ = await judged(listening, said("hello there"), said("and good bye"))
    assert verdict.verdict.suggestion is Suggestion.PASS
    assert verdict.verdict.evaluated == HARMS
    assert verdict.language == "en"


async def test_a_block_is_told_without_hearing_the_rest(listening: Executor) -> None:
    verdict, transcriber = await judged(
        listening, said("hello"), said("I will kill you"), said("never heard"), seconds=100
    )
    assert verdict.verdict.suggestion is Suggestion.BLOCK
    assert len(transcriber.lengths) == 2
    (finding,) = verdict.verdict.findings
    assert (finding.label, finding.spans) == (Label.VIOLENCE, ())


async def test_harm_across_windows_is_heard(listening: Executor) -> None:
    verdict, _ = await judged(listening, said("and now I will kill"), said("you and the others"))
    assert verdict.verdict.suggestion is Suggestion.BLOCK


async def test_silence_passes_as_not_evaluated(listening: Executor) -> None:
    verdict, _ = await judged(listening, NOTHING_SAID, NOTHING_SAID)
    assert verdict.verdict.suggestion is Suggestion.PASS
    assert verdict.verdict.evaluated == ()
    assert verdict.language == ""


async def test_an_empty_recording_passes_as_not_evaluated(listening: Executor) -> None:
    verdict, _ = await judged(listening, seconds=0)
    assert verdict.verdict.suggestion is Suggestion.PASS
    assert verdict.verdict.evaluated == ()


async def test_speech_that_is_not_understood_is_for_a_person(listening: Executor) -> None:
    verdict, _ = await judged(listening, said(""))
    assert verdict.verdict.suggestion is Suggestion.REVIEW
    assert verdict.verdict.evaluated == ()


async def test_a_burst_that_is_not_understood_is_noise(listening: Executor) -> None:
    verdict, _ = await judged(listening, said("", speech_s=0.6))
    assert verdict.verdict.suggestion is Suggestion.PASS


async def test_speech_without_lists_is_for_a_person(listening: Executor) -> None:
    verdict, _ = await judged(listening, said("buenos dias", "es", 20.0), said("hello", "en", 5.0))
    assert verdict.verdict.suggestion is Suggestion.REVIEW
    assert verdict.verdict.evaluated == ()
    assert verdict.language == "es"


async def test_mostly_understood_is_evaluated(listening: Executor) -> None:
    verdict, _ = await judged(listening, said("hello"), said("", speech_s=9.0))
    assert verdict.verdict.suggestion is Suggestion.PASS
    assert verdict.verdict.evaluated == HARMS


async def test_a_failing_recogniser_is_an_error_and_no_pass(listening: Executor) -> None:
    class Broken:
        def transcribe(self, samples: NDArray[np.float32], language: str | None) -> Heard:
            raise RuntimeError("out of order")

    judge = AudioJudge(Broken(), bundled(), "whisper", listening=listening, max_s=600)
    with pytest.raises(RuntimeError):
        await judge.judge(sound(1), None)
