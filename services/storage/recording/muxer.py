"""One file from encoded pictures and PCM."""

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
from av.stream import Stream
from av.video.stream import VideoStream
from numpy.typing import NDArray

from services.common.aigc import KEY
from services.common.errors import InvalidInput
from services.storage.objects.spool import full_disk_told
from services.storage.recording.containers import container_of
from services.storage.recording.media import Frame, RecordingFormat, Sound

US_PER_S = 1_000_000

_VIDEO_CLOCK_HZ = 90_000
"""Exact for every usual frame rate."""
_BYTES_PER_SAMPLE = 2
_MAX_SKEW_US = 1_000
_MAX_SOUND_AHEAD_S = 10
_AUDIO_OPTIONS = {"flags": "+bitexact"}


@dataclass(frozen=True, slots=True)
class Muxed:
    """What a finished file holds."""

    duration_s: float
    frames: int


class Muxer:
    """Writes one file whose sound and picture both start at 0. Not thread-safe; calls block.

    Memory stays small whatever the length: pictures and sound go to the file as they come, in
    timeline order. Raises InvalidInput for what can't be muxed, StorageFull.
    """

    def __init__(self, path: Path, recording: RecordingFormat, label: str) -> None:
        """`label`: what the file says of itself under KEY of `label.py`."""
        self._format = recording
        self._kind = container_of(recording)
        options = dict(self._kind.options)
        self._container = av.open(str(path), "w", format=self._kind.name, options=options)
        self._container.metadata[KEY] = label
        self._video: VideoStream | None = None
        self._audio: AudioStream | None = None
        self._waiting: list[av.AudioFrame] = []
        self._frames = 0
        self._last_pts_us = -1
        self._samples = 0

    def add_frame(self, frame: Frame) -> None:
        """Writes the next picture; the first must be a keyframe at 0."""
        packet = self._kind.packet(frame)
        if frame.pts_us <= self._last_pts_us:
            raise InvalidInput("pictures must come in the order of their times")
        with full_disk_told():
            if self._video is None:
                if not frame.keyframe or frame.pts_us:
                    raise InvalidInput("the first picture must be a keyframe at 0")
                self._video = self._begin(frame)
            self._container.mux(_timed(packet, frame, self._video, self._format.fps))
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
            beginning = io.BytesIO(self._kind.beginning(first))
            with av.open(beginning, format=self._kind.source) as source:
                seen = source.streams.video[0]
                size = seen.codec_context.width, seen.codec_context.height
                if size != (self._format.width, self._format.height):
                    raise InvalidInput(f"the pictures are {size[0]} by {size[1]} pixels")
                video = self._container.add_stream_from_template(seen)
        except av.error.InvalidDataError as error:
            raise InvalidInput("the first picture can't be read") from error
        video.time_base = Fraction(1, _VIDEO_CLOCK_HZ)
        self._kind.describe(video)
        self._audio = self._add_sound()
        return video

    def _add_sound(self) -> AudioStream:
        rate_hz = self._format.sample_rate_hz
        codec, options = self._kind.sound_codec, dict(_AUDIO_OPTIONS)
        stream = self._container.add_stream(codec, rate=rate_hz, options=options)
        assert isinstance(stream, AudioStream)  # noqa: S101 - narrows for the type checker
        stream.layout = "mono"
        stream.bit_rate = self._kind.sound_bps(rate_hz)
        return stream

    def _flush_waiting(self) -> None:
        assert self._audio is not None  # noqa: S101 - begun with the first picture
        for frame in self._waiting:
            self._container.mux(self._audio.encode(frame))
        self._waiting.clear()


def _timed(
    packet: av.Packet[Stream], frame: Frame, stream: VideoStream, fps: int
) -> av.Packet[Stream]:
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
