"""ModerationService on a real connection, with storage in memory and scripted models."""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import Any

import grpc
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from structlog.testing import capture_logs
from vultus.media.v1 import media_pb2
from vultus.moderation.v1 import moderation_service_pb2 as wire
from vultus.moderation.v1 import moderation_service_pb2_grpc
from vultus.storage.v1 import object_service_pb2, object_service_pb2_grpc

from services.common.errors import (
    DeadlineExceeded,
    ImageUndecodable,
    Internal,
    InvalidInput,
    NotFound,
    Overloaded,
    PayloadTooLarge,
    TextTooLong,
    Unavailable,
    UnsupportedMedia,
)
from services.common.grpc_client import open_channel, responses, unary
from services.common.grpc_server import serve_grpc
from services.gateway.clients.moderation import GrpcModerator
from services.gateway.media import AudioChunk, ObjectRef
from services.gateway.records import Suggestion
from services.moderation.audio import AudioJudge
from services.moderation.faces import Faces
from services.moderation.image import ImageJudge
from services.moderation.image_model import OpenNsfw, Picture, Score, Thresholds
from services.moderation.ocr import NO_TEXT, PictureText
from services.moderation.servicer import Judges, Limits, ModerationServicer
from services.moderation.speech import Heard
from services.moderation.statement.check import Check, Checked, Phrase
from services.moderation.statement.film import Film
from services.moderation.store import StorageObjects
from services.moderation.text import TextJudge, open_text_judge
from services.moderation.verdict import HARMS, Label
from tests.fakes.statement import film_of

MODERATION, OBJECTS = "vultus.moderation.v1.ModerationService", "vultus.storage.v1.ObjectService"
LIMITS = Limits(
    max_waiting_texts=2,
    max_waiting_images=1,
    max_recordings=1,
    max_text_streams=1,
    max_statements=1,
    max_image_bytes=100_000,
    stall_s=30,
)
RATE = 16_000


