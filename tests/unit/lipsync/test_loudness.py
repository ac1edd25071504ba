"""Loudness against the voice's own level, from the past and a little of the future."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from services.lipsync.motion.loudness import AUDIO_HORIZON_US, LoudnessTrack

RATE = 16_000


def tone(duration_us: int, level_db: float) -> NDArray[np.int16]:
    count = duration_us * RATE // 1_000_000
    wave = np.sin(np.arange(count) / RATE * 2 * np.pi * 200) * 32_767 * 10 ** (level_db / 20)
    return wave.astype(np.int16)


def track_of(*pieces: NDArray[np.int16]) -> LoudnessTrack:
    track = LoudnessTrack(RATE)
    for piece in pieces:
        track.append(piece)
    return track


@pytest.mark.parametrize("level_db", [-6.0, -20.0, -35.0])
def test_a_voice_at_its_own_level_opens_the_mouth_fully_whatever_the_recording(
    level_db: float,
) -> None:
    assert track_of(tone(1_000_000, level_db)).gain_at(500_000) == pytest.approx(1.0, abs=0.02)


def test_what_is_said_softer_opens_less() -> None:
    track = track_of(tone(1_000_000, -15), tone(1_000_000, -30))
    assert track.gain_at(1_500_000) < 0.75 < track.gain_at(500_000)


def test_silence_has_no_level() -> None:
    track = track_of(np.zeros(RATE, np.int16))
    assert track.usual_level(500_000) is None
    assert track.relative_db(500_000) < -60


def test_nothing_depends_on_sound_beyond_the_horizon() -> None:
    sound = tone(1_000_000, -20)
    known = sound[: (500_000 + AUDIO_HORIZON_US) * RATE // 1_000_000]
    whole, part = track_of(sound, tone(500_000, -3)), track_of(known)
    assert whole.gain_at(500_000) == part.gain_at(500_000)


def test_pieces_of_any_size_give_the_same_levels() -> None:
    sound = tone(700_000, -18)
    pieces = track_of(*np.split(sound, [7, 1_000, 1_001, 5_000]))
    np.testing.assert_array_equal(track_of(sound).decibels(0, 700_000), pieces.decibels(0, 700_000))


def test_after_a_cut_time_goes_on_from_there() -> None:
    track = track_of(tone(1_000_000, -20))
    track.cut(400_000)
    track.append(tone(200_000, -40))
    assert len(track.decibels(0, 2_000_000)) == 60
    assert track.decibels(500_000, 510_000)[0] == pytest.approx(-43, abs=1)


def test_trimming_changes_nothing_that_is_still_asked() -> None:
    whole, trimmed = (track_of(tone(30_000_000, -20)) for _ in range(2))
    trimmed.trim(25_000_000)
    assert trimmed.gain_at(25_000_000) == whole.gain_at(25_000_000)
