from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from eval.face.clips import RATE_HZ, load_clips, read_sound
from eval.face.driving import FPS
from eval.face.sheets import write_film

CLICK_S = 0.6


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Films of one white picture, the one at which they click."""
    sound = np.zeros(RATE_HZ, np.float32)
    start = round(CLICK_S * RATE_HZ)
    sound[start : start + 80] = 0.9
    for name in ("one", "vr_2", "other"):
        pictures = [np.zeros((64, 96, 3), np.uint8) for _ in range(FPS)]
        pictures[round(CLICK_S * FPS)][:] = 255
        write_film(tmp_path / f"{name}.mp4", iter(pictures), sound)
    (tmp_path / "readme.txt").write_text("no film")
    notes = "one = { offset_ms = -40 }\nother = { leave_out = 'dubbed' }\n"
    (tmp_path / "known_clips.toml").write_text(notes, "utf-8")
    return tmp_path


def test_what_is_known_of_clips_goes_with_them(folder: Path) -> None:
    one, other, known = load_clips(folder)
    assert (one.name, one.offset_s, one.leave_out) == ("one", -0.04, None)
    assert (other.offset_s, other.leave_out) == (None, "dubbed")
    assert (known.name, known.offset_s) == ("vr_2", -0.057)


def test_picture_and_sound_are_read_on_one_clock(folder: Path) -> None:
    clip = load_clips(folder)[0]
    white_s = [at_s for at_s, picture in clip.pictures() if picture.mean() > 128]
    assert white_s == pytest.approx([CLICK_S])
    assert np.abs(clip.sound).argmax() / RATE_HZ == pytest.approx(CLICK_S, abs=0.01)


def test_a_folder_that_is_not_there_has_no_clips(tmp_path: Path) -> None:
    assert load_clips(tmp_path / "nowhere") == []


def test_a_silent_film_has_no_sound(tmp_path: Path) -> None:
    write_film(tmp_path / "a.mp4", iter([np.zeros((64, 96, 3), np.uint8)] * 5), np.zeros(0, "f4"))
    assert len(read_sound(tmp_path / "a.mp4")) == 0
