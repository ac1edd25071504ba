"""A live session: its pace, what it says, how it is interrupted, when it ends."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from services.common.errors import Overloaded, Unavailable
from services.gateway.live.drives import DriveStatus
from services.gateway.live.playout import LEAD_US
from services.gateway.media import (
    Act,
    Action,
    DrawUntil,
    Expression,
    ExpressionName,
    KeyframeRequest,
)
from tests.fakes.people import WORD_US
from tests.fakes.virtual_time import run
from tests.unit.gateway.live.conftest import Studio, until

FRAME_S = 0.04


async def pass_time(seconds: float) -> None:
    moment: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(seconds, moment.set_result, None)
    await moment


def test_pictures_come_at_their_time_without_drift(studio: Studio) -> None:
    async def main() -> None:
        async with studio.live():
            await pass_time(300)

    run(main())
    frames = studio.frames()
    pts_us = np.array([frame.pts_us for _, frame in frames])
    shown_s = np.array([at for at, _ in frames])
    assert (np.diff(pts_us) == 40_000).all()
    drift_s = (shown_s - shown_s[0]) - (pts_us - pts_us[0]) / 1e6
    assert np.abs(drift_s).max() < 0.001
    assert len(frames) == pytest.approx(300 * 25, abs=5)


def test_nothing_is_drawn_far_ahead(studio: Studio) -> None:
    async def main() -> None:
        async with studio.live():
            await pass_time(10)

    run(main())
    last = max(cue.until_us for cue in studio.animator.cues if isinstance(cue, DrawUntil))
    assert last <= 10_000_000 + LEAD_US + 40_000


def test_nothing_is_drawn_while_nobody_watches(studio: Studio) -> None:
    async def main() -> None:
        async with studio.live(watched=False) as session:
            await pass_time(300)
            with session.program.subscribe() as _:
                await pass_time(1)

    run(main())
    until_us = [cue.until_us for cue in studio.animator.cues if isinstance(cue, DrawUntil)]
    assert 1_000_000 <= max(until_us) <= 1_200_000


def test_a_text_is_heard_word_by_word(studio: Studio) -> None:
    async def main() -> None:
        async with studio.live() as session:
            drive = await studio.director().say(session, "Good day. Hello there.", interrupt=False)
            await until(lambda: drive.ended)
            assert drive.status is DriveStatus.FINISHED
            assert drive.played_ms == 4 * WORD_US // 1000
            assert drive.played_text == "Good day Hello there"
            assert session.drives.spoken_ms == drive.played_ms

    run(main())
    assert studio.told() == [
        "drive.queued", "drive.started", *["word"] * 4, "drive.finished", "stream.state",
    ]  # fmt: skip
    words = [event.fields for _, event in studio.events if event.type == "word"]
    assert [word["text"] for word in words] == ["Good", "day", "Hello", "there"]
    assert [word["start_ms"] for word in words] == [0, 400, 800, 1200]
    voiced = np.frombuffer(studio.sound(), np.int16) != 0
    assert voiced.sum() == pytest.approx(4 * WORD_US * 48 // 1000, rel=0.01)


def test_words_are_told_as_they_are_heard(studio: Studio) -> None:
    async def main() -> None:
        async with studio.live() as session:
            drive = await studio.director().say(session, "one two three", interrupt=False)
            await until(lambda: drive.ended)

    run(main())
    started_s = next(at for at, event in studio.events if event.type == "drive.started")
    told_s = [at - started_s for at, event in studio.events if event.type == "word"]
    assert told_s == pytest.approx([0.0, 0.4, 0.8], abs=2 * FRAME_S)


def test_drives_follow_one_another_in_order(studio: Studio) -> None:
    async def main() -> None:
        async with studio.live() as session:
            drives = [
                await studio.director().say(session, text, interrupt=False)
                for text in ("one one", "two two", "three")
            ]
            await until(lambda: drives[-1].ended)
            assert {drive.status for drive in drives} == {DriveStatus.FINISHED}
            starts = [drive.started_at for drive in drives]
            assert starts == sorted(starts, key=lambda at: at.timestamp() if at else 0)

    run(main())
    assert studio.speaker.spoken == ["one one", "two two", "three"]
    ends_s = [at for at, event in studio.events if event.type == "drive.finished"]
    starts_s = [at for at, event in studio.events if event.type == "drive.started"]
    for end_s, start_s in zip(ends_s, starts_s[1:], strict=False):
        assert 0 <= start_s - end_s <= LEAD_US / 1e6 + 2 * FRAME_S


def test_an_interruption_is_heard_at_once_and_tells_what_was_said(studio: Studio) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with studio.live() as session:
            director = studio.director()
            drive = await director.say(session, "a b c d e f g h", interrupt=False)
            waiting = await director.say(session, "never said", interrupt=False)
            await until(lambda: drive.played_ms >= 1_000)
            asked_s = loop.time()
            stopped = await session.drives.interrupt()
            assert loop.time() - asked_s <= LEAD_US / 1e6 + FRAME_S
            assert stopped == [drive, waiting]
            assert drive.status is waiting.status is DriveStatus.INTERRUPTED
            assert drive.played_text.split() == ["a", "b", "c"]
            assert waiting.played_ms == 0
            heard_ms = drive.played_ms
            await pass_time(2)
            assert drive.played_ms == session.drives.spoken_ms == heard_ms

    run(main())
    voiced = np.frombuffer(studio.sound(), np.int16) != 0
    played_ms = studio.event("drive.interrupted").fields["played_ms"]
    assert voiced.sum() == pytest.approx(int(str(played_ms)) * 48, rel=0.01)
    assert "never said" not in studio.speaker.spoken or voiced.sum() < 2 * 48_000


def test_a_drive_may_interrupt(studio: Studio) -> None:
    async def main() -> None:
        async with studio.live() as session:
            director = studio.director()
            first = await director.say(session, "a b c d e f g h", interrupt=False)
            await until(lambda: first.played_ms >= 500)
            second = await director.say(session, "now this", interrupt=True)
            await until(lambda: second.ended)
            assert first.status is DriveStatus.INTERRUPTED
            assert second.status is DriveStatus.FINISHED

    run(main())


def test_one_waiting_drive_can_be_dropped(studio: Studio) -> None:
    async def main() -> None:
        async with studio.live() as session:
            director = studio.director()
            first = await director.say(session, "a b c d", interrupt=False)
            second = await director.say(session, "dropped", interrupt=False)
            third = await director.say(session, "kept", interrupt=False)
            await until(lambda: first.played_ms >= 100)
            await session.drives.interrupt(second.id)
            await until(lambda: third.ended)
            assert first.status is third.status is DriveStatus.FINISHED
            assert second.status is DriveStatus.INTERRUPTED

    run(main())


def test_a_blocked_text_is_not_heard_and_the_stream_goes_on(studio: Studio) -> None:
    async def main() -> None:
        async with studio.live() as session:
            director = studio.director()
            studio.moderator.harmful = ["knife"]
            drive, text = await director.write(session)
            for piece in ("all is well ", "and then the knife ", "more"):
                text.add(piece)
            text.close()
            await until(lambda: drive.ended)
            assert drive.status is DriveStatus.FAILED
            assert drive.error is not None
            assert drive.error.code == "content_rejected"
            after = await director.say(session, "fine", interrupt=False)
            await until(lambda: after.ended)
            assert after.status is DriveStatus.FINISHED

    run(main())
    assert studio.event("moderation.blocked").fields["categories"] == ["violence"]
    assert not any("knife" in text or "more" in text for text in studio.speaker.spoken)


def test_a_written_text_is_heard_while_it_is_written(studio: Studio) -> None:
    async def main() -> None:
        async with studio.live() as session:
            drive, text = await studio.director().write(session)
            text.add("first part ")
            await until(lambda: drive.status is DriveStatus.SPEAKING)
            text.add("second part")
            text.close()
            await until(lambda: drive.ended)
            assert drive.played_text == "first part second part"
            assert drive.played_ms == 4 * WORD_US // 1000

    run(main())


def test_a_text_that_never_comes_is_a_failure(studio: Studio) -> None:
    async def main() -> None:
        async with studio.live() as session:
            drive, text = await studio.director().write(session)
            text.close()
            await until(lambda: drive.ended)
            assert drive.error is not None
            assert drive.error.code == "text_empty"

    run(main())


def test_a_voice_that_fails_fails_its_drive_alone(studio: Studio) -> None:
    async def main() -> None:
        async with studio.live() as session:
            director = studio.director()
            studio.speaker.error = Unavailable("gone")
            drive = await director.say(session, "hello", interrupt=False)
            await until(lambda: drive.ended)
            assert drive.status is DriveStatus.FAILED
            studio.speaker.error = None
            after = await director.say(session, "hello", interrupt=False)
            await until(lambda: after.ended)
            assert after.status is DriveStatus.FINISHED

    run(main())


def test_a_voice_that_is_being_replaced_is_waited_for(studio: Studio) -> None:
    async def main() -> None:
        async with studio.live() as session:
            studio.speaker.refuses = 3
            drive = await studio.director().say(session, "hello", interrupt=False)
            await until(lambda: drive.ended)
            assert drive.status is DriveStatus.FINISHED
            assert studio.speaker.refuses == 0

    run(main())


def test_sound_is_heard_once_it_was_listened_to(studio: Studio) -> None:
    async def main() -> None:
        async with studio.live() as session:
            drive, sound = await studio.director().listen(session, 16_000, language="zh")
            voice = (np.random.default_rng(1).normal(0, 3_000, 16_000 * 3)).astype("<i2").tobytes()
            sound.add(voice + bytes(16_000))
            await until(lambda: drive.status is DriveStatus.SPEAKING)
            sound.close()
            await until(lambda: drive.ended)
            assert drive.played_ms == pytest.approx(3_500, abs=2)

    run(main())
    assert set(studio.moderator.languages) == {"zh"}


def test_lip_sync_that_breaks_is_opened_anew_on_the_same_timeline(studio: Studio) -> None:
    async def main() -> None:
        async with studio.live() as session:
            drive = await studio.director().say(session, "a b c d e f", interrupt=False)
            await until(lambda: drive.played_ms >= 500)
            studio.animator.breaks = Unavailable("killed")
            await until(lambda: drive.ended)
            assert drive.status is DriveStatus.FAILED
            studio.animator.breaks = None
            after = await studio.director().say(session, "again", interrupt=False)
            await until(lambda: after.ended)
            assert after.status is DriveStatus.FINISHED

    run(main())
    pts_us = [frame.pts_us for _, frame in studio.frames()]
    assert (np.diff(pts_us) == 40_000).all()


def test_nothing_piles_up_for_a_face_that_is_not_drawn_but_its_look(studio: Studio) -> None:
    sad, happy = Expression(ExpressionName.SAD), Expression(ExpressionName.HAPPY)

    async def main() -> None:
        async with studio.live() as session:
            studio.animator.breaks = studio.animator.error = Unavailable("killed")
            await until(lambda: studio.animator.closed > 1)
            for _ in range(1000):
                session.playout.act(Act(standing=sad))
                session.playout.act(Act(action=Action.NOD))
            session.playout.act(Act(standing=happy))
            studio.animator.breaks = studio.animator.error = None
            await until(lambda: Act(standing=happy) in studio.animator.cues)
            await pass_time(1)

    run(main())
    acts = [cue for cue in studio.animator.cues if isinstance(cue, Act)]
    assert acts == [Act(standing=happy)]


def test_of_looks_that_wait_the_last_is_seen_and_of_equal_actions_one(studio: Studio) -> None:
    sad, happy = Expression(ExpressionName.SAD), Expression(ExpressionName.HAPPY)

    async def main() -> None:
        async with studio.live() as session:
            for _ in range(1000):
                session.playout.act(Act(standing=sad))
                session.playout.act(Act(action=Action.NOD))
                session.playout.act(Act(standing=happy))
            await pass_time(1)

    run(main())
    acts = [cue for cue in studio.animator.cues if isinstance(cue, Act)]
    assert acts == [Act(action=Action.NOD), Act(standing=happy)]


def test_lip_sync_that_stays_away_ends_the_stream(studio: Studio) -> None:
    async def main() -> None:
        async with studio.live() as session:
            studio.animator.breaks = Unavailable("killed")
            await until(lambda: "stream.state" in studio.told())
            assert session.id == "st_1"

    run(main())
    assert studio.ending.reason == "lipsync_unavailable"
    assert studio.ending.failed


def test_a_stream_that_has_no_room_is_refused(studio: Studio) -> None:
    async def main() -> None:
        studio.animator.error = Overloaded("full")
        async with studio.live():
            pass

    with pytest.raises(Overloaded):
        run(main())


@pytest.mark.parametrize(
    ("idle_s", "longest_s", "reason"), [(30, 100, "idle_timeout"), (900, 60, "max_duration")]
)
def test_a_stream_ends_exactly_when_it_was_idle_or_lasted_long_enough(
    studio: Studio, idle_s: int, longest_s: int, reason: str
) -> None:
    studio.idle_timeout_s, studio.max_duration_s = idle_s, longest_s

    async def main() -> float:
        loop = asyncio.get_running_loop()
        async with studio.live() as session:
            begun_s = loop.time()
            if reason == "idle_timeout":
                await pass_time(20)
                drive = await studio.director().say(session, "still here", interrupt=False)
                await until(lambda: drive.ended)
                begun_s = loop.time()
            await until(lambda: "stream.state" in studio.told(), within_s=1_000)
            return loop.time() - begun_s

    assert run(main()) == pytest.approx(min(idle_s, longest_s), abs=0.05)
    assert studio.ending.reason == reason


def test_a_new_viewer_gets_a_keyframe(studio: Studio) -> None:
    async def main() -> None:
        async with studio.live(watched=False) as session:
            await studio.watch_for(session, 0.5)

    run(main())
    assert any(isinstance(cue, KeyframeRequest) for cue in studio.animator.cues)
    assert studio.frames()[0][1].keyframe
