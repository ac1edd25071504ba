from __future__ import annotations

from pathlib import Path

import pytest

from eval.face.clips import RATE_HZ, Clip, Sound, read_sound
from eval.face.driving import FPS, built, speak
from eval.face.evaluation import Evaluation
from eval.face.sheets import mouth_sheet, save_side_by_side, write_film
from services.common.models import ModelStore
from services.local.settings import LocalSettings

SPEECH = Path(__file__).parents[4] / "shared" / "data" / "speech" / "bus_chinese.wav"
LATE_S = 0.08


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    return Evaluation(LocalSettings().home)


@pytest.fixture(scope="module")
def sound() -> Sound:
    if not SPEECH.is_file():
        pytest.skip(f"no speech in {SPEECH}")
    return read_sound(SPEECH)[: 3 * RATE_HZ]


@pytest.mark.slow
def test_a_film_of_an_avatar_is_judged_to_be_what_it_is(
    evaluation: Evaluation, sound: Sound, tmp_path: Path
) -> None:
    portrait = ModelStore(LocalSettings().home).path("demo-portrait").read_bytes()
    film = speak(evaluation.studio, built(evaluation.studio, portrait), evaluation.network, sound)
    shown = [picture for _, picture in film.pictures()]
    late = [shown[0]] * round(LATE_S * FPS) + shown
    write_film(tmp_path / "one.mp4", iter(late), sound)
    clip = Clip(tmp_path / "one.mp4", read_sound(tmp_path / "one.mp4"), offset_s=LATE_S)

    figures, take = evaluation.clip(clip)

    assert figures.spoken.opening_r > 0.97
    assert abs(figures.spoken.offset_ms) < 8
    assert figures.spoken.amplitude_ratio == pytest.approx(1.0, abs=0.1)
    assert figures.redone.opening_r > 0.95
    assert figures.redone_look.seam < 1.2
    assert figures.redone_look.sharpness == pytest.approx(1.0, abs=0.3)
    assert figures.drawn.shut == figures.real.shut
    assert figures.drawn.blinks == pytest.approx(figures.real.blinks, abs=1)
    save_side_by_side(take, tmp_path / "beside.mp4")
    assert mouth_sheet(take).shape[2] == 3
    assert len(read_sound(tmp_path / "beside.mp4")) >= len(sound)
