"""What is left of a film when others have cut, scaled and encoded it anew: its sound's landmarks
and its pictures' rough shapes.

Sound: pairs of peaks in the spectrogram (A. Wang, ISMIR 2003), which survive lossy coding.
Pictures: the signs of the lowest frequencies (pHash). The pictures of one face on one background
hardly differ from film to film, so they tell the scene; which film it is, the sound tells.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np
from av.container import InputContainer
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

RATE_HZ = 8_000
_WINDOW, _HOP = 512, 128
_AT_ONCE = 3_840 * _HOP
"""Samples whose spectra are in memory together: about a minute."""
FRAMES_PER_S = RATE_HZ / _HOP
_LOWEST_BIN, _BINS = 6, 246
_NEAR_BINS, _NEAR_FRAMES = 10, 8
"""How far around a peak nothing is louder."""
_FLOOR_DB = 50.0
_PARTNERS, _LEAST_APART, _MOST_APART = 5, 3, 63
_MOST_BINS = 31
_KEPT_OF = 6
"""One landmark of so many is kept; which, it says itself, so that both sides keep the same."""
_MIX = 0x9E3779B1
_SIDE, _LOW = 32, 8
_SHAPE_EVERY_S = 0.5
_SEEN_S, _PHASES = 60.0, 4
"""How much of somebody's film is looked at, and how closely."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Both, with their times."""

    landmarks: tuple[tuple[int, int], ...]
    """Of the sound: value and time, in spectra of FRAMES_PER_S."""
    shapes: tuple[tuple[float, int], ...]
    """Of the pictures: time in seconds, and 64 bits."""


def fingerprint_of(
    path: Path, reader: str, *, max_s: float, keyframes_only: bool = False, phases: int = 1
) -> Fingerprint:
    """That of a film's beginning; slow. What can't be decoded is left out.

    `phases`: at how many places within a step the sound is cut into spectra, since a film that was
    cut need not begin at ours. `keyframes_only`: enough of films with one each second, as ours.
    """
    samples = _sound(path, reader, max_s)
    landmarks: set[tuple[int, int]] = set()
    for phase in range(phases):
        landmarks.update(_landmarks(samples[phase * _HOP // phases :]))
    shapes = _shapes(path, reader, max_s, keyframes_only=keyframes_only)
    return Fingerprint(tuple(sorted(landmarks)), tuple(shapes))


def seen_in(path: Path, reader: str) -> Fingerprint:
    """That of somebody's film, which may be a copy."""
    return fingerprint_of(path, reader, max_s=_SEEN_S, phases=_PHASES)


def bits_apart(one: int, other: int) -> int:
    """In how many of 64 bits two shapes differ."""
    return (one ^ other).bit_count()


def _sound(path: Path, reader: str, max_s: float) -> NDArray[np.float32]:
    pieces: list[NDArray[Any]] = [np.zeros(0, np.float32)]
    resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE_HZ)
    length, most = 0, int(max_s * RATE_HZ)
    try:
        with av.open(str(path), format=reader, metadata_errors="ignore") as container:
            if not container.streams.audio:
                return pieces[0]
            for frame in container.decode(audio=0):
                pieces += [part.to_ndarray()[0] for part in resampler.resample(frame)]
                length += frame.samples * RATE_HZ // (frame.sample_rate or RATE_HZ)
                if length >= most:
                    break
    except (av.error.FFmpegError, ValueError):
        pass
    return np.concatenate(pieces)[:most].astype(np.float32)


def _landmarks(samples: NDArray[np.float32]) -> Iterator[tuple[int, int]]:
    for start in range(0, len(samples) - _WINDOW, _AT_ONCE):
        part = samples[start : start + _AT_ONCE]
        if len(part) < _WINDOW:
            return
        for value, time in _landmarks_of(part):
            yield value, time + start // _HOP


def _landmarks_of(samples: NDArray[np.float32]) -> Iterator[tuple[int, int]]:
    frames = sliding_window_view(samples, _WINDOW)[::_HOP] * np.hanning(_WINDOW).astype(np.float32)
    spectrum = np.abs(np.fft.rfft(frames, axis=1))[:, _LOWEST_BIN : _LOWEST_BIN + _BINS]
    level = (20 * np.log10(spectrum + 1e-9)).astype(np.float32)
    loudest = _highest(_highest(level, _NEAR_FRAMES, 0), _NEAR_BINS, 1)
    peaks = np.argwhere((level == loudest) & (level > max(level.max() - _FLOOR_DB, -_FLOOR_DB)))
    times, bins = peaks[:, 0].tolist(), peaks[:, 1].tolist()
    for at, (time, pitch) in enumerate(zip(times, bins, strict=True)):
        partners = 0
        for later in range(at + 1, len(times)):
            apart, step = times[later] - time, bins[later] - pitch
            if apart > _MOST_APART or partners == _PARTNERS:
                break
            if apart < _LEAST_APART or abs(step) > _MOST_BINS:
                continue
            partners += 1
            value = (pitch << 12) | ((step + _MOST_BINS) << 6) | apart
            if (value * _MIX >> 7) % _KEPT_OF == 0:
                yield value, time


def _highest(level: NDArray[np.float32], near: int, axis: int) -> NDArray[np.float32]:
    """The highest value within so many places, along an axis."""
    pad = [(0, 0), (0, 0)]
    pad[axis] = (near, near)
    padded = np.pad(level, pad, constant_values=-np.inf)
    highest: NDArray[np.float32] = sliding_window_view(padded, 2 * near + 1, axis).max(axis=-1)
    return highest


def _shapes(
    path: Path, reader: str, max_s: float, *, keyframes_only: bool
) -> list[tuple[float, int]]:
    shapes: list[tuple[float, int]] = []
    try:
        with av.open(str(path), format=reader, metadata_errors="ignore") as container:
            if container.streams.video:
                for at_s, picture in _pictures(container, keyframes_only=keyframes_only):
                    if at_s > max_s:
                        break
                    shapes.append((round(at_s, 3), _shape_of(picture)))
    except (av.error.FFmpegError, ValueError):
        pass
    return shapes


def _pictures(
    container: InputContainer, *, keyframes_only: bool
) -> Iterator[tuple[float, NDArray[np.float64]]]:
    """Grey and small [_SIDE, _SIDE], with their times in seconds."""
    video = container.streams.video[0]
    if keyframes_only:
        video.codec_context.skip_frame = "NONKEY"
    due_s = 0.0
    for frame in container.decode(video):
        at_s = frame.time or 0.0
        if at_s + 1e-3 < due_s:
            continue
        due_s = at_s + _SHAPE_EVERY_S
        small = frame.reformat(_SIDE, _SIDE, "gray", interpolation="AREA")
        yield at_s, small.to_ndarray().astype(np.float64)


def _cosines() -> NDArray[np.float64]:
    rows, columns = np.arange(_LOW + 1)[1:, None], np.arange(_SIDE)[None]
    return np.cos(np.pi * rows * (2 * columns + 1) / (2 * _SIDE))


_COSINES = _cosines()


def _shape_of(picture: NDArray[np.float64]) -> int:
    """The signs of a grey picture's lowest frequencies against their median [_SIDE, _SIDE]."""
    low = (_COSINES @ picture @ _COSINES.T).ravel()
    return int.from_bytes(np.packbits(low > np.median(low)).tobytes(), "big")
