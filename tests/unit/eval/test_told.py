from __future__ import annotations

import base64
import io
import json
import wave
from pathlib import Path

import numpy as np
import pytest

from eval.face.clips import RATE_HZ
from eval.face.told import read_told
from services.lipsync.visemes import Viseme, VisemeShape


@pytest.fixture
def wav() -> bytes:
    """Half a second at 24 kHz."""
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(24_000)
        file.writeframes(np.full(12_000, 9_000, "<i2").tobytes())
    return target.getvalue()


def test_an_answer_of_the_speech_service_brings_its_mouth_shapes(
    tmp_path: Path, wav: bytes
) -> None:
    visemes = [{"viseme": "pp", "start_ms": 40, "duration_ms": 60.5}]
    answer = {"audio_base64": base64.b64encode(wav).decode(), "visemes": visemes}
    (tmp_path / "hello.json").write_text(json.dumps(answer), "utf-8")
    told = read_told(tmp_path / "hello.json")
    assert told.name == "hello"
    assert len(told.sound) == pytest.approx(RATE_HZ / 2, abs=32)
    assert told.visemes == [Viseme(VisemeShape.PP, 40_000, 100_500)]


def test_a_recording_brings_none(tmp_path: Path, wav: bytes) -> None:
    (tmp_path / "hello.wav").write_bytes(wav)
    told = read_told(tmp_path / "hello.wav")
    assert told.visemes is None
    assert told.sound.mean() == pytest.approx(9_000 / 32_768, abs=0.01)
