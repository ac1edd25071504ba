"""The whole service with its real models: nudity network, Whisper, word lists."""

from __future__ import annotations

import asyncio
import io
import wave
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from pylopdf_fonts_zh_cn import sans_path, serif_path
from vultus.media.v1 import media_pb2
from vultus.moderation.v1 import moderation_service_pb2 as wire
from vultus.moderation.v1 import moderation_service_pb2_grpc
from vultus.storage.v1 import object_service_pb2, object_service_pb2_grpc
from vultus.tts.v1 import tts_service_pb2, tts_service_pb2_grpc

from services.common.errors import ImageUndecodable, NotFound, StartupError
from services.common.grpc_client import open_channel, responses, unary
from services.common.grpc_server import serve_grpc
from services.moderation.app import open_judges, serve
from services.moderation.settings import ModerationSettings
from services.moderation.speech import WhisperTranscriber
from services.moderation.verdict import HARMS, Label
from services.tts import app as tts
from services.tts.settings import TtsSettings

HOME = Path(__file__).parents[3] / ".vultus"
PORTRAIT = HOME / "models" / "demo_portrait.jpg"
RECORDINGS = Path(__file__).parents[4] / "shared" / "data" / "speech"
RATE = 48_000

pytestmark = pytest.mark.skipif(
    not PORTRAIT.is_file(), reason="the models are not there: python -m services.local.models fetch"
)


