"""RTMP's forms: values, chunks, tags."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping

import av
import numpy as np
import pytest
from av.video.frame import PictureType
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.media import AudioChunk, Frame
from services.gateway.outputs.h264 import decoder_configuration, nal_units, with_lengths
from services.gateway.outputs.rtmp import amf
from services.gateway.outputs.rtmp.chunks import (
    OUT_CHUNK_BYTES,
    ChunkReader,
    MalformedChunks,
    Message,
    MessageType,
    cut,
)
from services.gateway.outputs.rtmp.flv import FlvMuxer, Tag, TagType
from tests.fakes.film import SIZE, encoder

RATE_HZ = 48_000
VALUES: st.SearchStrategy[amf.Value] = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=50),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(min_size=1, max_size=9), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.lists(VALUES, max_size=4))
def test_values_come_back_as_they_were(values: list[amf.Value]) -> None:
    assert amf.decode(amf.encode(*values)) == values


@given(st.binary(max_size=60))
def test_what_is_no_amf_is_told_as_such(data: bytes) -> None:
    with contextlib.suppress(amf.MalformedAmf):
        amf.decode(data)


def test_long_texts_ecma_arrays_and_dates_are_read() -> None:
    text = "x" * 70_000
    array = b"\x08\0\0\0\1\0\1a\x02\0\1b\0\0\x09"
    date = b"\x0b" + bytes(8) + b"\0\0"
    assert amf.decode(amf.encode(text) + array + date) == [text, {"a": "b"}, 0.0]


async def read_all(data: bytes) -> list[Message]:
    reader = asyncio.StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    chunks = ChunkReader(reader.readexactly)
    found = []
    try:
        while True:
            found.append(await chunks.next())
    except asyncio.IncompleteReadError:
        return found


CHUNK_SIZE = cut(Message(MessageType.SET_CHUNK_SIZE, OUT_CHUNK_BYTES.to_bytes(4, "big")), 2)


@pytest.mark.parametrize("size", [0, 1, 4095, 4096, 4097, 100_000])
@pytest.mark.parametrize("time_ms", [0, 0xFFFFFE, 0xFFFFFF, 0x1_0000_0005])
async def test_messages_come_back_whole(size: int, time_ms: int) -> None:
    body = bytes(range(256)) * (size // 256 + 1)
    data = cut(Message(TagType.VIDEO, body[:size], time_ms, 1), 6)
    after = cut(Message(MessageType.COMMAND, b"after"), 3)
    found = await read_all(CHUNK_SIZE + data + after)
    assert [(one.type, one.body) for one in found] == [(9, body[:size]), (20, b"after")]


async def test_short_heads_mean_what_the_last_one_said() -> None:
    whole = cut(Message(MessageType.COMMAND, b"12345"), 3)
    same_stream = bytes([0x43, 0, 0, 1, 0, 0, 3, 20]) + b"abc"
    same_length = bytes([0x83, 0, 0, 1]) + b"def"
    same_all = bytes([0xC3]) + b"ghi"
    found = await read_all(whole + same_stream + same_length + same_all)
    assert [one.body for one in found] == [b"12345", b"abc", b"def", b"ghi"]


async def test_messages_of_several_channels_may_be_mixed() -> None:
    long = cut(Message(MessageType.COMMAND, bytes(5000)), 3)
    first, rest = long[: 12 + 4096], long[12 + 4096 :]
    found = await read_all(CHUNK_SIZE + first + cut(Message(MessageType.DATA, b"x"), 4) + rest)
    assert [len(one.body) for one in found] == [1, 5000]


async def test_a_message_that_was_given_up_is_left_out() -> None:
    begun = cut(Message(MessageType.COMMAND, bytes(5000)), 3)[: 12 + 4096]
    abort = cut(Message(MessageType.ABORT, (3).to_bytes(4, "big")), 2)
    again = cut(Message(MessageType.COMMAND, b"again"), 3)
    assert [one.body for one in await read_all(CHUNK_SIZE + begun + abort + again)] == [b"again"]


async def test_a_server_can_not_fill_the_memory() -> None:
    huge = bytes([3]) + bytes(3) + b"\xff\xff\xff" + bytes([20]) + bytes(4)
    with pytest.raises(MalformedChunks):
        await read_all(huge)
    many = b"".join(bytes([2 + n]) + bytes(11) for n in range(60)) + b"".join(
        bytes([0, n]) + bytes(11) for n in range(60)
    )
    with pytest.raises(MalformedChunks):
        await read_all(many)


@given(st.binary(max_size=200))
def test_what_is_no_rtmp_is_told_as_such(data: bytes) -> None:
    with contextlib.suppress(MalformedChunks):
        asyncio.run(read_all(data))


def pictures(count: int) -> list[Frame]:
    """Every tenth is a keyframe."""
    context = encoder(25)
    frames = []
    for number in range(count):
        picture = av.VideoFrame.from_ndarray(
            np.full((SIZE * 3 // 2, SIZE), 20 * number % 255, np.uint8), format="yuv420p"
        )
        picture.pts = number
        keyframe = number % 10 == 0
        picture.pict_type = PictureType.I if keyframe else PictureType.NONE
        unit = b"".join(bytes(packet) for packet in context.encode(picture))
        frames.append(Frame(unit, 1_000_000 + number * 40_000, keyframe))
    return frames


def test_pictures_lose_start_codes_and_nothing_else() -> None:
    unit = b"\0\0\0\1\x67sps\0\0\1\x68pps\0\0\1\x06sei\0\0\1\x65one\0\0\0\1\x65two\0\0"
    assert [one[0] & 31 for one in nal_units(unit)] == [7, 8, 6, 5, 5]
    assert with_lengths(unit) == b"\0\0\0\4\x06sei\0\0\0\4\x65one\0\0\0\4\x65two"
    assert decoder_configuration(b"\0\0\1\x41picture") is None


def test_tags_say_what_decoders_need_first_and_once() -> None:
    muxer = FlvMuxer(base_us=1_000_000)
    silence = AudioChunk(bytes(1920 * 2), RATE_HZ, 960_000)
    assert list(muxer.mux(silence)) == []
    tags: list[Tag] = []
    for frame in pictures(20):
        tags += muxer.mux(frame)
        tags += muxer.mux(AudioChunk(bytes(1920 * 2), RATE_HZ, frame.pts_us))
    first, second, third = tags[:3]
    assert (first.type, first.body[:5], first.body[5]) == (TagType.VIDEO, b"\x17\0\0\0\0", 1)
    assert (second.type, second.body[:2]) == (TagType.AUDIO, b"\xaf\0")
    assert (third.type, third.body[:5]) == (TagType.VIDEO, b"\x17\1\0\0\0")
    video = [tag for tag in tags[2:] if tag.type is TagType.VIDEO]
    assert [tag.body[0] == 0x17 for tag in video] == [n % 10 == 0 for n in range(20)]
    assert {tag.body[1] for tag in video} == {1}
    assert [tag.time_ms for tag in video] == [n * 40 for n in range(20)]
    audio = [tag for tag in tags[2:] if tag.type is TagType.AUDIO]
    assert [tag.time_ms for tag in audio] == [n * 1024 // 48 for n in range(len(audio))]
    assert len(audio) >= 35


def test_sound_after_a_gap_stands_where_it_belongs() -> None:
    muxer = FlvMuxer(base_us=0)
    (frame, *_) = pictures(1)
    list(muxer.mux(frame))
    times = []
    for start_us in (0, 40_000, 80_000, 1_000_000, 1_040_000, 1_080_000):
        times += [tag.time_ms for tag in muxer.mux(AudioChunk(bytes(1920 * 2), RATE_HZ, start_us))]
    assert times == sorted(times)
    assert 1_000 in times


def test_sound_that_comes_twice_is_taken_once() -> None:
    def times(*starts_us: int) -> list[int]:
        muxer = FlvMuxer(base_us=0)
        (frame, *_) = pictures(1)
        list(muxer.mux(frame))
        chunks = [AudioChunk(bytes(1920 * 2), RATE_HZ, start_us) for start_us in starts_us]
        return [tag.time_ms for chunk in chunks for tag in muxer.mux(chunk)]

    once = times(0, 40_000, 80_000, 120_000)
    assert len(once) >= 4
    assert times(0, 40_000, 20_000, 40_000, 80_000, 100_000, 120_000) == once


def test_no_field_name_is_lost() -> None:
    (fields,) = amf.decode(amf.encode({"app": "live", "n": 1.0}))
    assert isinstance(fields, Mapping)
    assert list(fields) == ["app", "n"]
