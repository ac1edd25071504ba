"""Harm that is spoken: wherever it lies over the ends of windows, and however it is misheard."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from structlog.testing import capture_logs

from services.moderation.audio import AudioJudge
from services.moderation.policy import DeniedPhrase, LabelRule, Policy
from services.moderation.sound import OVERLAP_S, SPEECH_RATE_HZ, WINDOW_S, Chunk
from services.moderation.speech import Heard
from services.moderation.text import TextJudge, open_text_judge
from services.moderation.verdict import Label, Suggestion, Verdict

TICKS_PER_S = 100
LENGTH_S = 64


@cache
def texts() -> TextJudge:
    return open_text_judge()


@dataclass(frozen=True, slots=True)
class Spoken:
    """A word and when it is spoken, seconds."""

    text: str
    start_s: float
    end_s: float


def spoken(words: Sequence[str], start_s: float, each_s: float) -> list[Spoken]:
    return [
        Spoken(word, start_s + number * each_s, start_s + (number + 1) * each_s)
        for number, word in enumerate(words)
    ]


class Listening:
    """Hears the words that lie whole in a window: each sample of `clock` tells when it is."""

    def __init__(self, words: Sequence[Spoken], joint: str, language: str) -> None:
        self._words = words
        self._joint = joint
        self._language = language
        self.told: list[str | None] = []

    def transcribe(self, samples: NDArray[np.float32], language: str | None) -> Heard:
        self.told.append(language)
        start_s, end_s = (float(samples[at]) * 32768 / TICKS_PER_S for at in (0, -1))
        heard = [
            word.text
            for word in self._words
            if start_s <= word.start_s and word.end_s <= end_s + 1 / TICKS_PER_S
        ]
        return Heard(self._joint.join(heard), self._language, float(len(heard)))


async def clock(seconds: int = LENGTH_S) -> AsyncIterator[Chunk]:
    ticks = np.arange(seconds * TICKS_PER_S).repeat(SPEECH_RATE_HZ // TICKS_PER_S)
    for second in range(seconds):
        part = ticks[second * SPEECH_RATE_HZ : (second + 1) * SPEECH_RATE_HZ]
        yield Chunk(part.astype("<i2").tobytes(), SPEECH_RATE_HZ)


@pytest.fixture
def listening() -> Iterator[Executor]:
    with ThreadPoolExecutor(1) as executor:
        yield executor


async def verdict_on(
    listening: Executor,
    words: Sequence[Spoken],
    *,
    joint: str = " ",
    language: str = "en",
    policy: Policy | None = None,
) -> Verdict:
    transcriber = Listening(words, joint, language)
    judge = AudioJudge(transcriber, texts(), "whisper", listening=listening, max_s=600)
    return (await judge.judge(clock(), language, policy or Policy())).verdict


ENGLISH = ["I", "will", "kill", "you", "and", "your", "kids"]
CHINESE = list("老子要弄死你全家")


def among_others(phrase: list[Spoken], filler: str, each_s: float) -> list[Spoken]:
    """A phrase between ordinary words from the beginning to the end of the sound."""
    before = spoken([filler] * int(phrase[0].start_s / each_s), 0, each_s)
    left_s = LENGTH_S - phrase[-1].end_s
    after = spoken([filler] * int(left_s / each_s), phrase[-1].end_s, each_s)
    return [*before, *phrase, *after]


@pytest.mark.parametrize(
    ("words", "joint", "language", "filler"),
    [(ENGLISH, " ", "en", "hello"), (CHINESE, "", "zh", "好")],
)
@pytest.mark.parametrize("border_s", [WINDOW_S, 2 * WINDOW_S - OVERLAP_S])
async def test_harm_is_caught_at_every_place_over_the_end_of_a_window(
    listening: Executor,
    words: list[str],
    joint: str,
    language: str,
    filler: str,
    border_s: int,
) -> None:
    each_s = 0.3
    for tenth in range(-75, 50, 4):
        phrase = spoken(words, border_s + tenth / 10, each_s)
        said = among_others(phrase, filler, each_s)
        verdict = await verdict_on(listening, said, joint=joint, language=language)
        assert verdict.suggestion is Suggestion.BLOCK, f"{tenth / 10} s from the border"


async def test_slow_harm_is_longer_than_the_overlap_and_still_caught(listening: Executor) -> None:
    for half in range(-16, 8):
        phrase = spoken(ENGLISH, WINDOW_S + half / 2, 1.0)
        verdict = await verdict_on(listening, among_others(phrase, "hello", 1.0))
        assert verdict.suggestion is Suggestion.BLOCK, f"{half / 2} s from the border"


@pytest.mark.parametrize(
    "misheard",
    [
        "澳门百家乐平台注册送彩金",
        "奥门百佳乐平台注册送财金",
        "澳门白家乐平台柱册送彩金",
        "澳门bai jia le平台，zhu ce song cai jin",
    ],
)
async def test_a_blocked_sentence_is_known_by_its_sound(listening: Executor, misheard: str) -> None:
    said = [Spoken(misheard, 3.0, 8.0)]
    verdict = await verdict_on(listening, said, joint="", language="zh")
    assert verdict.suggestion is Suggestion.BLOCK
    assert [found.label for found in verdict.findings] == [Label.GAMBLING]


@pytest.mark.parametrize("said", ["出售冰毒货到付款", "出售兵毒货到付款", "出手冰毒货到付款"])
async def test_homophones_of_illicit_goods_are_known(listening: Executor, said: str) -> None:
    verdict = await verdict_on(listening, [Spoken(said, 3.0, 8.0)], joint="", language="zh")
    assert verdict.suggestion is Suggestion.BLOCK


@pytest.mark.parametrize("language", ["zh", "en", None])
async def test_the_language_is_told_or_left_to_be_detected(
    listening: Executor, language: str | None
) -> None:
    transcriber = Listening([Spoken("你好", 1.0, 2.0)], "", "zh")
    judge = AudioJudge(transcriber, texts(), "whisper", listening=listening, max_s=600)
    verdict = await judge.judge(clock(), language)
    assert set(transcriber.told) == {language}
    assert verdict.language == "zh"


async def test_an_accounts_policy_holds_for_recordings(listening: Executor) -> None:
    denied = DeniedPhrase("brand nine", Label.ILLICIT, Suggestion.REVIEW)
    policy = Policy(2, (LabelRule(Label.VIOLENCE, Suggestion.REVIEW),), (denied,))
    said = [Spoken("I will kill you", 1.0, 3.0), Spoken("and Brand Nine", 40.0, 42.0)]
    verdict = await verdict_on(listening, said, policy=policy)
    assert verdict.suggestion is Suggestion.REVIEW
    assert {found.label for found in verdict.findings} == {Label.VIOLENCE, Label.ILLICIT}
    assert verdict.policy_version.endswith("+account-2")


async def test_what_is_said_is_not_logged(listening: Executor) -> None:
    with capture_logs() as lines:
        await verdict_on(listening, [Spoken("I will kill you Rumpelstiltskin", 1.0, 3.0)])
    assert "Rumpelstiltskin" not in repr(lines)
