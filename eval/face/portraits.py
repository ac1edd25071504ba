"""Portraits that say something for which there is no film to compare with."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from eval.face import driving
from eval.face.clips import Sound, read_sound
from eval.face.curves import curves
from eval.face.evaluation import Evaluation, blinks_of
from eval.face.judging import Seen, lifelike, loudness_fit
from eval.face.report import speech_row
from eval.face.speech import speech_of
from services.lipsync.visemes import Viseme, VisemeShape


@dataclass(frozen=True, slots=True)
class Told:
    """Something to be said."""

    name: str
    sound: Sound
    visemes: Sequence[Viseme] | None
    """The mouth shapes that came with it."""


def read_told(path: Path) -> Told:
    """Speech from the answer of the speech service, or from a sound file."""
    if path.suffix != ".json":
        return Told(path.stem, read_sound(path), None)
    answer = json.loads(path.read_text("utf-8"))
    sound = read_sound(BytesIO(base64.b64decode(answer["audio_base64"])))
    return Told(path.stem, sound, [_viseme(entry) for entry in answer["visemes"]])


def portrait_rows(
    evaluation: Evaluation, portraits: Iterable[Path], told: Sequence[Told]
) -> Iterator[list[str]]:
    """A row of the report for each portrait that says each speech."""
    for path in portraits:
        avatar = driving.built(evaluation.studio, path.read_bytes())
        for each in told:
            film = driving.speak(
                evaluation.studio, avatar, evaluation.recogniser, each.sound, each.visemes
            )
            track = evaluation.tracker.follow(film.pictures())
            face, blinks_ms = curves(track), blinks_of(Seen(film.pictures(), track))
            speech = speech_of(driving.with_silence(each.sound), each.visemes)
            name = f"{path.stem}, {each.name}"
            yield speech_row(name, lifelike(face, speech, blinks_ms), loudness_fit(face, speech))


def _viseme(entry: dict[str, float | str]) -> Viseme:
    start_ms, length_ms = float(entry["start_ms"]), float(entry["duration_ms"])
    shape = VisemeShape[str(entry["viseme"]).upper()]
    return Viseme(shape, int(start_ms * 1000), int((start_ms + length_ms) * 1000))
