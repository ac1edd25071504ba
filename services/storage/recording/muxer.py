"""One MP4 from encoded pictures and PCM: H.264 as it comes, AAC, fast start."""

from __future__ import annotations

import io
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import av.error
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.stream import Stream
from av.video.stream import VideoStream
from numpy.typing import NDArray

from services.common.errors import InvalidInput
from services.storage.objects.spool import full_disk_told

US_PER_S = 1_000_000
SAMPLE_RATES_HZ = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
"""Those that AAC has."""
MAX_FPS = 120

_VIDEO_CLOCK_HZ = 90_000
"""Exact for every usual frame rate."""
_AUDIO_BITS_PER_SAMPLE = 4
_MAX_AUDIO_BPS = 128_000
_BYTES_PER_SAMPLE = 2
_MAX_SKEW_US = 1_000
_MAX_SOUND_AHEAD_S = 10
_START_CODES = (b"\0\0\1", b"\0\0\0\1")
# The file holds what was recorded and nothing about what wrote it.
_FILE_OPTIONS = {"movflags": "+faststart", "fflags": "+bitexact"}
_AUDIO_OPTIONS = {"flags": "+bitexact"}


@dataclass(frozen=True, slots=True)
class RecordingFormat:
    """What is recorded. Raises InvalidInput when there is no such video."""

    width: int
    height: int
    fps: int
    sample_rate_hz: int

    def __post_init__(self) -> None:
        if not 1 <= self.fps <= MAX_FPS:
            raise InvalidInput(f"fps must be from 1 to {MAX_FPS}")
        if self.sample_rate_hz not in SAMPLE_RATES_HZ:
            raise InvalidInput(f"sample_rate_hz must be one of {SAMPLE_RATES_HZ}")


@dataclass(frozen=True, slots=True)
class Frame:
    """One H.264 access unit in Annex B form; without B-frames."""

    access_unit: bytes
    pts_us: int
    keyframe: bool


@dataclass(frozen=True, slots=True)
class Sound:
    """A run of PCM: signed 16-bit little-endian, mono."""

    pcm_s16le: bytes
    sample_rate_hz: int
    start_us: int


@dataclass(frozen=True, slots=True)
class Muxed:
    """What a finished file holds."""

    duration_s: float
    frames: int


class Mp4Muxer:
    """Writes one MP4 whose sound and picture both start at 0. Not thread-safe; calls block.

    Memory stays small whatever the length: pictures and sound go to the file as they come, in
    timeline order. Raises InvalidInput for what can't be muxed, StorageFull.
    """

    def __init__(self, path: Path, recording: RecordingFormat) -> None:
        self._format = recording
        self._container = av.open(str(path), "w", format="mp4", options=_FILE_OPTIONS)
        self._video: VideoStream | None = None
        self._audio: AudioStream | None = None
        self._waiting: list[av.AudioFrame] = []
        self._frames = 0
        self._last_pts_us = -1
        self._samples = 0

    def add_frame(self, frame: Frame) -> None:
        """Writes the next picture; the first must be a keyframe at 0."""
        if not frame.access_unit.startswith(_START_CODES):
            raise InvalidInput("a picture must be an access unit in Annex B form")
        if frame.pts_us <= self._last_pts_us:
            raise InvalidInput("pictures must come in the order of their times")
        with full_disk_told():
            if self._video is None:
                if not frame.keyframe or frame.pts_us:
                    raise InvalidInput("the first picture must be a keyframe at 0")
                self._video = self._begin(frame)
            self._container.mux(_packet(frame, self._video, self._format.fps))
            self._flush_waiting()
        self._frames += 1
        self._last_pts_us = frame.pts_us

    def add_sound(self, sound: Sound) -> None:
        """Writes the next sound, which must follow on what came before."""
        rate_hz = self._format.sample_rate_hz
        if sound.sample_rate_hz != rate_hz:
            raise InvalidInput(f"the sound must have {rate_hz} samples per second")
        if len(sound.pcm_s16le) % _BYTES_PER_SAMPLE:
            raise InvalidInput("the sound ends within a sample")
        if abs(sound.start_us - self._samples * US_PER_S // rate_hz) > _MAX_SKEW_US:
            raise InvalidInput("the sound must be contiguous from 0")
        samples = np.frombuffer(sound.pcm_s16le, "<i2")
        if not len(samples):
            return
        self._waiting.append(_audio_frame(samples, rate_hz, self._samples))
        self._samples += len(samples)
        if self._video is not None:
            with full_disk_told():
                self._flush_waiting()
        elif self._samples > _MAX_SOUND_AHEAD_S * rate_hz:
            raise InvalidInput("the sound runs too far ahead of the first picture")

    def finish(self) -> Muxed:
        """Completes the file."""
        if self._audio is None or not self._samples:
            raise InvalidInput("a recording needs pictures and sound")
        with full_disk_told():
            self._container.mux(self._audio.encode(None))
            self._container.close()
        pictures_s = self._last_pts_us / US_PER_S + 1 / self._format.fps
        sound_s = self._samples / self._format.sample_rate_hz
        return Muxed(round(max(pictures_s, sound_s), 6), self._frames)

    def discard(self) -> None:
        """Lets go of a file that was not finished."""
        with suppress(av.error.FFmpegError):
            self._container.close()

    def _begin(self, first: Frame) -> VideoStream:
        """Describes both streams as the first picture says: size, profile, colours."""
        try:
            with av.open(io.BytesIO(first.access_unit), format="h264") as source:
                seen = source.streams.video[0]
                size = seen.codec_context.width, seen.codec_context.height
                if size != (self._format.width, self._format.height):
                    raise InvalidInput(f"the pictures are {size[0]} by {size[1]} pixels")
                video = self._container.add_stream_from_template(seen)
        except av.error.InvalidDataError as error:
            raise InvalidInput("the first picture can't be read") from error
        video.time_base = Fraction(1, _VIDEO_CLOCK_HZ)
        self._audio = _add_aac(self._container, self._format.sample_rate_hz)
        return video

    def _flush_waiting(self) -> None:
        assert self._audio is not None  # noqa: S101 - begun with the first picture
        for frame in self._waiting:
            self._container.mux(self._audio.encode(frame))
        self._waiting.clear()


def _add_aac(container: OutputContainer, rate_hz: int) -> AudioStream:
    stream = container.add_stream("aac", rate=rate_hz, options=_AUDIO_OPTIONS)
    assert isinstance(stream, AudioStream)  # noqa: S101 - narrows for the type checker
    stream.layout = "mono"
    stream.bit_rate = min(_MAX_AUDIO_BPS, rate_hz * _AUDIO_BITS_PER_SAMPLE)
    return stream


def _packet(frame: Frame, stream: VideoStream, fps: int) -> av.Packet[Stream]:
    packet = av.Packet(frame.access_unit)
    packet.stream = stream
    packet.time_base = Fraction(1, _VIDEO_CLOCK_HZ)
    packet.pts = packet.dts = round(frame.pts_us * _VIDEO_CLOCK_HZ / US_PER_S)
    packet.duration = _VIDEO_CLOCK_HZ // fps
    packet.is_keyframe = frame.keyframe
    return packet


def _audio_frame(samples: NDArray[np.int16], rate_hz: int, at: int) -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
    frame.sample_rate = rate_hz
    # Without a time on each, the encoder's priming would become a delay.
    frame.pts = at
    frame.time_base = Fraction(1, rate_hz)
    return frame
