"""The whole service with its real model: what it says is what was written."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pypinyin import Style, lazy_pinyin
from vultus.media.v1 import media_pb2
from vultus.tts.v1 import tts_service_pb2 as wire
from vultus.tts.v1 import tts_service_pb2_grpc

from services.common.errors import StartupError
from services.common.grpc_client import open_channel, responses, unary
from services.tts.app import serve
from services.tts.settings import TtsSettings

HOME = Path(__file__).parents[3] / ".vultus"
EAR = HOME / "models" / "whisper-base"
RATE = 24_000

pytestmark = pytest.mark.skipif(
    not (HOME / "models" / "kokoro.onnx").is_file(),
    reason="the models are not there: python -m services.local.models fetch",
)
if TYPE_CHECKING:
    from vultus.tts.v1.tts_service_pb2_grpc import TtsServiceAsyncStub as Stub

Ear = Callable[[NDArray[np.float32], str], str]


@pytest.fixture
async def stub() -> AsyncIterator[Stub]:
    async with serve(TtsSettings(home=HOME)) as address, open_channel(address) as channel:
        yield tts_service_pb2_grpc.TtsServiceStub(channel)


@pytest.fixture(scope="module")
def ear() -> Ear:
    """Whisper; hears 24 kHz sound in a language."""
    if not EAR.is_dir():
        pytest.skip("the recogniser is not there: python -m services.local.models fetch")
    whisper = pytest.importorskip("faster_whisper")
    model = whisper.WhisperModel(str(EAR), device="cpu", compute_type="int8", cpu_threads=2)

    def hear(sound: NDArray[np.float32], language: str) -> str:
        spectrum = np.fft.rfft(np.pad(sound, RATE // 4))
        length = (len(sound) + RATE // 2) * 2 // 3
        at_16_khz = np.fft.irfft(spectrum[: length // 2 + 1], length) * 2 / 3
        heard: Any = model.transcribe(
            at_16_khz.astype(np.float32), language=language, temperature=0.0
        )
        return " ".join(segment.text for segment in heard[0])

    return hear


async def spoken(
    stub: Stub, text: str, voice_id: str, speed: float = 1.0
) -> tuple[list[wire.SegmentStart], NDArray[np.float32]]:
    async def requests() -> AsyncIterator[wire.SynthesizeRequest]:
        config = wire.SynthesizeConfig(voice_id=voice_id, speed=speed)
        yield wire.SynthesizeRequest(config=config)
        yield wire.SynthesizeRequest(text=text)

    segments, pcm = [], bytearray()
    async for response in responses(stub.Synthesize(requests())):
        if response.HasField("segment_start"):
            segments.append(response.segment_start)
        pcm += response.audio.pcm_s16le
    return segments, (np.frombuffer(bytes(pcm), "<i2") / 32768).astype(np.float32)


def distance(one: list[str], other: list[str]) -> int:
    row = list(range(len(other) + 1))
    for place, left in enumerate(one, 1):
        diagonal, row[0] = row[0], place
        for column, right in enumerate(other, 1):
            best = min(row[column] + 1, row[column - 1] + 1, diagonal + (left != right))
            diagonal, row[column] = row[column], best
    return row[-1]


def english(text: str) -> list[str]:
    return re.findall("[a-z']+", text.lower())


def mandarin(text: str) -> list[str]:
    """Syllables without tones: the same for both ways of writing, and for homophones."""
    return lazy_pinyin("".join(re.findall("[\u4e00-\u9fff]", text)), Style.NORMAL)


async def test_all_voices_are_there(stub: Stub) -> None:
    voices = (await unary(stub.ListVoices(wire.ListVoicesRequest()))).voices
    tags = [voice.language for voice in voices]
    assert [tags.count(tag) for tag in ("en-GB", "en-US", "zh-CN")] == [8, 20, 8]
    assert {"vo_en_heart", "vo_zh_xiaoxiao"} <= {voice.id for voice in voices}
    assert {voice.gender for voice in voices} == {"female", "male"}


@pytest.mark.parametrize("voice_id", ["vo_en_heart", "vo_en_george", "vo_zh_yunxi"])
async def test_english_is_understood(stub: Stub, ear: Ear, voice_id: str) -> None:
    text = (
        "Good morning, everyone, and welcome to our annual meeting. "
        "Could you tell me where the nearest pharmacy is? "
        "The museum is closed on Mondays, but the garden is always open."
    )
    _, sound = await spoken(stub, text, voice_id)
    assert distance(english(text), english(ear(sound, "en"))) <= 1


@pytest.mark.parametrize("voice_id", ["vo_zh_xiaoxiao", "vo_zh_yunyang", "vo_en_heart"])
async def test_mandarin_is_understood(stub: Stub, ear: Ear, voice_id: str) -> None:
    text = (
        "今天天气很好，我们一起去公园吧。请问最近的地铁站在哪里？人工智能正在改变我们的生活方式。"
    )
    _, sound = await spoken(stub, text, voice_id)
    wanted = mandarin(text)
    assert distance(wanted, mandarin(ear(sound, "zh"))) <= 0.08 * len(wanted)


@pytest.mark.parametrize("speed", [0.5, 1.0, 2.0])
async def test_times_are_those_of_the_sound(stub: Stub, speed: float) -> None:
    segments, sound = await spoken(stub, "Maybe, my dear. 一步一步来。", "vo_en_emma", speed)
    assert sum(segment.duration_us for segment in segments) == len(sound) * 1_000_000 // RATE
    levels = [
        np.sqrt(np.mean(sound[word.start_us * 24 // 1000 : word.end_us * 24 // 1000] ** 2))
        for segment in segments
        for word in segment.words
    ]
    assert min(levels) > 0.01
    seals = [
        viseme.duration_us
        for segment in segments
        for viseme in segment.visemes
        if viseme.shape == media_pb2.VISEME_SHAPE_PP
    ]
    assert len(seals) == 5
    assert min(seals) >= 50_000


async def test_the_sound_neither_clips_nor_clicks(stub: Stub) -> None:
    text = "Stop! No way. Really? Yes, absolutely; come on, everybody, let’s go!"
    segments, sound = await spoken(stub, text, "vo_en_fenrir")
    assert np.abs(sound).max() < 0.98
    joins = [segment.start_us * 24 // 1000 for segment in segments]
    assert all(np.abs(sound[max(0, join - 24) : join + 24]).max() < 0.002 for join in joins)


async def test_a_demanded_gpu_is_not_replaced_in_silence() -> None:
    settings = TtsSettings(home=HOME, onnx_providers=("NoSuchExecutionProvider",))
    with pytest.raises(StartupError, match="NoSuchExecutionProvider"):
        async with serve(settings):
            pass


async def test_a_missing_model_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match="kokoro"):
        async with serve(TtsSettings(home=tmp_path)):
            pass
