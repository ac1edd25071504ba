"""What recordings are made of."""

from __future__ import annotations

from dataclasses import dataclass

from services.common.errors import InvalidInput

AAC_RATES_HZ = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
OPUS_RATES_HZ = (8_000, 12_000, 16_000, 24_000, 48_000)
MAX_FPS = 120


@dataclass(frozen=True, slots=True)
class RecordingFormat:
    """What is recorded. Raises InvalidInput when there is no such video."""

    width: int
    height: int
    fps: int
    sample_rate_hz: int
    transparent: bool = False
    """Whether every picture has an alpha plane."""

    def __post_init__(self) -> None:
        if not 1 <= self.fps <= MAX_FPS:
            raise InvalidInput(f"fps must be from 1 to {MAX_FPS}")
        rates_hz = OPUS_RATES_HZ if self.transparent else AAC_RATES_HZ
        if self.sample_rate_hz not in rates_hz:
            raise InvalidInput(f"sample_rate_hz must be one of {rates_hz}")


@dataclass(frozen=True, slots=True)
class Frame:
    """One encoded picture, without B-frames: an H.264 access unit in Annex B form, or, with alpha,
    two VP9 frames."""

    access_unit: bytes
    pts_us: int
    keyframe: bool
    alpha: bytes = b""


@dataclass(frozen=True, slots=True)
class Sound:
    """A run of PCM: signed 16-bit little-endian, mono."""

    pcm_s16le: bytes
    sample_rate_hz: int
    start_us: int
