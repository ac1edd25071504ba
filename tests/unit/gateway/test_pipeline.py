"""A script becomes a recording: order, times, words, errors, and that nothing is left open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace

import pytest

from services.common.errors import (
    ContentRejected,
    DeadlineExceeded,
    DomainError,
    Overloaded,
    ReviewPending,
    StorageFull,
    Unavailable,
    VoiceNotFound,
)
from services.gateway.look import Cue, Performance
from services.gateway.media import (
    Act,
    Action,
    AudioChunk,
    Blur,
    Expression,
    ExpressionName,
    Frame,
    Gesture,
    Gestures,
    Idle,
    MouthSource,
    ObjectRef,
    Recordable,
    UtteranceEnd,
    UtteranceStart,
    Viseme,
    Word,
)
from services.gateway.pipeline import (
    LEAD_IN_US,
    LEAD_OUT_US,
    Script,
    SpokenRecording,
    SpokenText,
    VideoOrder,
    make_video,
)
from services.gateway.pipeline import Stage as Step
from services.gateway.records import Asset, Recording, Suggestion, Verdict
from tests.fakes.catalog import START
from tests.fakes.people import WORD_US
from tests.fakes.stage import Stage

TEXT = "Good day to you. How are you."
SPOKEN_US = 7 * WORD_US


class Watcher:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.shares: list[float] = []

    def entered(self, stage: Step) -> None:
        self.steps.append(stage)

    def advanced(self, share: float) -> None:
        self.shares.append(share)


def order(script: Script | None = None, *, fps: int = 25, stall_s: float = 5.0) -> VideoOrder:
    return VideoOrder(
        script=script or SpokenText(TEXT, "vo_en_heart", 1.0),
        pack=ObjectRef("avatars", "pack"),
        width=0,
        height=0,
        fps=fps,
        content=ObjectRef("videos", "v.mp4"),
        words=ObjectRef("videos", "v.json"),
        stall_s=stall_s,
    )


ASSET = Asset(
    "as_1", "audio", "audio/wav", "a.wav", 4, "00" * 32, 2.0, None, None,
    ObjectRef("assets", "a"), None, START,
)  # fmt: skip


def recording(seconds: int = 2) -> SpokenRecording:
    async def audio() -> AsyncGenerator[AudioChunk, None]:
        for second in range(seconds):
            yield AudioChunk(b"\1\0" * 48_000, 48_000, second * 1_000_000)

    return SpokenRecording(ASSET, audio, seconds * 1_000_000)


async def test_a_text_is_judged_then_spoken_then_drawn_then_stored(stage: Stage) -> None:
    watcher = Watcher()
    made = await make_video(
        stage.services, stage.approvals.for_job(stage.account.id, "video"), order(), watcher
    )
    assert watcher.steps == [Step.MODERATING, Step.SYNTHESISING, Step.RENDERING, Step.ARCHIVING]
    assert stage.moderator.texts == stage.speaker.spoken == [TEXT]
    assert (made.width, made.height) == (512, 640)
    (header,) = stage.recorder.headers
    assert (header.width, header.height, header.fps) == (512, 640, 25)
    assert header.sample_rate_hz == 24_000


async def test_the_mouth_rests_before_and_after_the_speech(stage: Stage) -> None:
    await make_video(
        stage.services, stage.approvals.for_job(stage.account.id, "video"), order(), Watcher()
    )
    cues = stage.animator.cues
    assert cues[0] == Idle(LEAD_IN_US)
    assert cues[1] == UtteranceStart("script", MouthSource.VISEMES)
    assert cues[-2:] == [UtteranceEnd(), Idle(LEAD_OUT_US)]
    frames = [item for item in stage.recorder.media if isinstance(item, Frame)]
    assert len(frames) == (SPOKEN_US + LEAD_IN_US + LEAD_OUT_US) // 40_000


async def test_a_performance_is_on_the_clock_of_the_speech_and_goes_ahead_of_its_sound(
    stage: Stage,
) -> None:
    happy, sad = (Expression(name) for name in (ExpressionName.HAPPY, ExpressionName.SAD))
    cues = (
        Cue(text_offset=TEXT.index("are"), expression=sad),
        Cue(text_offset=0, action=Action.NOD),
        Cue(time_us=1_000_000, action=Action.TILT),
    )
    asked = replace(order(), performance=Performance(happy, cues), seed=5, background=Blur(0.5))
    await make_video(
        stage.services, stage.approvals.for_job(stage.account.id, "video"), asked, Watcher()
    )
    (config,) = stage.animator.configs
    assert (config.seed, config.background) == (5, Blur(0.5))
    seen = stage.animator.cues
    assert seen[:4] == [
        Act(standing=happy),
        Idle(LEAD_IN_US),
        UtteranceStart("script", MouthSource.VISEMES),
        Gestures((Gesture(1_000_000, None, Action.TILT),)),
    ]
    assert [type(cue) for cue in seen[4:-2]] == [tuple, Gestures, AudioChunk] * 2
    assert seen[5] == Gestures((Gesture(0, None, Action.NOD),))
    assert seen[8] == Gestures((Gesture(5 * WORD_US, sad),))


async def test_mouth_shapes_go_ahead_of_their_sound(stage: Stage) -> None:
    await make_video(
        stage.services, stage.approvals.for_job(stage.account.id, "video"), order(), Watcher()
    )
    kinds = [type(cue) for cue in stage.animator.cues[2:-2]]
    assert kinds == [tuple, AudioChunk, tuple, AudioChunk]
    shapes = stage.animator.cues[2]
    assert isinstance(shapes, tuple)
    assert isinstance(shapes[0], Viseme)


async def test_words_are_kept_on_the_clock_of_the_recording(stage: Stage) -> None:
    await make_video(
        stage.services, stage.approvals.for_job(stage.account.id, "video"), order(), Watcher()
    )
    words = [word for item in stage.recorder.media if isinstance(item, tuple) for word in item]
    assert words[0] == Word("Good", LEAD_IN_US, LEAD_IN_US + WORD_US, 0, 4)
    assert words[-1].end_us == LEAD_IN_US + SPOKEN_US
    assert "".join(TEXT[word.char_start : word.char_end] for word in words) == (
        "GooddaytoyouHowareyou"
    )


async def test_words_come_before_the_sound_they_are_heard_in(stage: Stage) -> None:
    await make_video(
        stage.services, stage.approvals.for_job(stage.account.id, "video"), order(), Watcher()
    )
    known_until_us = 0
    for item in stage.recorder.media:
        if isinstance(item, tuple):
            known_until_us = item[-1].end_us
        elif isinstance(item, AudioChunk):
            assert item.end_us <= known_until_us


async def test_progress_rises_to_the_end(stage: Stage) -> None:
    watcher = Watcher()
    await make_video(
        stage.services, stage.approvals.for_job(stage.account.id, "video"), order(), watcher
    )
    assert watcher.shares[-1] > 0.95
    assert max(watcher.shares) <= 1.0
    assert watcher.shares[len(watcher.shares) // 2] == pytest.approx(0.5, abs=0.1)


async def test_a_recording_is_heard_by_moderation_and_drives_the_mouth(stage: Stage) -> None:
    watcher = Watcher()
    await make_video(
        stage.services,
        stage.approvals.for_job(stage.account.id, "video"),
        order(recording(2)),
        watcher,
    )
    assert stage.moderator.heard_us == 2_000_000
    assert not stage.speaker.spoken
    assert stage.animator.cues[1] == UtteranceStart("script", MouthSource.AUDIO)
    assert stage.animator.configs[0].sample_rate_hz == 48_000
    assert watcher.shares[-1] > 0.95


@pytest.mark.parametrize(
    ("suggestion", "error"),
    [(Suggestion.BLOCK, ContentRejected), (Suggestion.REVIEW, ReviewPending)],
)
@pytest.mark.parametrize("script", [None, recording()], ids=["text", "recording"])
async def test_what_moderation_doubts_is_neither_spoken_nor_drawn(
    stage: Stage, suggestion: Suggestion, error: type[DomainError], script: Script | None
) -> None:
    stage.moderator.verdict = Verdict(suggestion, ("violence",))
    with pytest.raises(error):
        await make_video(
            stage.services,
            stage.approvals.for_job(stage.account.id, "video"),
            order(script),
            Watcher(),
        )
    assert not stage.speaker.spoken
    assert not stage.animator.configs


async def test_a_judge_that_is_down_lets_nothing_pass(stage: Stage) -> None:
    stage.moderator.error = Unavailable("moderation is down")
    with pytest.raises(Unavailable):
        await make_video(
            stage.services, stage.approvals.for_job(stage.account.id, "video"), order(), Watcher()
        )
    assert not stage.speaker.spoken


@pytest.mark.parametrize("stage_name", ["speaker", "animator", "recorder"])
@pytest.mark.parametrize("error", [Unavailable, Overloaded, StorageFull])
async def test_an_error_of_any_stage_ends_all_of_them(
    stage: Stage, stage_name: str, error: type[DomainError]
) -> None:
    getattr(stage, stage_name).error = error("no")
    with pytest.raises(error):
        await make_video(
            stage.services, stage.approvals.for_job(stage.account.id, "video"), order(), Watcher()
        )
    assert stage.animator.closed == 1
    assert not stage.objects.kept


async def test_an_unknown_voice_is_told_as_such(stage: Stage) -> None:
    with pytest.raises(VoiceNotFound):
        await make_video(
            stage.services,
            stage.approvals.for_job(stage.account.id, "video"),
            order(SpokenText("Hi.", "vo_none", 1.0)),
            Watcher(),
        )


async def test_cancelling_ends_every_stage(stage: Stage) -> None:
    drawing = asyncio.Event()

    async def stop(frame: int) -> None:
        if frame == 10:
            drawing.set()
            await asyncio.Event().wait()

    stage.animator.before_frame = stop
    work = asyncio.ensure_future(
        make_video(
            stage.services, stage.approvals.for_job(stage.account.id, "video"), order(), Watcher()
        )
    )
    await drawing.wait()
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert stage.animator.closed == 1
    assert not stage.objects.kept


async def test_a_stage_that_stands_still_is_given_up(stage: Stage) -> None:
    async def stop(_: int) -> None:
        await asyncio.Event().wait()

    stage.animator.before_frame = stop
    with pytest.raises(DeadlineExceeded):
        await make_video(
            stage.services,
            stage.approvals.for_job(stage.account.id, "video"),
            order(stall_s=0.01),
            Watcher(),
        )
    assert stage.animator.closed == 1


async def test_a_recorder_that_stands_still_is_given_up(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def record(_: object, media: AsyncGenerator[Recordable, None]) -> Recording:
        await anext(media)
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(stage.recorder, "record", record)
    with pytest.raises(DeadlineExceeded):
        await make_video(
            stage.services,
            stage.approvals.for_job(stage.account.id, "video"),
            order(stall_s=0.01),
            Watcher(),
        )
    assert stage.animator.closed == 1


async def test_a_video_that_comes_on_slowly_is_not_given_up(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    drawn = 0

    async def slowly(_: int) -> None:
        nonlocal drawn
        drawn += 1
        waited = loop.create_future()
        loop.call_later(0.015, waited.set_result, None)
        await waited

    stage.animator.before_frame = slowly
    await make_video(
        stage.services,
        stage.approvals.for_job(stage.account.id, "video"),
        order(stall_s=1.0),
        Watcher(),
    )
    assert drawn * 0.015 > 1.0