class ObjectsInMemory(object_service_pb2_grpc.ObjectServiceServicer):
    """ObjectService that keeps its objects in a dictionary, and counts what it gave."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.down = False
        self.bytes_read = 0

    async def Put(self, request_iterator: Any, context: Any) -> object_service_pb2.PutResponse:
        raise NotImplementedError

    async def Get(self, request: Any, context: Any) -> AsyncIterator[Any]:
        if self.down:
            raise Unavailable("the disk is gone")
        if request.object.key not in self.objects:
            raise NotFound("no such object")
        data = self.objects[request.object.key]
        data = data[: request.length] if request.HasField("length") else data
        yield object_service_pb2.GetResponse(header=object_service_pb2.GetHeader())
        for start in range(0, len(data), 50_000):
            self.bytes_read += len(data[start : start + 50_000])
            yield object_service_pb2.GetResponse(data=data[start : start + 50_000])

    async def Delete(self, request: Any, context: Any) -> object_service_pb2.DeleteResponse:
        raise NotImplementedError


@dataclass(slots=True)
class Models:
    """What the models say; a gate that is closed holds the transcriber."""

    score: float = 0.0
    text: PictureText = NO_TEXT
    faces: int = 1
    heard: Heard = field(default_factory=lambda: Heard("hello", "en", 5.0))
    broken: bool = False
    gate: threading.Event = field(default_factory=threading.Event)
    windows: int = 0
    films: list[tuple[Film, Picture | None, Phrase]] = field(default_factory=list)
    version: str = "picture-1"

    def __call__(self, image: NDArray[np.float32]) -> Mapping[str, NDArray[np.float32]]:
        return {"out": np.array([[1 - self.score, self.score]], np.float32)}

    def read(self, picture: Picture) -> PictureText:
        return self.text

    def look(self, picture: Picture) -> Faces:
        likely = Score(Label.MINOR, "face", 0.0, Thresholds(0.5))
        return Faces((30.0,) * self.faces, self.faces, likely)

    def check(self, film: Film, portrait: Picture | None, phrase: Phrase) -> Checked:
        self.films.append((film, portrait, phrase))
        return Checked((Check("words", True, 0.75),), np.full(256, 0.0625, np.float32))

    def transcribe(self, samples: NDArray[np.float32], language: str | None) -> Heard:
        self.windows += 1
        self.gate.wait(10)
        if self.broken:
            raise RuntimeError("out of order")
        return self.heard


@dataclass(frozen=True, slots=True)
class House:
    stub: moderation_service_pb2_grpc.ModerationServiceAsyncStub
    channel: grpc.aio.Channel
    storage: ObjectsInMemory
    models: Models


@pytest.fixture(scope="module")
def texts() -> TextJudge:
    return open_text_judge()


@pytest.fixture
def limits() -> Limits:
    return LIMITS


@pytest.fixture
async def house(texts: TextJudge, limits: Limits) -> AsyncIterator[House]:
    storage, models = ObjectsInMemory(), Models()
    models.gate.set()
    async with AsyncExitStack() as stack:
        reading, looking, listening = (stack.enter_context(ThreadPoolExecutor(1)) for _ in range(3))
        stored = await stack.enter_async_context(
            serve_grpc(
                "127.0.0.1:0",
                {
                    OBJECTS: lambda server: (
                        object_service_pb2_grpc.add_ObjectServiceServicer_to_server(storage, server)
                    )
                },
                drain_timeout_s=1,
            )
        )
        to_storage = await stack.enter_async_context(open_channel(stored.address))
        judges = Judges(
            texts,
            ImageJudge([OpenNsfw(models, Thresholds(0.5, 0.8), "nudity-1")], models, models, texts),
            AudioJudge(models, texts, "whisper-1", listening=listening, max_s=60),
            models,
        )
        servicer = ModerationServicer(
            judges,
            StorageObjects(to_storage),
            limits,
            reading=reading,
            looking=looking,
            listening=listening,
        )
        endpoint = await stack.enter_async_context(
            serve_grpc(
                "127.0.0.1:0",
                {
                    MODERATION: lambda server: (
                        moderation_service_pb2_grpc.add_ModerationServiceServicer_to_server(
                            servicer, server
                        )
                    )
                },
                drain_timeout_s=1,
            )
        )
        channel = await stack.enter_async_context(open_channel(endpoint.address))
        stub = moderation_service_pb2_grpc.ModerationServiceStub(channel)
        yield House(stub, channel, storage, models)
        models.gate.set()


def picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (64, 64), (90, 120, 150)).save(file, "PNG")
    return file.getvalue()


def film(seconds: float = 3, *, pictures: bool = True) -> bytes:
    return film_of(64, 48, seconds, pictures=pictures)


async def check_text(house: House, text: str, language: str | None = None) -> wire.Verdict:
    request = wire.CheckTextRequest(text=text, language=language)
    return (await unary(house.stub.CheckText(request))).verdict


async def check_image(
    house: House,
    key: str = "ac_1/as_1",
    purpose: wire.ImagePurpose.ValueType = wire.IMAGE_PURPOSE_UNSPECIFIED,
) -> wire.Verdict:
    ref = media_pb2.ObjectRef(bucket="assets", key=key)
    request = wire.CheckImageRequest(image=ref, purpose=purpose)
    return (await unary(house.stub.CheckImage(request))).verdict


def sound(seconds: float = 1.0) -> wire.CheckAudioRequest:
    chunk = media_pb2.AudioChunk(pcm_s16le=bytes(int(RATE * seconds) * 2), sample_rate_hz=RATE)
    return wire.CheckAudioRequest(audio=chunk)


CONFIG = wire.CheckAudioRequest(config=wire.CheckAudioConfig())


async def check_audio(house: House, *requests: wire.CheckAudioRequest) -> wire.CheckAudioResponse:
    return await unary(house.stub.CheckAudio(iter(requests)))


async def streamed(house: House, *pieces: str) -> list[tuple[str, int]]:
    requests = (wire.CheckTextStreamRequest(text=piece) for piece in pieces)
    answers = responses(house.stub.CheckTextStream(requests))
    return [(answer.text, answer.verdict.suggestion) async for answer in answers]


async def test_a_text_passes_with_everything_evaluated(house: House) -> None:
    verdict = await check_text(house, "Good morning, 大家好")
    assert verdict.suggestion == wire.SUGGESTION_PASS
    assert list(verdict.evaluated) == list(HARMS)
    assert not verdict.not_evaluated
    assert not verdict.categories


async def test_a_blocked_text_says_what_where_and_by_which_lists(
    house: House, texts: TextJudge
) -> None:
    text = "好! I will kill you"
    verdict = await check_text(house, text)
    (category,) = verdict.categories
    assert verdict.suggestion == wire.SUGGESTION_BLOCK
    assert (category.label, category.sub_label) == ("violence", "threat")
    assert category.source == wire.FINDING_SOURCE_LEXICON
    assert 0.9 < category.score <= 1
    (span,) = category.spans
    assert text[span.start : span.end] == "I will kill you"
    assert verdict.policy_version == texts.policy_version


async def test_the_longest_text_is_taken_and_a_longer_one_refused(house: House) -> None:
    assert (await check_text(house, "好" * 20_000)).suggestion == wire.SUGGESTION_PASS
    with pytest.raises(TextTooLong):
        await check_text(house, "好" * 20_001)


async def test_a_text_in_a_language_without_lists_is_not_evaluated(house: House) -> None:
    verdict = await check_text(house, "bonjour", "fr")
    assert verdict.suggestion == wire.SUGGESTION_REVIEW
    assert list(verdict.not_evaluated) == list(HARMS)


async def test_logs_never_hold_the_text(house: House) -> None:
    with capture_logs() as lines:
        await check_text(house, "I will kill you, Rumpelstiltskin")
    assert any(line["event"] == "content.flagged" for line in lines)
    assert "Rumpelstiltskin" not in repr(lines)
    assert "kill" not in repr(lines)


@pytest.mark.parametrize(
    ("score", "suggestion"),
    [
        (0.1, wire.SUGGESTION_PASS),
        (0.6, wire.SUGGESTION_REVIEW),
        (0.9, wire.SUGGESTION_BLOCK),
    ],
)
async def test_a_picture_is_judged_by_its_score(
    house: House, score: float, suggestion: wire.Suggestion.ValueType
) -> None:
    house.storage.objects["ac_1/as_1"] = picture()
    house.models.score = score
    verdict = await check_image(house)
    assert verdict.suggestion == suggestion
    assert list(verdict.evaluated) == ["sexual", "minor"]
    assert "violence" in verdict.not_evaluated
    assert all(c.source == wire.FINDING_SOURCE_MODEL for c in verdict.categories)


async def test_what_a_picture_is_for_decides_what_is_asked_of_faces(house: House) -> None:
    house.storage.objects["ac_1/as_1"] = picture()
    house.models.faces = 2
    portrait = await check_image(house, purpose=wire.IMAGE_PURPOSE_PORTRAIT)
    assert portrait.suggestion == wire.SUGGESTION_REVIEW
    told = [(category.label, category.sub_label) for category in portrait.categories]
    assert told == [("portrait", "several_faces")]
    assert list(portrait.evaluated) == ["sexual", "minor", "portrait"]
    background = await check_image(house, purpose=wire.IMAGE_PURPOSE_BACKGROUND)
    assert background.suggestion == wire.SUGGESTION_PASS
    assert list(background.evaluated) == ["sexual"]
    unknown = await check_image(house)
    assert unknown.suggestion == wire.SUGGESTION_PASS
    assert list(unknown.evaluated) == ["sexual", "minor"]


async def test_what_is_written_in_a_picture_is_judged_and_not_logged(house: House) -> None:
    house.storage.objects["ac_1/as_1"] = picture()
    house.models.text = PictureText(("I will kill you",), is_whole=True)
    with capture_logs() as lines:
        verdict = await check_image(house)
    assert verdict.suggestion == wire.SUGGESTION_BLOCK
    assert [(c.label, c.sub_label) for c in verdict.categories] == [("violence", "text")]
    assert not verdict.categories[0].spans
    assert lines
    assert "kill" not in repr(lines)


async def test_pictures_that_cannot_be_judged_are_errors(house: House) -> None:
    with pytest.raises(NotFound):
        await check_image(house)
    house.storage.objects["ac_1/as_1"] = b"no picture"
    with pytest.raises(ImageUndecodable):
        await check_image(house)
    with pytest.raises(InvalidInput):
        await unary(house.stub.CheckImage(wire.CheckImageRequest()))
    house.storage.down = True
    with pytest.raises(Unavailable):
        await check_image(house)


async def test_no_more_of_a_picture_is_read_than_is_allowed(house: House) -> None:
    house.storage.objects["ac_1/as_1"] = bytes(1_000_000)
    with pytest.raises(PayloadTooLarge):
        await check_image(house)
    assert house.storage.bytes_read == LIMITS.max_image_bytes + 1


async def test_a_recording_is_judged_by_what_is_said(house: House) -> None:
    passed = await check_audio(house, CONFIG, sound())
    assert passed.verdict.suggestion == wire.SUGGESTION_PASS
    assert passed.language == "en"
    assert passed.verdict.policy_version.endswith("+whisper-1")
    house.models.heard = Heard("我要弄死你全家", "zh", 3.0)
    blocked = await check_audio(house, CONFIG, sound())
    assert blocked.verdict.suggestion == wire.SUGGESTION_BLOCK
    assert [category.label for category in blocked.verdict.categories] == ["violence"]
    assert blocked.language == "zh"


@pytest.mark.parametrize(
    "requests",
    [
        [],
        [sound()],
        [CONFIG, CONFIG],
        [CONFIG, wire.CheckAudioRequest()],
        [CONFIG, wire.CheckAudioRequest(audio=media_pb2.AudioChunk(pcm_s16le=b"\0\0"))],
    ],
)
async def test_a_recording_out_of_form_is_refused(
    house: House, requests: list[wire.CheckAudioRequest]
) -> None:
    with pytest.raises(InvalidInput):
        await check_audio(house, *requests)


async def test_a_recording_beyond_the_limit_is_refused(house: House) -> None:
    with pytest.raises(PayloadTooLarge):
        await check_audio(house, CONFIG, *(sound(20.0) for _ in range(4)))


async def test_a_failing_model_is_an_error_and_no_pass(house: House) -> None:
    house.models.broken = True
    with pytest.raises(Internal):
        await check_audio(house, CONFIG, sound())


async def test_a_second_recording_is_refused_while_every_place_is_taken(house: House) -> None:
    house.models.gate.clear()
    first = asyncio.ensure_future(check_audio(house, CONFIG, sound()))
    await asyncio.to_thread(_until_listening, house.models)
    with pytest.raises(Overloaded) as refused:
        await check_audio(house, CONFIG, sound())
    assert refused.value.retry_after_s
    house.models.gate.set()
    assert (await first).verdict.suggestion == wire.SUGGESTION_PASS


def _until_listening(models: Models) -> None:
    while not models.windows:
        threading.Event().wait(0.01)


class TestStalls:
    @pytest.fixture
    def limits(self) -> Limits:
        return replace(LIMITS, stall_s=0.05)

    async def test_a_caller_that_stalls_loses_its_place(self, house: House) -> None:
        forever = asyncio.Event()

        async def stalling() -> AsyncIterator[wire.CheckAudioRequest]:
            yield CONFIG
            await forever.wait()

        with pytest.raises(DeadlineExceeded):
            await unary(house.stub.CheckAudio(stalling()))
        assert (await check_audio(house, CONFIG, sound())).language == "en"


async def test_a_streamed_text_comes_back_clause_by_clause(house: House) -> None:
    told = await streamed(house, "Hello, wor", "ld. How are", " you?")
    assert [text for text, _ in told] == ["Hello, ", "world. ", "How are you?"]
    assert {suggestion for _, suggestion in told} == {wire.SUGGESTION_PASS}


async def test_nothing_is_released_after_a_block(house: House) -> None:
    told = await streamed(house, "Hello, friend. Go ki", "ll yourself, now. More, and more. ")
    assert told == [
        ("Hello, ", wire.SUGGESTION_PASS),
        ("friend. ", wire.SUGGESTION_PASS),
        ("", wire.SUGGESTION_BLOCK),
    ]


async def test_a_clause_is_released_before_the_text_ends(house: House) -> None:
    ended = asyncio.Event()

    async def writing() -> AsyncIterator[wire.CheckTextStreamRequest]:
        yield wire.CheckTextStreamRequest(text="你好，")
        await ended.wait()

    answers = responses(house.stub.CheckTextStream(writing()))
    assert (await anext(answers)).text == "你好，"
    ended.set()
    assert [answer async for answer in answers] == []


async def test_an_empty_stream_ends_without_a_clause(house: House) -> None:
    assert await streamed(house) == []


async def test_the_gateways_client_understands_every_answer(house: House) -> None:
    moderator = GrpcModerator(house.channel)
    assert (await moderator.check_text("hello")).suggestion is Suggestion.PASS
    blocked = await moderator.check_text("buy cocaine online")
    assert (blocked.suggestion, blocked.labels) == (Suggestion.BLOCK, ("illicit",))
    house.storage.objects["ac_1/as_1"] = picture()
    house.models.score = 0.6
    seen = await moderator.check_image(ObjectRef("assets", "ac_1/as_1"))
    assert (seen.suggestion, seen.labels) == (Suggestion.REVIEW, ("sexual",))
    house.models.heard = Heard("I will kill you", "en", 2.0)

    async def endless() -> Any:
        while True:
            yield AudioChunk(bytes(48_000 * 2), 48_000, 0)

    heard = await moderator.check_audio(endless())
    assert (heard.suggestion, heard.labels) == (Suggestion.BLOCK, ("violence",))


def statement(**places: str) -> wire.CheckStatementRequest:
    refs = {name: media_pb2.ObjectRef(bucket="assets", key=key) for name, key in places.items()}
    return wire.CheckStatementRequest(
        film=refs.get("film"),
        portrait=refs.get("portrait"),
        sentence="I agree",
        secret="apple river",  # noqa: S106 - words to be read
        language="en",
    )


async def test_a_statement_is_looked_at_with_its_portrait(house: House) -> None:
    house.storage.objects |= {"film": film(), "portrait": picture()}
    found = await unary(house.stub.CheckStatement(statement(film="film", portrait="portrait")))
    assert [(one.name, one.passed, one.score) for one in found.checks] == [("words", True, 0.75)]
    assert list(found.voice) == [0.0625] * 256
    [(seen, portrait, phrase)] = house.models.films
    assert len(seen.pictures) > 20
    assert seen.pictures[0].rgb.shape == (48, 64, 3)
    assert abs(len(seen.sound) / RATE - 3) < 0.2
    assert portrait is not None
    assert portrait.shape == (64, 64, 3)
    assert phrase == Phrase("I agree", "apple river", "en")
    await unary(house.stub.CheckStatement(statement(film="film")))
    assert house.models.films[1][1] is None


async def test_films_that_can_not_be_read_are_refused(house: House) -> None:
    whole = film()
    house.storage.objects |= {
        "short": film(seconds=1),
        "broken": whole[: len(whole) // 3],
        "sound": film(pictures=False),
        "text": b"no film",
        "evil": b"\x1aE\xdf\xa3" + bytes(range(256)) * 8,
    }
    for key, error in (
        ("short", InvalidInput),
        ("broken", InvalidInput),
        ("sound", InvalidInput),
        ("text", UnsupportedMedia),
        ("evil", InvalidInput),
        ("nothing", NotFound),
    ):
        with pytest.raises(error):
            await unary(house.stub.CheckStatement(statement(film=key)))
    assert not house.models.films
