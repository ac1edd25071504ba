"""What a caller of TtsService may rely on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

import pytest
from vultus.media.v1 import media_pb2
from vultus.tts.v1 import tts_service_pb2 as wire

from services.common.errors import (
    DomainError,
    InvalidInput,
    Overloaded,
    TextEmpty,
    TextTooLong,
    UnsupportedLanguage,
    VoiceNotFound,
)
from services.common.grpc_client import responses, unary
from services.tts.language import Language

if TYPE_CHECKING:
    from tests.contract.tts.conftest import House

RATE = 24_000
Request = wire.SynthesizeRequest


async def requests(
    *pieces: str, voice_id: str = "vo_en_hum", speed: float = 0.0
) -> AsyncIterator[wire.SynthesizeRequest]:
    yield Request(config=wire.SynthesizeConfig(voice_id=voice_id, speed=speed))
    for piece in pieces:
        yield Request(text=piece)


async def spoken(
    house: House, *pieces: str, voice_id: str = "vo_en_hum", speed: float = 0.0
) -> list[wire.SynthesizeResponse]:
    call = house.stub.Synthesize(requests(*pieces, voice_id=voice_id, speed=speed))
    return [response async for response in responses(call)]


def segments(received: Sequence[wire.SynthesizeResponse]) -> list[wire.SegmentStart]:
    return [response.segment_start for response in received if response.HasField("segment_start")]


def samples(received: Sequence[wire.SynthesizeResponse]) -> int:
    return sum(len(response.audio.pcm_s16le) for response in received) // 2


async def test_voices_are_listed_by_language(house: House) -> None:
    voices = (await unary(house.stub.ListVoices(wire.ListVoicesRequest()))).voices
    assert [(voice.id, voice.language, voice.gender) for voice in voices] == [
        ("vo_en_hum", "en-US", "female"),
        ("vo_zh_heng", "zh-CN", "male"),
    ]
    assert {voice.sample_rate_hz for voice in voices} == {RATE}
    chinese = (await unary(house.stub.ListVoices(wire.ListVoicesRequest(language="zh")))).voices
    assert [voice.id for voice in chinese] == ["vo_zh_heng"]


async def test_an_utterance_is_segments_each_with_its_times_its_sound_and_its_end(
    house: House,
) -> None:
    received = await spoken(house, "Good morning. How are you?")
    kinds = [response.WhichOneof("payload") for response in received]
    one = ["segment_start", "audio", "segment_end"]
    assert [
        kind for kind, before in zip(kinds, [None, *kinds], strict=False) if kind != before
    ] == [
        *one,
        *one,
        "utterance_end",
    ]
    assert [segment.text for segment in segments(received)] == ["Good morning.", "How are you?"]
    assert received[-1].utterance_end.duration_us == samples(received) * 1_000_000 // RATE


async def test_times_lie_on_one_clock_without_gaps(house: House) -> None:
    received = await spoken(house, "One two. Three four, five!")
    now = 0
    for segment in segments(received):
        assert segment.start_us == now
        for viseme in segment.visemes:
            assert viseme.start_us == now
            assert viseme.duration_us > 0
            now += viseme.duration_us
        assert now == segment.start_us + segment.duration_us
        ends = [segment.start_us, *(word.end_us for word in segment.words)]
        starts = [*(word.start_us for word in segment.words), now]
        assert all(end <= start for end, start in zip(ends, starts, strict=True))
    assert received[-1].utterance_end.duration_us == now
    at = 0
    for response in received:
        if response.HasField("audio"):
            assert response.audio.start_us == at * 1_000_000 // RATE
            at += len(response.audio.pcm_s16le) // 2


async def test_words_stand_where_the_caller_wrote_them(house: House) -> None:
    text = "  It’s $5.20, 他说。 Bye 😀 now!"
    received = await spoken(house, text[:9], text[9:])
    words = [word for segment in segments(received) for word in segment.words]
    assert [word.text for word in words] == ["It’s", "$5.20", "他", "说", "Bye", "now"]
    assert all(text[word.char_start : word.char_end] == word.text for word in words)


async def test_where_the_text_breaks_makes_no_difference(house: House) -> None:
    text = "Dr. Smith paid $5.20 at 10.30 a.m. on Monday, e.g. in cash. 你好！世界。"
    whole, letters = await spoken(house, text), await spoken(house, *text)
    assert segments(whole) == segments(letters)
    assert samples(whole) == samples(letters)


async def test_a_segment_is_spoken_before_the_text_is_complete(house: House) -> None:
    more = asyncio.Event()

    async def slowly() -> AsyncIterator[wire.SynthesizeRequest]:
        async for request in requests("Hello there. ", "And"):
            yield request
        await more.wait()
        yield Request(text=" goodbye.")

    call = house.stub.Synthesize(slowly())
    texts = []
    async for response in responses(call):
        if response.HasField("segment_start"):
            texts.append(response.segment_start.text)
            more.set()
    assert texts == ["Hello there.", "And goodbye."]


async def test_a_reader_that_stops_stops_the_work_one_segment_ahead(house: House) -> None:
    text = "This is a sentence of some length, to fill the connection. " * 30
    stream = responses(house.stub.Synthesize(requests(text)))
    async for response in stream:
        if response.HasField("segment_end"):
            break
    done = len(house.engine.spoken)
    await stream.aclose()
    assert done <= 4


async def test_cancelling_ends_the_work_that_is_going_on(house: House) -> None:
    house.engine.free.clear()
    call = house.stub.Synthesize(requests("Hello there."))
    reading = asyncio.ensure_future(anext(aiter(call)))
    await asyncio.to_thread(house.engine.waiting.wait, 10)
    call.cancel()
    assert await asyncio.to_thread(house.engine.stopped.wait, 10)
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert segments(await spoken(house, "Again."))


@pytest.mark.parametrize(
    ("pieces", "error"),
    [
        ([], TextEmpty),
        (["  \n "], TextEmpty),
        (["…!? 😀", "👍 —"], TextEmpty),
        (["Hello, мир"], UnsupportedLanguage),
        (["สวัสดี"], UnsupportedLanguage),
        (["مرحبا"], UnsupportedLanguage),
        (["こんにちは"], UnsupportedLanguage),
        (["안녕하세요"], UnsupportedLanguage),
        (["a" * 1_000, "b" * 1_001], TextTooLong),
    ],
)
async def test_what_cannot_be_said_is_told_by_its_reason(
    house: House, pieces: list[str], error: type[DomainError]
) -> None:
    with pytest.raises(error):
        await spoken(house, *pieces)


async def test_an_unsupported_script_is_named(house: House) -> None:
    with pytest.raises(UnsupportedLanguage, match="Thai") as caught:
        await spoken(house, "สวัสดี")
    assert caught.value.context == {"script": "Thai"}


@pytest.mark.parametrize(
    ("voice_id", "speed", "error"),
    [
        ("vo_none", 1.0, VoiceNotFound),
        ("", 1.0, VoiceNotFound),
        ("vo_en_hum", 0.4, InvalidInput),
        ("vo_en_hum", 2.1, InvalidInput),
        ("vo_en_hum", -1.0, InvalidInput),
        ("vo_en_hum", float("nan"), InvalidInput),
    ],
)
async def test_a_wrong_config_is_refused(
    house: House, voice_id: str, speed: float, error: type[DomainError]
) -> None:
    with pytest.raises(error):
        await spoken(house, "Hello.", voice_id=voice_id, speed=speed)


async def test_the_config_comes_first_and_once(house: House) -> None:
    async def text_first() -> AsyncIterator[wire.SynthesizeRequest]:
        yield Request(text="Hello.")

    async def twice() -> AsyncIterator[wire.SynthesizeRequest]:
        for _ in range(2):
            yield Request(config=wire.SynthesizeConfig(voice_id="vo_en_hum"))

    for wrong in (text_first(), twice()):
        with pytest.raises(InvalidInput):
            [response async for response in responses(house.stub.Synthesize(wrong))]


async def test_too_many_utterances_are_refused_at_once(house: House) -> None:
    house.engine.free.clear()
    first = [asyncio.ensure_future(spoken(house, "Hello there.")) for _ in range(2)]
    await asyncio.to_thread(house.engine.waiting.wait, 10)
    with pytest.raises(Overloaded) as caught:
        await spoken(house, "Hello.")
    assert caught.value.retry_after_s
    house.engine.free.set()
    assert all(segments(received) for received in await asyncio.gather(*first))


async def test_a_faster_speech_is_shorter(house: House) -> None:
    slow, fast = [await spoken(house, "Hello.", speed=speed) for speed in (0.5, 2.0)]
    assert samples(slow) > 2 * samples(fast)


async def test_a_voice_is_told_the_language_of_most_of_the_segment(house: House) -> None:
    await spoken(house, "你好，世界。", "I like 北京 very much.")
    assert house.engine.languages == [Language.ZH, Language.EN]


async def test_lips_close_for_every_p_b_and_m(house: House) -> None:
    (segment,) = segments(await spoken(house, "Pam, maybe.", speed=2.0))
    seals = [v for v in segment.visemes if v.shape == media_pb2.VISEME_SHAPE_PP]
    assert len(seals) == 4 - 1  # the m of Pam and that of maybe are one closure
    assert all(seal.duration_us >= 50_000 for seal in seals)


async def test_what_is_longer_than_the_model_takes_is_spoken_in_parts(house: House) -> None:
    digits = "9876543210" * 9
    (segment,) = segments(await spoken(house, f"Number {digits}", voice_id="vo_zh_heng"))
    assert len(house.engine.spoken) > 1
    assert all(len(phonemes) <= house.engine.max_phonemes for phonemes in house.engine.spoken)
    assert [word.text for word in segment.words] == ["Number", digits]
