"""Films and sheets to be looked at: real people above or beside what was drawn of them."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import count
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from eval.face.clips import RATE_HZ, Picture, Sound
from eval.face.curves import OUTER_LIPS
from eval.face.driving import FPS
from eval.face.evaluation import Take
from eval.face.judging import Seen, Shown
from eval.face.tracking import EYES
from services.lipsync.pixels import pulled, resized

TILE_PX, COLUMNS, PICTURES = 260, 10, 40
"""A mouth's tile, tiles in a row, and how many moments a sheet shows."""
_MOUTH_IODS = 1.3
_FILM_HEIGHT = 512
_AUDIO_BLOCK = 1024
_LABELS = ("real", "from sound", "from landmarks")


def mouth_sheet(take: Take) -> Picture:
    """The mouths of a clip at even steps: really, as drawn from sound, and from landmarks."""
    length_s = min(take.real.at_s[-1] - take.offset_s, len(take.clip.sound) / RATE_HZ)
    times_s = np.linspace(0.0, max(length_s, 0.0), PICTURES, endpoint=False)
    rows = [_mouths(seen, times_s + late_s) for seen, late_s in _three(take)]
    blocks = []
    for start in range(0, PICTURES, COLUMNS):
        for label, tiles in zip(_LABELS, rows, strict=True):
            row = np.hstack(tiles[start : start + COLUMNS])
            text = f"{label}  {times_s[start]:.2f} s" if label == _LABELS[0] else label
            cv2.putText(row, text, (4, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 255, 0), 1)
            blocks.append(row)
        blocks.append(np.zeros((8, blocks[-1].shape[1], 3), np.uint8))
    return np.vstack(blocks)


def save_sheet(picture: Picture, path: Path) -> None:
    """Writes a PNG."""
    if not cv2.imwrite(str(path), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)):
        raise OSError(f"{path} can't be written")


def save_side_by_side(take: Take, path: Path) -> None:
    """Writes a film of a clip beside what was drawn of it, with the clip's sound in step."""
    shown = [_on_show(seen.shown, late_s) for seen, late_s in _three(take)]
    end_s = min(take.real.at_s[-1] - take.offset_s, take.spoken.at_s[-1])
    frames = (np.hstack([_scaled(next(each)) for each in shown]) for _ in range(int(end_s * FPS)))
    write_film(path, frames, take.clip.sound)


def write_film(path: Path, pictures: Iterator[Picture], sound: Sound) -> None:
    """Writes an MP4 at `FPS`, picture and sound both from time 0."""
    first = next(pictures)
    height, width = first.shape[:2]
    with av.open(str(path), "w") as file:
        video = file.add_stream("h264", rate=FPS)
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        video.options = {"crf": "16", "preset": "veryfast"}
        audio = file.add_stream("aac", rate=RATE_HZ)
        audio.layout = "mono"
        for number, picture in enumerate((first, *pictures)):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            file.mux(video.encode(frame))
        file.mux(video.encode(None))
        for start in range(0, len(sound), _AUDIO_BLOCK):
            block = np.ascontiguousarray(sound[None, start : start + _AUDIO_BLOCK])
            piece = av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
            # Without it the encoder's priming becomes a delay.
            piece.pts, piece.time_base = start, Fraction(1, RATE_HZ)
            piece.sample_rate = RATE_HZ
            file.mux(audio.encode(piece))
        file.mux(audio.encode(None))


def _three(take: Take) -> tuple[tuple[Seen, float], ...]:
    """What is seen, and how late it is."""
    late_s = take.offset_s
    return (take.real_seen(), late_s), (take.spoken_seen(), 0.0), (take.redone_seen(), late_s)


def _mouths(seen: Seen, times_s: NDArray[np.float64]) -> list[Picture]:
    """The mouth in the picture nearest to each time."""
    at_s = seen.track.at_s
    wanted = [int(np.abs(at_s - time_s).argmin()) for time_s in times_s]
    tiles = {
        number: _mouth(picture, points)
        for number, (picture, points) in enumerate(seen.pairs())
        if number in wanted
    }
    return [tiles[number] for number in wanted]


def _mouth(picture: Picture, points: NDArray[np.float32]) -> Picture:
    """A mouth, upright and of one size."""
    right, left = (points[list(eye), :2].mean(axis=0) for eye in EYES)
    across = (left - right).astype(np.float64)
    centre = points[list(OUTER_LIPS), :2].mean(axis=0).astype(np.float64)
    step = _MOUTH_IODS / TILE_PX
    x, y = across * step
    turn = np.array([[x, -y], [y, x]])
    matrix = np.column_stack([turn, centre - turn @ (TILE_PX / 2, TILE_PX / 2)])
    return pulled(picture, matrix, TILE_PX, TILE_PX, repeat_edge=True)


def _on_show(shown: Shown, late_s: float) -> Iterator[Picture]:
    """The picture that is on show at each frame of a film at `FPS`; the last one stays."""
    pictures = iter(shown)
    _, now = next(pictures)
    following = next(pictures, None)
    for frame in count():
        while following is not None and following[0] - late_s <= (frame + 0.5) / FPS:
            now, following = following[1], next(pictures, None)
        yield now


def _scaled(picture: Picture) -> Picture:
    height, width = picture.shape[:2]
    wide = 2 * round(width * _FILM_HEIGHT / height / 2)
    return resized(picture, wide, _FILM_HEIGHT)
