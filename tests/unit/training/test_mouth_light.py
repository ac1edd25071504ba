"""What is measured between filmed lips, on mouths whose light is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from services.lipsync.pixels import blurred, resized
from services.lipsync.renderer.palette import Palette
from services.lipsync.renderer.shape import ALONG
from training.mouth.__main__ import films, table
from training.mouth.beside import sheet
from training.mouth.footage import Footage, OpenMouth, texels
from training.mouth.light import ASIDE, BELOW, light_aside, light_below

TOOTH, LIP = 200.0, 90.0
PALETTE = Palette(
    tooth=np.full(3, TOOTH, np.float32),
    gum=np.full(3, 120.0, np.float32),
    tongue=np.full(3, 110.0, np.float32),
    cavity=np.full(3, 20.0, np.float32),
    shade=np.ones(3, np.float32),
)


def open_mouth(light: NDArray[np.float32], opened: float = 0.2) -> OpenMouth:
    """A mouth whose lips are an ellipse around teeth that are lit as told [h, w]."""
    bow = np.sqrt(1.0 - ALONG**2).astype(np.float32) * np.float32(opened / 2)
    mouth = OpenMouth(np.zeros((1, 1, 3), np.uint8), 0.38 * ALONG, -bow, bow, 0.0)
    grey = np.where(mouth.inside(), TOOTH * light, LIP)
    crop = np.repeat(np.rint(grey).astype(np.uint8)[..., None], 3, axis=2)
    return OpenMouth(crop, mouth.x, mouth.upper, mouth.lower, 0.0)


def test_only_what_lies_between_the_lips_is_inside() -> None:
    x, y = texels()
    inside = open_mouth(np.ones_like(x)).inside()
    area = inside.sum() * float(x[0, 1] - x[0, 0]) * float(y[1, 0] - y[0, 0])
    assert area == pytest.approx(np.pi * 0.38 * 0.1, rel=0.03)


def test_light_that_falls_off_towards_the_corners_is_found() -> None:
    x, _ = texels()
    footage = Footage("film", [open_mouth(np.float32(1.0) - np.abs(x))], PALETTE)
    middles = (np.array(ASIDE[:-1]) + ASIDE[1:]) / 2
    np.testing.assert_allclose(light_aside(footage), 1.0 - middles, atol=0.03)


def test_the_upper_lip_s_shadow_is_found() -> None:
    _, y = texels()
    footage = Footage(
        "film", [open_mouth(np.where(y < -0.055, np.float32(0.6), np.float32(1.0)))], PALETTE
    )
    below = light_below(footage)
    assert below[0] == pytest.approx(0.6, abs=0.02)
    assert below[-1] == pytest.approx(1.0, abs=0.02)
    assert len(below) == len(BELOW) - 1


def test_what_is_not_seen_is_no_number() -> None:
    x, _ = texels()
    narrow = open_mouth(np.ones_like(x), opened=0.06)
    assert np.isnan(light_below(Footage("film", [narrow], PALETTE))[-1])


def test_what_is_drawn_stays_between_the_lips() -> None:
    x, _ = texels()
    mouths = [open_mouth(np.ones_like(x), opened) for opened in (0.1, 0.2, 0.3)]
    filmed, drawn = np.split(sheet(Footage("film", mouths, PALETTE), columns=3, seed=1), 2)
    changed = np.abs(filmed.astype(int) - drawn.astype(int)).max(axis=-1) > 2
    inside = np.hstack([mouth.inside() for mouth in mouths]).astype(np.float32)
    around = blurred(resized(inside, filmed.shape[1], filmed.shape[0]), 4.0) > 0.01
    assert changed.any()
    assert not changed[~around].any()


def test_a_folder_s_films_are_read_by_name_and_a_file_as_it_is(tmp_path: Path) -> None:
    for name in ("b.mp4", "a.mov", "notes.txt"):
        (tmp_path / name).touch()
    assert [path.name for path in films([tmp_path, tmp_path / "b.mp4"])] == [
        "a.mov",
        "b.mp4",
        "b.mp4",
    ]


def test_the_table_ends_with_the_median_of_what_was_seen() -> None:
    curves = {"a": np.array([1.0, np.nan]), "b": np.array([0.5, 0.4])}
    assert table(curves, (0.0, 0.1, 0.2)).splitlines()[-1].split() == ["median", "0.75", "0.40"]
