"""Measures a recording: how long it is, and whether anything can be heard."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import av.error
import numpy as np
from av.container import InputContainer
from av.stream import Disposition

from services.common.errors import AudioSilent, AudioTooLong, AudioUndecodable, UnsupportedMedia

_AUDIBLE = 10 ** (-50 / 20)
"""A recording whose loudest sample is below -50 dB of full scale is silence."""
_SLACK_S = 1.0
"""Encoders pad: a recording of exactly one hour decodes to slightly more."""
_CUT_OFF = 0.9
"""A recording that holds less of the length it declares was broken off."""
_DECLARING = frozenset({"flac", "mp4", "matroska"})
"""Formats that say how long they are; the others are as long as what is there."""
_MAX_RIFF_BYTES = 0x7FFF_0000
"""Writers that don't know the size of a WAV file while they write it claim more than this."""


@dataclass(frozen=True, slots=True)
class Sound:
    """What is known of a recording."""

    duration_s: float


def measure(source: Path, reader: str, *, max_duration_s: float) -> Sound:
    """Decodes the whole recording, mixed into one channel as it will be heard.

    Raises AudioUndecodable, AudioSilent, AudioTooLong, and UnsupportedMedia for films. A damaged
    file may raise anything else.
    """
    try:
        with av.open(str(source), format=reader, metadata_errors="ignore") as container:
            _require_sound_alone(container)
            _require_whole_riff(source)
            return _measure(container, reader, max_duration_s)
    except av.error.FFmpegError as error:
        raise AudioUndecodable("the recording can't be decoded") from error


def _require_sound_alone(container: InputContainer) -> None:
    if not container.streams.audio:
        raise AudioUndecodable("the file holds no sound")
    # A cover counts as a film of one picture.
    if any(not stream.disposition & Disposition.attached_pic for stream in container.streams.video):
        raise UnsupportedMedia("films are not taken; send the sound alone")


def _require_whole_riff(source: Path) -> None:
    """FFmpeg takes a WAV file for as long as it is, whatever it declares."""
    with source.open("rb") as file:
        head = file.read(8)
    declared = int.from_bytes(head[4:], "little")
    cut_off = source.stat().st_size < declared * _CUT_OFF
    if head.startswith(b"RIFF") and declared < _MAX_RIFF_BYTES and cut_off:
        raise AudioUndecodable("the recording breaks off before its end")


def _measure(container: InputContainer, reader: str, max_duration_s: float) -> Sound:
    heard_s, peak, broken = 0.0, 0.0, False
    blocks = _blocks(container)
    while True:
        try:
            duration_s, loudest = next(blocks)
        except StopIteration:
            break
        except av.error.FFmpegError:
            broken = True
            break
        heard_s += duration_s
        peak = max(peak, loudest)
        if heard_s > max_duration_s + _SLACK_S:
            raise AudioTooLong(f"a recording may last {max_duration_s / 60:g} minutes")
    declared_s = (container.duration or 0) / av.time_base
    if not heard_s:
        raise AudioUndecodable("the recording holds no sound")
    if (broken or reader in _DECLARING) and heard_s < declared_s * _CUT_OFF - _SLACK_S:
        raise AudioUndecodable(f"the recording breaks off after {heard_s:.1f} s")
    if peak < _AUDIBLE:
        raise AudioSilent("nothing can be heard in the recording")
    return Sound(round(heard_s, 6))


def _blocks(container: InputContainer) -> Iterator[tuple[float, float]]:
    """Length and loudest sample of each block of the recording."""
    mixer = av.AudioResampler(format="flt", layout="mono")
    for frame in container.decode(container.streams.audio[0]):
        mixed = mixer.resample(frame)
        loudest = max(
            (float(np.abs(part.to_ndarray()).max(initial=0)) for part in mixed), default=0
        )
        yield frame.samples / frame.sample_rate, loudest
