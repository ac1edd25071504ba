"""Something to be said: the answer of the speech service, or a recording."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from eval.face.clips import Sound, read_sound
from services.lipsync.visemes import Viseme, VisemeShape


@dataclass(frozen=True, slots=True)
class Told:
    """Something to be said."""

    name: str
    sound: Sound
    visemes: Sequence[Viseme] | None
    """The mouth shapes that came with it."""


def read_told(path: Path) -> Told:
    """Speech from an answer of `POST /v1/speech?timings=true`, or from a sound file."""
    if path.suffix != ".json":
        return Told(path.stem, read_sound(path), None)
    answer = json.loads(path.read_text("utf-8"))
    sound = read_sound(BytesIO(base64.b64decode(answer["audio_base64"])))
    return Told(path.stem, sound, [_viseme(entry) for entry in answer["visemes"]])


def _viseme(entry: dict[str, float | str]) -> Viseme:
    start_ms, length_ms = float(entry["start_ms"]), float(entry["duration_ms"])
    shape = VisemeShape[str(entry["viseme"]).upper()]
    return Viseme(shape, int(start_ms * 1000), int((start_ms + length_ms) * 1000))
