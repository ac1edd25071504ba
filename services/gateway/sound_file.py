"""Sound as a file: WAV, MP3 or Opus, encoded in memory, with the label for machines to read."""

from __future__ import annotations

import io
import wave
from fractions import Fraction
from typing import cast

import av
import numpy as np

from services.common.aigc import KEY

CONTENT_TYPES = {"wav": "audio/wav", "mp3": "audio/mpeg", "opus": "audio/ogg"}
_BLOCK_SAMPLES = 4096


def encode(pcm_s16le: bytes, *, rate_hz: int, format_name: str, label: str = "") -> bytes:
    """The sound as a whole file, with its label if it has one; blocks while it is encoded."""
    if format_name == "wav":
        return _wav(pcm_s16le, rate_hz, label)
    container, codec = {"mp3": ("mp3", "libmp3lame"), "opus": ("ogg", "libopus")}[format_name]
    return _compressed(pcm_s16le, rate_hz, container, codec, label)


def _wav(pcm_s16le: bytes, rate_hz: int, label: str) -> bytes:
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(pcm_s16le)
    if not label:
        return target.getvalue()
    # Behind the sound: some readers take the first 44 bytes for all that goes before it.
    target.write(_chunk(b"LIST", b"INFO" + _chunk(KEY.encode(), label.encode() + b"\0")))
    content = target.getvalue()
    return content[:4] + (len(content) - 8).to_bytes(4, "little") + content[8:]


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + len(content).to_bytes(4, "little") + content + b"\0" * (len(content) % 2)


def _compressed(pcm_s16le: bytes, rate_hz: int, container: str, codec: str, label: str) -> bytes:
    samples = np.frombuffer(pcm_s16le, np.int16)
    target = io.BytesIO()
    with av.open(target, "w", format=container) as file:
        stream = cast("av.AudioStream", file.add_stream(codec, rate=rate_hz))
        stream.layout = "mono"
        # An MP3 has its tags in front, an Ogg those of its stream.
        if label:
            file.metadata[KEY] = stream.metadata[KEY] = label
        for start in range(0, len(samples), _BLOCK_SAMPLES):
            block = samples[start : start + _BLOCK_SAMPLES].reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(block, format="s16", layout="mono")
            frame.sample_rate = rate_hz
            frame.pts = start
            frame.time_base = Fraction(1, rate_hz)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return target.getvalue()
