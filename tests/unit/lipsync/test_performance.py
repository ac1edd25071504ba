"""Moods and actions: recognisable, smooth, at their time, and never in the way of speech."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray

from services.common.errors import InvalidInput
from services.lipsync.animation import MouthSource
from services.lipsync.cues import Action, Cue, Mood, MoodName
from services.lipsync.expression import MOUTH_SHAPES, Expression
from services.lipsync.motion.actions import DURATION_US, Actions
from services.lipsync.motion.articulation import CLOSE, JAW
from services.lipsync.motion.moods import LOOKS
from services.lipsync.visemes import Viseme, VisemeShape

if TYPE_CHECKING:
    from tests.unit.lipsync.conftest import Stage

FRAME_US = 40_000
SMILE = MOUTH_SHAPES.index("smile")
HAPPY = Mood(MoodName.HAPPY)


def smiles(stage: Stage) -> NDArray[np.float32]:
    return stage.renderer.mouths[:, SMILE]


def faces(expressions: list[Expression]) -> NDArray[np.float64]:
    """All that moods move, shape [frames, 19]."""
    return np.array(
        [
            [
                *e.mouth,
                e.brow_raise,
                e.brow_inner,
                e.brow_knit,
                e.lid_raise,
                e.squint,
                e.gaze_y,
                e.head.pitch,
            ]
            for e in expressions
        ]
    )


def speak(stage: Stage, duration_us: int, cues: list[Cue], shape: VisemeShape) -> None:
    stage.animation.begin_utterance("u", MouthSource.VISEMES)
    stage.animation.add_visemes([Viseme(shape, 0, duration_us)])
    stage.animation.add_cues(cues)
    stage.animation.append_sound(bytes(duration_us * 24 // 1000 * 2))
    stage.animation.end_utterance()


def test_a_face_that_is_met_in_a_mood_has_it_at_once(stage: Stage) -> None:
    stage.animation.stand(HAPPY)
    stage.animation.append_idle(400_000)
    stage.draw_all()
    assert smiles(stage) == pytest.approx(LOOKS[MoodName.HAPPY].mouth[SMILE])


@pytest.mark.parametrize("name", LOOKS)
def test_a_mood_comes_within_400_ms_without_a_jump_or_overshoot(
    name: MoodName, stage: Stage, new_stage: type[Stage]
) -> None:
    still = new_stage()
    for one in (stage, still):
        one.animation.append_idle(1_000_000)
        one.draw_ready()
    stage.animation.stand(Mood(name))
    for one in (stage, still):
        one.animation.append_idle(2_000_000)
        one.draw_all()
    added = faces(stage.renderer.expressions) - faces(still.renderer.expressions)
    assert not added[:25].any()
    full = added[-1]
    share = added @ full / (full @ full)
    assert 0.85 < share[25 + 10] < 0.97
    assert np.diff(share).min() > -1e-6
    assert share.max() < 1.001
    assert np.diff(share).max() < 0.17


def test_a_weaker_mood_is_the_same_face_with_less_of_it(new_stage: type[Stage]) -> None:
    seen = []
    for strength in (0.0, 0.5, 1.0):
        stage = new_stage()
        stage.animation.stand(Mood(MoodName.SAD, strength))
        stage.animation.append_idle(200_000)
        stage.draw_all()
        seen.append(faces(stage.renderer.expressions)[-1])
    assert np.allclose(seen[1], (seen[0] + seen[2]) / 2, atol=1e-6)


def test_a_neutral_face_is_the_one_without_any_mood(new_stage: type[Stage]) -> None:
    plain, neutral = new_stage(), new_stage()
    neutral.animation.stand(Mood(MoodName.NEUTRAL))
    for stage in (plain, neutral):
        stage.animation.append_idle(1_000_000)
        stage.draw_all()
    seen, unmoved = (faces(stage.renderer.expressions) for stage in (neutral, plain))
    assert np.array_equal(seen, unmoved)


@pytest.mark.parametrize("name", LOOKS)
def test_lips_still_shut_for_p_in_every_mood(name: MoodName, stage: Stage) -> None:
    stage.animation.stand(Mood(name))
    speak(stage, 200_000, [], VisemeShape.PP)
    stage.draw_all()
    shut = [mouth for mouth in stage.renderer.mouths if mouth[CLOSE] > 0.98]
    assert len(shut) >= 2
    assert max(float(mouth[JAW]) for mouth in shut) < 0.2


def test_a_cue_sets_the_mood_from_its_time_to_the_end_of_the_utterance(stage: Stage) -> None:
    stage.animation.append_idle(400_000)
    speak(stage, 1_600_000, [Cue(800_000, mood=HAPPY)], VisemeShape.SIL)
    stage.animation.append_idle(1_200_000)
    stage.draw_all()
    smile = smiles(stage)
    assert not smile[:31].any()
    assert smile[31] > 0
    assert smile[49] > 0.9 * LOOKS[MoodName.HAPPY].mouth[SMILE]
    assert smile[-1] < 0.01
    assert np.argmax(smile) == 50


def test_utterances_that_follow_each_other_keep_their_common_mood(stage: Stage) -> None:
    for _ in range(3):
        speak(stage, 800_000, [Cue(0, mood=HAPPY)], VisemeShape.SIL)
    stage.draw_all()
    assert np.diff(smiles(stage)).min() >= 0


def test_a_pause_inside_an_utterance_moves_its_cues(stage: Stage) -> None:
    stage.animation.begin_utterance("u", MouthSource.VISEMES)
    stage.animation.add_visemes([Viseme(VisemeShape.SIL, 0, 2_000_000)])
    stage.animation.add_cues([Cue(1_000_000, mood=HAPPY)])
    stage.animation.append_sound(bytes(24_000))
    stage.animation.append_idle(1_000_000)
    stage.animation.append_sound(bytes(72_000))
    stage.animation.end_utterance()
    stage.draw_all()
    assert np.flatnonzero(smiles(stage))[0] == 2_000_000 // FRAME_US + 1


def test_a_clear_takes_back_what_was_planned(stage: Stage) -> None:
    speak(
        stage,
        4_000_000,
        [Cue(0, mood=HAPPY), Cue(2_000_000, action=Action.NOD)],
        VisemeShape.SIL,
    )
    for _ in range(25):
        stage.animation.draw()
    stage.animation.clear()
    stage.animation.append_idle(3_000_000)
    stage.draw_all()
    assert smiles(stage)[24] > 0.9
    assert smiles(stage)[-1] == 0
    pitches = np.degrees([e.head.pitch for e in stage.renderer.expressions])
    assert np.abs(np.diff(pitches)).max() < 0.7


def test_cues_outside_an_utterance_are_refused(stage: Stage) -> None:
    with pytest.raises(InvalidInput):
        stage.animation.add_cues([Cue(0, mood=HAPPY)])


@pytest.mark.parametrize(
    ("action", "axis", "least", "most"),
    [
        (Action.NOD, "pitch", 5.0, 9.0),
        (Action.SHAKE, "yaw", 4.0, 8.0),
        (Action.TILT, "roll", 3.0, 6.0),
    ],
)
def test_actions_have_human_sizes_and_speeds(
    action: Action, axis: str, least: float, most: float
) -> None:
    actions = Actions(seed=3)
    actions.begin(action, 1_000_000)
    degrees = np.degrees([getattr(actions.at(n * FRAME_US), axis) for n in range(125)])
    assert least < np.abs(degrees).max() < most
    assert not degrees[:26].any()
    assert not degrees[(1_000_000 + DURATION_US[action]) // FRAME_US + 1 :].any()
    assert 0.8 <= DURATION_US[action] / 1e6 <= 2.5
    assert np.abs(np.diff(degrees)).max() * 25 < 75


def test_a_nod_goes_down_twice_and_a_shake_to_both_sides_twice() -> None:
    actions = Actions(seed=3)
    for action, axis, turns in ((Action.NOD, "pitch", 3), (Action.SHAKE, "yaw", 5)):
        actions.begin(action, 0)
        curve = np.array([getattr(actions.at(n * 10_000), axis) for n in range(160)])
        speed = np.diff(curve[np.abs(curve) > 1e-4])
        assert np.count_nonzero(np.diff(np.sign(speed))) >= turns
        actions = Actions(seed=3)


def test_who_looks_at_the_camera_faces_it_and_keeps_still(
    stage: Stage, new_stage: type[Stage]
) -> None:
    still = new_stage()
    stage.animation.act(Action.LOOK_AT_CAMERA)
    for one in (stage, still):
        one.animation.append_idle(3_000_000)
        one.draw_all()

    def away(one: Stage) -> NDArray[np.float64]:
        return np.array(
            [
                [e.head.yaw, e.head.pitch, e.head.roll, e.gaze_x, e.gaze_y]
                for e in one.renderer.expressions
            ]
        )

    assert np.abs(away(stage)[15:35]).max() < 1e-6
    assert np.abs(away(still)[15:35]).max() > 0.01
    assert np.array_equal(away(stage)[60:], away(still)[60:])
    facing = np.array([e.facing for e in stage.renderer.expressions])
    assert facing[15:35].min() == 1.0
    assert facing[0] == facing[60:].max() == 0.0
    assert np.abs(np.diff(facing)).max() < 0.25


def test_the_same_seed_and_cues_give_the_same_motion(
    new_stage: type[Stage], voice: Callable[..., bytes]
) -> None:
    runs = []
    for seed in (5, 5, 6):
        stage = new_stage(seed=seed)
        speak(
            stage,
            2_000_000,
            [Cue(0, HAPPY, Action.TILT), Cue(900_000, action=Action.SHAKE)],
            VisemeShape.AA,
        )
        stage.draw_all()
        runs.append(faces(stage.renderer.expressions))
    assert np.array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0], runs[2])


def test_idle_motion_of_a_whole_face_never_comes_round(new_stage: type[Stage]) -> None:
    stage = new_stage()
    stage.animation.append_idle(240_000_000)
    stage.draw_all()
    course = np.array(
        [
            [e.head.yaw, e.head.pitch, e.head.roll, e.gaze_x, e.gaze_y, e.blink, e.brow_raise]
            for e in stage.renderer.expressions
        ]
    )
    course = (course - course.mean(axis=0)) / course.std(axis=0)
    length = len(course)
    spectrum = np.fft.rfft(course, 2 * length, axis=0)
    likeness = np.fft.irfft((np.abs(spectrum) ** 2).sum(axis=1))[:length]
    likeness /= course.shape[1] * np.arange(length, 0, -1)
    assert likeness[5 * 25 : length // 2].max() < 0.35
