"""The animation: every frame once, sound unaltered, marks in place, nothing depends on when."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pytest

from services.common.errors import InvalidInput
from services.lipsync.animation import VISEMES_HORIZON_US, Event, Frame, MouthSource, Sound
from services.lipsync.motion.articulation import CLOSE, JAW
from services.lipsync.timeline import Cleared, UtteranceBegins, UtteranceEnds
from services.lipsync.visemes import Viseme, VisemeShape

if TYPE_CHECKING:
    from tests.unit.lipsync.conftest import Stage

Voice = Callable[..., bytes]

SECOND_US = 1_000_000
VOWELS = [Viseme(VisemeShape.AA, at_us, at_us + 100_000) for at_us in range(0, 2_000_000, 100_000)]


def speak(
    stage: Stage, pcm: bytes, visemes: list[Viseme], *, piece: int = 4_800, name: str = "u1"
) -> None:
    stage.animation.begin_utterance(name, MouthSource.VISEMES)
    stage.animation.add_visemes(visemes)
    for start in range(0, len(pcm), piece):
        stage.animation.append_sound(pcm[start : start + piece])
    stage.animation.end_utterance()


def sound_of(events: list[Event]) -> bytes:
    return b"".join(event.pcm for event in events if isinstance(event, Sound))


def frames_of(events: list[Event]) -> list[Frame]:
    return [event for event in events if isinstance(event, Frame)]


@pytest.mark.parametrize(
    ("fps", "rate"), list(itertools.product((25, 30), (16_000, 24_000, 48_000)))
)
def test_frames_and_sound_are_contiguous_and_end_together(
    fps: int, rate: int, new_stage: type[Stage], voice: Voice
) -> None:
    stage = new_stage(fps, rate)
    speak(stage, voice(1_234_567, rate), VOWELS[:12])
    stage.animation.append_idle(333_333)
    events = stage.draw_all()
    frames = frames_of(events)
    assert [frame.pts_us for frame in frames] == [n * SECOND_US // fps for n in range(len(frames))]
    assert [frame.access_unit for frame in frames] == [b"%d" % n for n in range(len(frames))]
    samples = 0
    for event in events:
        if isinstance(event, Sound):
            assert event.start_us == samples * SECOND_US // rate
            samples += len(event.pcm) // 2
    assert samples == len(frames) * rate // fps


def test_the_sound_comes_back_bit_for_bit_with_silence_around_it(
    stage: Stage, voice: Voice
) -> None:
    pcm = voice(700_000, 24_000)
    stage.animation.append_idle(200_000)
    speak(stage, pcm, VOWELS[:7], piece=998)
    sound = sound_of(stage.draw_all())
    assert sound == bytes(9_600) + pcm + bytes(len(sound) - 9_600 - len(pcm))
    assert len(sound) - 9_600 - len(pcm) < 24_000 // 25 * 2


def test_marks_stand_where_the_sound_begins_and_ends(stage: Stage, voice: Voice) -> None:
    stage.animation.append_idle(210_000)
    speak(stage, voice(500_000, 24_000), VOWELS[:5], name="first")
    speak(stage, voice(250_000, 24_000), VOWELS[:2], name="second")
    events = stage.draw_all()
    marks = [event for event in events if not isinstance(event, Frame | Sound)]
    assert marks == [
        UtteranceBegins("first", 210_000),
        UtteranceEnds("first", 710_000, cleared=False),
        UtteranceBegins("second", 710_000),
        UtteranceEnds("second", 960_000, cleared=False),
    ]
    begins = events.index(marks[0])
    following = next(event for event in events[begins:] if isinstance(event, Frame))
    assert following.pts_us == 200_000


def test_pictures_depend_on_what_was_appended_never_on_when(
    new_stage: type[Stage], voice: Voice
) -> None:
    pcm = voice(2 * SECOND_US, 24_000)
    at_once, piecemeal = new_stage(), new_stage()
    speak(at_once, pcm, VOWELS, piece=len(pcm))
    at_once.animation.append_idle(SECOND_US)
    at_once.draw_all()
    animation = piecemeal.animation
    animation.begin_utterance("u1", MouthSource.VISEMES)
    for number, start in enumerate(range(0, len(pcm), 4_800)):
        animation.add_visemes(VOWELS[number : number + 1])
        animation.append_sound(pcm[start : start + 4_800])
        piecemeal.draw_ready()
    animation.end_utterance()
    for _ in range(10):
        animation.append_idle(100_000)
        piecemeal.draw_ready()
    piecemeal.draw_all()
    assert len(at_once.renderer.expressions) == len(piecemeal.renderer.expressions) == 75
    for one, other in zip(
        at_once.renderer.expressions, piecemeal.renderer.expressions, strict=True
    ):
        np.testing.assert_array_equal(one.mouth, other.mouth)
        assert (one.head, one.blink, one.brow_raise) == (other.head, other.blink, other.brow_raise)


def test_the_same_seed_gives_the_same_life_and_another_seed_another(new_stage: type[Stage]) -> None:
    poses = []
    for seed in (5, 5, 6):
        stage = new_stage(seed=seed)
        stage.animation.append_idle(10 * SECOND_US)
        stage.draw_all()
        poses.append([(e.head, e.blink, e.gaze_x) for e in stage.renderer.expressions])
    assert poses[0] == poses[1]
    assert poses[0] != poses[2]


def test_a_frame_waits_for_no_more_than_the_horizon(stage: Stage, voice: Voice) -> None:
    animation = stage.animation
    animation.begin_utterance("u1", MouthSource.VISEMES)
    animation.add_visemes([Viseme(VisemeShape.AA, 0, SECOND_US)])
    drawn = 0
    for _ in range(50):
        animation.append_sound(voice(20_000, 24_000))
        drawn += len(frames_of(stage.draw_ready()))
    assert drawn >= (SECOND_US - VISEMES_HORIZON_US) * 25 // SECOND_US


def test_live_sound_without_text_is_drawn_soon_after_its_arrival(
    stage: Stage, voice: Voice
) -> None:
    animation = stage.animation
    animation.begin_utterance("u1", MouthSource.AUDIO)
    drawn = 0
    for received in range(1, 101):
        animation.append_sound(voice(20_000, 24_000, seed=received))
        drawn += len(frames_of(stage.draw_ready()))
        assert drawn > 0 or received * 20_000 < 240_000
        assert drawn * 40_000 >= received * 20_000 - 340_000


def test_the_mouth_is_exactly_at_rest_while_idle(stage: Stage) -> None:
    stage.animation.append_idle(20 * SECOND_US)
    stage.draw_all()
    assert not stage.renderer.mouths.any()


def test_silence_inside_an_utterance_does_not_move_the_mouth(stage: Stage) -> None:
    pcm = bytes(24_000 * 2 * 2)
    speak(stage, pcm, [Viseme(VisemeShape.SIL, 0, 2 * SECOND_US)])
    stage.draw_all()
    assert not stage.renderer.mouths.any()


def test_a_mouth_shape_without_a_voice_is_not_drawn(stage: Stage, voice: Voice) -> None:
    pcm = voice(500_000, 24_000) + bytes(24_000 * 2)
    speak(stage, pcm, [Viseme(VisemeShape.AA, 0, 1_500_000)])
    stage.draw_all()
    assert stage.renderer.mouths[5:10].max() > 0.5
    assert not stage.renderer.mouths[16:].any()


def test_clear_shuts_the_mouth_within_200_ms_and_ends_every_utterance(
    stage: Stage, voice: Voice
) -> None:
    animation = stage.animation
    speak(stage, voice(600_000, 24_000), VOWELS[:6], name="first")
    speak(stage, voice(600_000, 24_000), VOWELS[:6], name="second")
    events = [event for _ in range(8) for event in animation.draw()]
    animation.clear()
    assert stage.renderer.mouths[-1, JAW] > 0.2
    assert not animation.ready
    animation.append_idle(SECOND_US)
    events += stage.draw_all()
    mouths = stage.renderer.mouths
    assert not mouths[8 + 5 :].any()
    assert np.abs(np.diff(mouths[7:14, JAW])).max() < 0.5 * mouths[7, JAW]
    marks = [event for event in events if not isinstance(event, Frame | Sound)]
    assert marks == [
        UtteranceBegins("first", 0),
        UtteranceEnds("first", 320_000, cleared=True),
        UtteranceEnds("second", 320_000, cleared=True),
        Cleared(320_000),
    ]
    sound = sound_of(events)
    assert len(sound) == 2 * 24_000 * 132 // 100
    assert not any(sound[2 * 24_000 * 32 // 100 :])


def test_speech_after_a_clear_is_spoken_as_ever(stage: Stage, voice: Voice) -> None:
    speak(stage, voice(600_000, 24_000), VOWELS[:6])
    for _ in range(5):
        stage.animation.draw()
    stage.animation.clear()
    seal = [Viseme(VisemeShape.SIL, 0, 300_000), Viseme(VisemeShape.PP, 300_000, 400_000)]
    pcm = voice(500_000, 24_000)
    speak(stage, pcm, seal, name="u2")
    events = stage.draw_all()
    assert pcm in sound_of(events)
    assert stage.renderer.mouths[5:, CLOSE].max() == 1.0


def test_a_pause_inside_an_utterance_moves_the_visemes_that_follow(
    stage: Stage, voice: Voice
) -> None:
    animation = stage.animation
    animation.begin_utterance("u1", MouthSource.VISEMES)
    animation.add_visemes(
        [Viseme(VisemeShape.AA, 0, 400_000), Viseme(VisemeShape.PP, 400_000, 500_000)]
    )
    animation.append_sound(voice(400_000, 24_000))
    animation.append_idle(SECOND_US)
    animation.append_sound(voice(100_000, 24_000))
    animation.end_utterance()
    stage.draw_all()
    shut = np.flatnonzero(stage.renderer.mouths[:, CLOSE] >= 0.98)
    assert set(shut) <= set(range(33, 39))
    assert len(shut)


@pytest.mark.parametrize("piece", [640, 9_998, 1 << 20])
def test_sound_without_text_is_heard_and_spoken(
    piece: int, new_stage: type[Stage], voice: Voice
) -> None:
    stage = new_stage(sample_rate_hz=16_000)
    pcm = bytes(16_000) + voice(250_000, 16_000) + bytes(16_000) + voice(250_000, 16_000)
    stage.animation.begin_utterance("u1", MouthSource.AUDIO)
    for start in range(0, len(pcm), piece):
        stage.animation.append_sound(pcm[start : start + piece])
        stage.draw_ready()
    stage.animation.end_utterance()
    stage.draw_all()
    mouths = stage.renderer.mouths
    shut = np.flatnonzero(mouths[:, CLOSE] >= 0.98) * 40
    spoken = np.flatnonzero(mouths[:, JAW] > 0.3) * 40
    # What is told by a step is of a moment 130 ms before its end.
    assert {n for n in shut if n < 800} <= set(range(380, 500))
    assert {n for n in shut if n >= 800} <= set(range(1130, 1250))
    assert min(shut) < 800 < max(shut)
    assert min(spoken) < 800 < max(spoken)


def test_an_utterance_told_by_sound_is_said_to_its_end_and_comes_to_rest(
    stage: Stage, voice: Voice
) -> None:
    stage.animation.begin_utterance("u1", MouthSource.AUDIO)
    stage.animation.append_sound(voice(600_000, 24_000))
    stage.animation.end_utterance()
    stage.animation.append_idle(600_000)
    stage.draw_all()
    jaw = stage.renderer.mouths[:, JAW]
    assert jaw[5:12].min() > 0.1
    assert not jaw[20:].any()


def test_a_cut_utterance_is_not_heard_in_the_next(new_stage: type[Stage], voice: Voice) -> None:
    """Its memory ends with it: what follows is said as if it came first."""
    fresh, cut = new_stage(), new_stage()
    for _ in range(10):
        cut.animation.append_idle(40_000)
        cut.animation.draw()
    cut.animation.begin_utterance("u0", MouthSource.AUDIO)
    cut.animation.append_sound(voice(800_000, 24_000, seed=5))
    cut.draw_ready()
    cut.animation.clear()
    cut.animation.append_idle(1_000_000)
    cut.draw_ready()
    before = len(cut.renderer.expressions)
    for stage in (fresh, cut):
        stage.animation.begin_utterance("u1", MouthSource.AUDIO)
        stage.animation.append_sound(voice(600_000, 24_000))
        stage.animation.end_utterance()
        stage.draw_all()
    close = [stage.renderer.mouths[:, CLOSE] for stage in (fresh, cut)]
    np.testing.assert_allclose(close[0], close[1][before:], atol=0.02)


def test_a_keyframe_and_a_bitrate_are_meant_for_the_next_frame(stage: Stage) -> None:
    stage.animation.append_idle(SECOND_US)
    for _ in range(3):
        stage.animation.draw()
    stage.animation.request_keyframe()
    stage.animation.set_bitrate(500_000)
    assert stage.encoder.keyframe_requests == [3]
    assert stage.encoder.bitrates == [(3, 500_000)]


def test_nothing_appended_gives_nothing(stage: Stage) -> None:
    assert stage.draw_all() == []


def test_an_empty_utterance_has_its_marks_and_no_frames(stage: Stage) -> None:
    speak(stage, b"", [])
    assert stage.draw_all() == [
        UtteranceBegins("u1", 0),
        UtteranceEnds("u1", 0, cleared=False),
    ]


def test_finishing_ends_the_open_utterance(stage: Stage, voice: Voice) -> None:
    stage.animation.begin_utterance("u1", MouthSource.VISEMES)
    stage.animation.append_sound(voice(100_000, 24_000))
    events = stage.draw_all()
    assert events[-1] == UtteranceEnds("u1", 100_000, cleared=False)
    assert len(frames_of(events)) == 3


def test_messages_out_of_order_are_refused(stage: Stage) -> None:
    animation = stage.animation
    with pytest.raises(InvalidInput):
        animation.append_sound(b"\0\0")
    with pytest.raises(InvalidInput):
        animation.end_utterance()
    with pytest.raises(InvalidInput):
        animation.add_visemes([])
    animation.begin_utterance("u1", MouthSource.VISEMES)
    with pytest.raises(InvalidInput):
        animation.begin_utterance("u2", MouthSource.VISEMES)
    with pytest.raises(InvalidInput):
        animation.append_sound(b"\0")
    with pytest.raises(InvalidInput):
        animation.add_visemes([VOWELS[1], VOWELS[0]])
    animation.clear()
    with pytest.raises(InvalidInput):
        animation.append_sound(b"\0\0")


def test_memory_does_not_grow_with_an_hour_of_idle(stage: Stage) -> None:
    stage.animation.append_idle(3_600 * SECOND_US)
    assert stage.animation.held_us == 0
    assert len(stage.animation.draw()) == 2


def test_a_paced_animation_idles_as_far_as_it_is_told(new_stage: type[Stage]) -> None:
    stage = new_stage(paced=True)
    assert not stage.draw_ready()
    stage.animation.draw_until(199_999)
    events = stage.draw_ready()
    assert [frame.pts_us for frame in frames_of(events)] == [0, 40_000, 80_000, 120_000]
    assert sound_of(events) == bytes(2 * 24_000 * 16 // 100)
    stage.animation.draw_until(40_000)
    assert not stage.animation.ready


def test_a_paced_animation_speaks_after_its_idling_and_idles_on(
    new_stage: type[Stage], voice: Voice
) -> None:
    stage = new_stage(paced=True)
    stage.animation.draw_until(200_000)
    events = stage.draw_ready()
    pcm = voice(300_000, 24_000)
    speak(stage, pcm, VOWELS[:3])
    assert not stage.animation.ready
    stage.animation.draw_until(SECOND_US)
    events += stage.draw_ready()
    assert len(frames_of(events)) == 25
    assert [event for event in events if not isinstance(event, Frame | Sound)] == [
        UtteranceBegins("u1", 200_000),
        UtteranceEnds("u1", 500_000, cleared=False),
    ]
    assert sound_of(events) == bytes(9_600) + pcm + bytes(24_000)


def test_a_paced_animation_waits_for_the_rest_of_an_open_utterance(
    new_stage: type[Stage], voice: Voice
) -> None:
    stage = new_stage(paced=True)
    stage.animation.draw_until(SECOND_US)
    stage.animation.begin_utterance("u1", MouthSource.VISEMES)
    stage.animation.add_visemes(VOWELS[:10])
    stage.animation.append_sound(voice(400_000, 24_000))
    assert 5 <= len(frames_of(stage.draw_ready())) < 10
    stage.animation.append_sound(voice(100_000, 24_000))
    stage.animation.end_utterance()
    assert stage.animation.ready


def test_pace_is_for_paced_animations(stage: Stage) -> None:
    with pytest.raises(InvalidInput, match="paced"):
        stage.animation.draw_until(SECOND_US)
