"""Films of people who speak: their pictures, their sound, and how far the two are apart."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
from numpy.typing import NDArray

RATE_HZ = 16_000
"""Of the sound of a clip."""
NOTES = "known_clips.toml"
"""Name of the file that says what is known of clips: here, and beside the clips themselves."""
SUFFIXES = frozenset({".mp4", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".m4v"})

Picture = NDArray[np.uint8]
"""RGB [h, w, 3]."""
Sound = NDArray[np.float32]
"""One channel in [-1, 1], `RATE_HZ`."""


@dataclass(frozen=True, slots=True)
class Clip:
    """One film. Times are seconds on the file's clock."""

    path: Path
    sound: Sound
    """From time 0 of the file on; empty in a silent film."""
    offset_s: float | None = 0.0
    """How late the mouth is in the file, against the sound; None: not known."""
    leave_out: str | None = None
    """Why lips are not judged by it."""

    @property
    def name(self) -> str:
        """The file's, without its ending."""
        return self.path.stem

    def pictures(self) -> Iterator[tuple[float, Picture]]:
        """When each picture is shown, and the picture."""
        return read_pictures(self.path)

    def digest(self) -> str:
        """The SHA-256 of the file."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def load_clips(folder: Path) -> list[Clip]:
    """The films of a folder, by name, with what is known of them; empty where there is none.

    Films that `leave_out` names are among them.
    """
    if not folder.is_dir():
        return []
    known = _notes(Path(__file__).with_name(NOTES)) | _notes(folder / NOTES)
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    return [_clip(path, known.get(path.stem, {})) for path in paths]


def _notes(path: Path) -> dict[str, dict[str, float | str]]:
    return tomllib.loads(path.read_text("utf-8")) if path.is_file() else {}


def _clip(path: Path, note: dict[str, float | str]) -> Clip:
    offset_ms, leave_out = note.get("offset_ms"), note.get("leave_out")
    return Clip(
        path,
        read_sound(path),
        None if offset_ms is None else float(offset_ms) / 1000.0,
        None if leave_out is None else str(leave_out),
    )


def read_pictures(path: Path) -> Iterator[tuple[float, Picture]]:
    """The pictures of a film, each with the second at which it is shown."""
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield float(frame.time), np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)


def read_sound(source: Path | BinaryIO) -> Sound:
    """The sound of a film or sound file from its time 0 on; empty where there is none."""
    resampler = av.AudioResampler("fltp", "mono", RATE_HZ)
    with av.open(str(source) if isinstance(source, Path) else source, "r") as container:
        if not container.streams.audio:
            return np.zeros(0, np.float32)
        starts_s: float | None = None
        pieces = []
        for frame in container.decode(audio=0):
            if starts_s is None:
                starts_s = float(frame.time or 0.0)
            pieces += [piece.to_ndarray()[0] for piece in resampler.resample(frame)]
        pieces += [piece.to_ndarray()[0] for piece in resampler.resample(None)]
    sound = np.concatenate([np.zeros(0, np.float32), *pieces]).astype(np.float32)
    late = round((starts_s or 0.0) * RATE_HZ)
    return np.concatenate([np.zeros(max(0, late), np.float32), sound[max(0, -late) :]])
