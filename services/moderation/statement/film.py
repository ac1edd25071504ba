"""A film of somebody speaking, read within bounds: some of its pictures, and all its sound."""

from __future__ import annotations

import io
from dataclasses import dataclass

import av
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from numpy.typing import NDArray

from services.common.errors import InvalidInput, PayloadTooLarge, UnsupportedMedia
from services.common.pixels import resized
from services.moderation.sound import SPEECH_RATE_HZ

MAX_S = 60.0
MIN_S = 2.0
PICTURES_A_SECOND = 12.5
_MP4, _WEBM = "mov", "matroska"
_VIDEO_CODECS = frozenset({"h264", "vp8", "vp9", "av1", "hevc", "libdav1d", "libvpx-vp9"})
_AUDIO_CODECS = frozenset({"aac", "opus", "vorbis", "mp3"})
_MAX_PIXELS = 1920 * 1920
_LOOKED_AT_PX = 480
"""The longer side of the pictures that are kept: a face that fills a tenth of it is found."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One moment."""

    rgb: NDArray[np.uint8]
    """[h, w, 3]."""
    time_s: float


@dataclass(frozen=True, slots=True)
class Film:
    """What is looked at and listened to."""

    pictures: list[Picture]
    sound: NDArray[np.float32]
    """At SPEECH_RATE_HZ, -1 to 1; empty: there is none."""

    @property
    def duration_s(self) -> float:
        """Of the longer of pictures and sound."""
        last = self.pictures[-1].time_s if self.pictures else 0.0
        return max(last, len(self.sound) / SPEECH_RATE_HZ)


def read_film(content: bytes) -> Film:
    """Reads an MP4, MOV or WebM, as phones and browsers record them.

    Raises UnsupportedMedia for other kinds, InvalidInput for what can't be decoded or is too short,
    PayloadTooLarge for what is longer than MAX_S or has too many pixels.
    """
    kind = _sniffed(content)
    try:
        with av.open(io.BytesIO(content), "r", format=kind) as container:
            _check(container)
            film = _decoded(container)
    except FFmpegError as error:
        raise InvalidInput("the film can't be decoded") from error
    if film.duration_s < MIN_S:
        raise InvalidInput(f"the film is shorter than {MIN_S:g} seconds")
    return film


def _sniffed(content: bytes) -> str:
    if content[4:8] == b"ftyp":
        return _MP4
    if content[:4] == b"\x1aE\xdf\xa3":
        return _WEBM
    raise UnsupportedMedia("the film must be an MP4 or a WebM")


def _check(container: InputContainer) -> None:
    if not container.streams.video:
        raise InvalidInput("the film has no pictures")
    video = container.streams.video[0]
    if video.codec_context.name not in _VIDEO_CODECS:
        raise UnsupportedMedia("the film's pictures are of an unknown kind")
    if video.width * video.height > _MAX_PIXELS:
        raise PayloadTooLarge("the film's pictures are larger than 1920 by 1920")
    for audio in container.streams.audio[:1]:
        if audio.codec_context.name not in _AUDIO_CODECS:
            raise UnsupportedMedia("the film's sound is of an unknown kind")


def _decoded(container: InputContainer) -> Film:
    streams = [container.streams.video[0], *container.streams.audio[:1]]
    pictures: list[Picture] = []
    sound: list[NDArray[np.float32]] = []
    resampler = av.AudioResampler("flt", "mono", SPEECH_RATE_HZ)
    first_s: float | None = None
    for frame in container.decode(streams):
        if not isinstance(frame, (av.VideoFrame, av.AudioFrame)):
            continue
        time_s = float(frame.time or 0.0)
        first_s = time_s if first_s is None else first_s
        if time_s - first_s > MAX_S:
            raise PayloadTooLarge(f"the film is longer than {MAX_S:g} seconds")
        if isinstance(frame, av.AudioFrame):
            sound += [_heard(piece) for piece in resampler.resample(frame)]
        elif not pictures or time_s - pictures[-1].time_s >= 0.9 / PICTURES_A_SECOND:
            pictures.append(Picture(_seen(frame), time_s))
    if sound:
        sound += [_heard(piece) for piece in resampler.resample(None)]
    heard = np.concatenate(sound) if sound else np.zeros(0, np.float32)
    begin_s = pictures[0].time_s if pictures else 0.0
    return Film([Picture(one.rgb, one.time_s - begin_s) for one in pictures], heard)


def _heard(frame: av.AudioFrame) -> NDArray[np.float32]:
    return np.asarray(frame.to_ndarray()[0], np.float32)


def _seen(frame: av.VideoFrame) -> NDArray[np.uint8]:
    rgb = np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
    turns = round(frame.rotation / 90) % 4
    if turns:
        rgb = np.ascontiguousarray(np.rot90(rgb, turns))
    height, width = rgb.shape[:2]
    by = max(1.0, max(height, width) / _LOOKED_AT_PX)
    return rgb if by == 1 else resized(rgb, round(width / by), round(height / by))
