"""The two kinds of files that recordings become, and how encoded pictures lie in them."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Protocol

import av
from av.packet import PacketSideData, packet_sidedata_type_from_literal
from av.stream import Stream
from av.video.stream import VideoStream

from services.common.errors import InvalidInput
from services.storage.recording.media import Frame, RecordingFormat

_START_CODES = (b"\0\0\1", b"\0\0\0\1")
_AAC_BITS_PER_SAMPLE, _MAX_AAC_BPS = 4, 128_000
_OPUS_BPS = 64_000
_VP9_MARKER = 0b10
"""The first two bits of every VP9 frame (VP9 Bitstream Specification, 6.2)."""
_IVF_BEGINNING = struct.pack("<4sHH4sHHIIII", b"DKIF", 0, 32, b"VP90", 0, 0, 1, 1, 1, 0)
"""Leaves the size open, so that it is read from the picture."""
_IVF_FRAME = struct.Struct("<IQ")
_ALPHA_ID = struct.pack(">Q", 1)
"""Block additions of this id are alpha (WebM Container Guidelines, Alpha Channel)."""


class Container(Protocol):
    """A kind of file. What is recorded goes into it as it is."""

    name: str
    """FFmpeg's."""
    media_type: str
    options: Mapping[str, str]
    sound_codec: str
    source: str
    """What FFmpeg calls a file that begins as `beginning` says."""

    def sound_bps(self, rate_hz: int) -> int:
        """At which bitrate sound is encoded."""
        ...

    def beginning(self, first: Frame) -> bytes:
        """A file of the first picture alone, which tells what the pictures are like."""
        ...

    def describe(self, video: VideoStream) -> None:
        """Adds what a single picture can't tell."""
        ...

    def packet(self, frame: Frame) -> av.Packet[Stream]:
        """A picture as the file holds it, without its times; raises InvalidInput."""
        ...


class Mp4:
    """H.264 as it comes, AAC, fast start."""

    name = "mp4"
    media_type = "video/mp4"
    options: Mapping[str, str] = {"movflags": "+faststart+use_metadata_tags", "fflags": "+bitexact"}
    sound_codec = "aac"
    source = "h264"

    def sound_bps(self, rate_hz: int) -> int:
        """See Container."""
        return min(_MAX_AAC_BPS, rate_hz * _AAC_BITS_PER_SAMPLE)

    def beginning(self, first: Frame) -> bytes:
        """See Container."""
        return first.access_unit

    def describe(self, video: VideoStream) -> None:
        """See Container."""

    def packet(self, frame: Frame) -> av.Packet[Stream]:
        """See Container."""
        if frame.alpha or not frame.access_unit.startswith(_START_CODES):
            raise InvalidInput("a picture must be an access unit in Annex B form, without alpha")
        return av.Packet(frame.access_unit)


class WebM:
    """VP9 with alpha as it comes, Opus, the index in front."""

    name = "webm"
    media_type = "video/webm"
    options: Mapping[str, str] = {"cues_to_front": "1", "fflags": "+bitexact"}
    sound_codec = "libopus"
    source = "ivf"

    def sound_bps(self, rate_hz: int) -> int:
        """See Container."""
        return _OPUS_BPS

    def beginning(self, first: Frame) -> bytes:
        """See Container."""
        return _IVF_BEGINNING + _IVF_FRAME.pack(len(first.access_unit), 0) + first.access_unit

    def describe(self, video: VideoStream) -> None:
        """See Container."""
        video.metadata["alpha_mode"] = "1"
        context = video.codec_context
        # VP9 itself names the matrix alone; what goes with it has the same number (ITU-T H.273).
        context.color_primaries = context.color_trc = context.colorspace

    def packet(self, frame: Frame) -> av.Packet[Stream]:
        """See Container."""
        if not all(
            part and part[0] >> 6 == _VP9_MARKER for part in (frame.access_unit, frame.alpha)
        ):
            raise InvalidInput("a picture must be a VP9 frame, and so must its alpha")
        packet = av.Packet(frame.access_unit)
        kind = packet_sidedata_type_from_literal("matroska_block_additional")
        addition = _ALPHA_ID + frame.alpha
        beside = PacketSideData(kind, len(addition))  # type: ignore[call-arg]  # PyAV's stubs lack it
        beside.update(addition)
        beside.to_packet(packet, move=True)
        return packet


def container_of(recording: RecordingFormat) -> Container:
    """What a recording goes into."""
    return WebM() if recording.transparent else Mp4()