class ObjectsInMemory(object_service_pb2_grpc.ObjectServiceServicer):
    """ObjectService that keeps its objects in a dictionary."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self._objects = objects

    async def Put(self, request_iterator: Any, context: Any) -> object_service_pb2.PutResponse:
        raise NotImplementedError

    async def Get(self, request: Any, context: Any) -> AsyncIterator[Any]:
        if request.object.key not in self._objects:
            raise NotFound("no such object")
        yield object_service_pb2.GetResponse(header=object_service_pb2.GetHeader())
        data = self._objects[request.object.key][: request.length]
        for start in range(0, len(data), 500_000):
            yield object_service_pb2.GetResponse(data=data[start : start + 500_000])

    async def Delete(self, request: Any, context: Any) -> object_service_pb2.DeleteResponse:
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class House:
    """A running service and what lies in its storage."""

    stub: moderation_service_pb2_grpc.ModerationServiceAsyncStub
    objects: dict[str, bytes]


@pytest.fixture
async def house() -> AsyncIterator[House]:
    objects: dict[str, bytes] = {"ac_1/photo": PORTRAIT.read_bytes()}

    def register(server: Any) -> None:
        servicer = ObjectsInMemory(objects)
        object_service_pb2_grpc.add_ObjectServiceServicer_to_server(servicer, server)

    name = "vultus.storage.v1.ObjectService"
    async with serve_grpc("127.0.0.1:0", {name: register}, drain_timeout_s=1) as storage:
        settings = ModerationSettings(home=HOME, storage_address=storage.address)
        async with serve(settings) as address, open_channel(address) as channel:
            yield House(moderation_service_pb2_grpc.ModerationServiceStub(channel), objects)


async def check_image(
    house: House,
    key: str,
    purpose: wire.ImagePurpose.ValueType = wire.IMAGE_PURPOSE_UNSPECIFIED,
) -> wire.Verdict:
    ref = media_pb2.ObjectRef(bucket="assets", key=key)
    request = wire.CheckImageRequest(image=ref, purpose=purpose)
    return (await unary(house.stub.CheckImage(request))).verdict


def written_on(picture: bytes, text: str, font: Path, *, turned: int = 0) -> bytes:
    """A picture with a line of text below it."""
    with Image.open(io.BytesIO(picture)) as image:
        page = Image.new("RGB", (image.width, image.height + 60), "white")
        page.paste(image)
        drawing = ImageDraw.Draw(page)
        drawing.text((10, image.height + 10), text, "black", ImageFont.truetype(str(font), 30))
        file = io.BytesIO()
        page.rotate(turned, expand=True).save(file, "PNG")
        return file.getvalue()


async def check_audio(
    house: House, samples: NDArray[np.int16], rate_hz: int
) -> wire.CheckAudioResponse:
    async def requests() -> AsyncIterator[wire.CheckAudioRequest]:
        yield wire.CheckAudioRequest(config=wire.CheckAudioConfig())
        for start in range(0, len(samples), rate_hz // 2):
            pcm = samples[start : start + rate_hz // 2].astype("<i2").tobytes()
            chunk = media_pb2.AudioChunk(pcm_s16le=pcm, sample_rate_hz=rate_hz)
            yield wire.CheckAudioRequest(audio=chunk)

    return await unary(house.stub.CheckAudio(requests()))


async def spoken(text: str, voice_id: str) -> NDArray[np.int16]:
    """The text as our own text-to-speech service says it, at 24 kHz."""

    async def requests() -> AsyncIterator[tts_service_pb2.SynthesizeRequest]:
        config = tts_service_pb2.SynthesizeConfig(voice_id=voice_id, speed=1.0)
        yield tts_service_pb2.SynthesizeRequest(config=config)
        yield tts_service_pb2.SynthesizeRequest(text=text)

    async with (
        tts.serve(TtsSettings(home=HOME)) as address,
        open_channel(address) as channel,
    ):
        stub = tts_service_pb2_grpc.TtsServiceStub(channel)
        pcm = [
            response.audio.pcm_s16le
            async for response in responses(stub.Synthesize(requests()))
            if response.HasField("audio")
        ]
    return np.frombuffer(b"".join(pcm), "<i2").astype(np.int16)


def recording(name: str) -> tuple[NDArray[np.int16], int]:
    with wave.open(str(RECORDINGS / name)) as file:
        frames = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        return frames.reshape(-1, file.getnchannels())[:, 0].astype(np.int16), file.getframerate()


async def test_a_portrait_passes_and_what_nothing_can_see_in_it_is_named(house: House) -> None:
    verdict = await check_image(house, "ac_1/photo", wire.IMAGE_PURPOSE_PORTRAIT)
    assert verdict.suggestion == wire.SUGGESTION_PASS
    assert list(verdict.evaluated) == [Label.SEXUAL, Label.MINOR, Label.PORTRAIT]
    assert set(verdict.not_evaluated) == set(HARMS) - {Label.SEXUAL}
    assert verdict.policy_version.startswith("opennsfw-")


@pytest.mark.parametrize("turned", [0, 90, 180, 270, 8])
@pytest.mark.parametrize(
    ("text", "label"),
    [("I will kill you and your kids", "violence"), ("澳门百家乐平台，注册送彩金", "gambling")],
)
async def test_harm_that_is_written_in_a_picture_is_refused(
    house: House, text: str, label: str, turned: int
) -> None:
    house.objects["ac_1/written"] = written_on(
        house.objects["ac_1/photo"], text, serif_path(), turned=turned
    )
    verdict = await check_image(house, "ac_1/written", wire.IMAGE_PURPOSE_BACKGROUND)
    assert verdict.suggestion == wire.SUGGESTION_BLOCK
    assert [(each.label, each.sub_label) for each in verdict.categories] == [(label, "text")]


@pytest.mark.parametrize("text", ["Happy birthday, dear Grace!", "今天天气很好，我们去公园吧"])
async def test_harmless_text_in_a_portrait_passes(house: House, text: str) -> None:
    house.objects["ac_1/written"] = written_on(house.objects["ac_1/photo"], text, sans_path())
    verdict = await check_image(house, "ac_1/written", wire.IMAGE_PURPOSE_PORTRAIT)
    assert verdict.suggestion == wire.SUGGESTION_PASS


async def test_what_follows_a_whole_sentence_is_heard() -> None:
    text = (
        "I agree to the use of my face and my voice for a digital human by reads. "
        "Apple, castle, doctor, kitchen, rocket, window."
    )
    sound = await spoken(text, "vo_en_heart") / 32768
    at_16_khz = np.interp(np.arange(0, len(sound), 1.5), np.arange(len(sound)), sound)
    listener = WhisperTranscriber(HOME / "models" / "whisper-base", device="cpu", threads=2)
    heard = listener.transcribe(at_16_khz.astype(np.float32), "en").text.lower()
    assert "my voice" in heard
    assert "kitchen" in heard


async def test_a_portrait_shows_a_single_clear_face(house: House) -> None:
    with Image.open(io.BytesIO(house.objects["ac_1/photo"])) as photo:
        twice = Image.new("RGB", (2 * photo.width, photo.height))
        twice.paste(photo)
        twice.paste(photo, (photo.width, 0))
    for name, image in (("two", twice), ("none", Image.linear_gradient("L").convert("RGB"))):
        file = io.BytesIO()
        image.save(file, "PNG")
        house.objects[f"ac_1/{name}"] = file.getvalue()
    told = {}
    for name in ("two", "none"):
        verdict = await check_image(house, f"ac_1/{name}", wire.IMAGE_PURPOSE_PORTRAIT)
        assert verdict.suggestion == wire.SUGGESTION_REVIEW
        told[name] = [(each.label, each.sub_label) for each in verdict.categories]
    assert told == {
        "two": [("portrait", "several_faces")],
        "none": [("portrait", "no_clear_face")],
    }


async def test_pictures_that_are_broken_or_gone_are_errors(house: House) -> None:
    house.objects["ac_1/text"] = b"no picture at all"
    with pytest.raises(ImageUndecodable):
        await check_image(house, "ac_1/text")
    with pytest.raises(NotFound):
        await check_image(house, "ac_1/nothing")


async def test_drawn_pictures_of_every_form_pass(house: House) -> None:
    for mode in ("L", "RGBA", "P"):
        file = io.BytesIO()
        Image.linear_gradient("L").convert(mode).save(file, "PNG")
        house.objects["ac_1/drawn"] = file.getvalue()
        assert (await check_image(house, "ac_1/drawn")).suggestion == wire.SUGGESTION_PASS


@pytest.mark.parametrize(
    ("voice", "text", "label"),
    [
        ("vo_en_heart", "I am going to kill you and your whole family tonight.", "violence"),
        ("vo_zh_xiaoxiao", "欢迎来到澳门百家乐，注册就送彩金，加微信了解。", "gambling"),
    ],
)
async def test_harm_that_is_spoken_is_refused(
    house: House, voice: str, text: str, label: str
) -> None:
    heard = await check_audio(house, await spoken(text, voice), 24_000)
    assert heard.verdict.suggestion == wire.SUGGESTION_BLOCK
    assert [category.label for category in heard.verdict.categories] == [label]
    assert not heard.verdict.categories[0].spans


@pytest.mark.parametrize(
    ("voice", "text", "language"),
    [
        ("vo_en_heart", "Welcome to our shop. Today we have fresh bread and apples.", "en"),
        ("vo_zh_xiaoxiao", "大家好，欢迎收看今天的天气预报，明天有小雨。", "zh"),
    ],
)
async def test_ordinary_speech_passes(house: House, voice: str, text: str, language: str) -> None:
    heard = await check_audio(house, await spoken(text, voice), 24_000)
    assert heard.verdict.suggestion == wire.SUGGESTION_PASS
    assert heard.language == language
    assert set(heard.verdict.evaluated) == set(HARMS)


@pytest.mark.skipif(not RECORDINGS.is_dir(), reason="the recordings of people are not there")
@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("RD_Radio31_000.wav", "en"),
        ("RD_Radio34_002.wav", "en"),
        ("chinese_news.wav", "zh"),
        ("chinese_poem1.wav", "zh"),
    ],
)
async def test_recordings_of_people_pass_in_their_language(
    house: House, name: str, language: str
) -> None:
    heard = await check_audio(house, *recording(name))
    assert heard.language == language
    assert heard.verdict.suggestion == wire.SUGGESTION_PASS


@pytest.mark.parametrize("kind", ["silence", "noise", "music"])
async def test_sound_without_speech_passes_as_not_evaluated(house: House, kind: str) -> None:
    time_s = np.arange(RATE * 40) / RATE
    sounds = {
        "silence": np.zeros_like(time_s),
        "noise": np.random.default_rng(1).normal(0, 3000, len(time_s)),
        "music": sum(
            4000 * np.sin(2 * np.pi * hz * time_s) * (1 + np.sin(2 * np.pi * 2 * time_s)) / 2
            for hz in (220, 277, 330)
        ),
    }
    heard = await check_audio(house, np.asarray(sounds[kind]).astype(np.int16), RATE)
    assert heard.verdict.suggestion == wire.SUGGESTION_PASS
    assert heard.language == ""
    assert set(heard.verdict.not_evaluated) == set(HARMS)


@pytest.mark.skipif(
    "CUDAExecutionProvider" in onnxruntime.get_available_providers(), reason="there is a GPU"
)
async def test_a_demanded_provider_that_is_missing_stops_the_start() -> None:
    settings = ModerationSettings(
        home=HOME, storage_address="127.0.0.1:1", onnx_providers=("CUDAExecutionProvider",)
    )
    with pytest.raises(StartupError, match="CUDAExecutionProvider"):
        await asyncio.to_thread(open_judges, settings, ThreadPoolExecutor(1))
