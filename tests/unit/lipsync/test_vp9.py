"""The encoder of transparent animations: colours and alpha, frame by frame."""

from __future__ import annotations

import av
import numpy as np
import pytest
from av.packet import PacketSideData, packet_sidedata_type_from_literal
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext
from numpy.typing import NDArray

from services.lipsync.encoder import EncodedFrame, default_bitrate_bps
from services.lipsync.vp9 import Vp9Encoder
from tests.unit.lipsync.test_encoder import SIZE, picture

Picture = NDArray[np.uint8]
ALPHA_ID = bytes(7) + b"\1"


def transparent(number: int, size: int = SIZE) -> Picture:
    """The picture of a number, with an alpha that has a soft edge and moves."""
    ramp = np.arange(size, dtype=np.float32) - size / 2 + number
    alpha = np.broadcast_to(np.clip(128 + 20 * ramp, 0, 255), (size, size)).astype(np.uint8)
    return np.dstack([picture(number, size), alpha])


def decode(frames: list[EncodedFrame]) -> list[av.VideoFrame]:
    decoder = av.CodecContext.create("libvpx-vp9", "r")
    assert isinstance(decoder, VideoCodecContext)
    decoded = [shown for frame in frames for shown in decoder.decode(_packet(frame))]
    return decoded + decoder.decode(None)


def _packet(frame: EncodedFrame) -> av.Packet[Stream]:
    packet = av.Packet(frame.access_unit)
    kind = packet_sidedata_type_from_literal("matroska_block_additional")
    addition = ALPHA_ID + frame.alpha
    beside = PacketSideData(kind, len(addition))  # type: ignore[call-arg]  # PyAV's stubs lack it
    beside.update(addition)
    beside.to_packet(packet)
    return packet


def shown(frame: av.VideoFrame) -> Picture:
    """RGBA [h, w, 4]."""
    part = frame.planes[3]
    rows = np.frombuffer(memoryview(part), np.uint8).reshape(-1, part.line_size)
    opaque = frame.reformat(format="yuv420p").to_ndarray(format="rgb24")
    return np.dstack([opaque, rows[: frame.height, : frame.width]])


def psnr(one: Picture, other: Picture) -> float:
    """Decibels."""
    error = float(np.mean((one.astype(np.float64) - other) ** 2))
    return 10.0 * float(np.log10(255**2 / error))


def is_key(vp9: bytes) -> bool:
    """Whether a VP9 frame of profile 0 is a keyframe (VP9 Bitstream Specification, 6.2)."""
    assert vp9[0] & 0b1111_1000 in {0b1000_0000, 0b1000_0100}, "no plain frame of profile 0"
    return not vp9[0] & 0b100


@pytest.fixture
def encoder() -> Vp9Encoder:
    return Vp9Encoder(SIZE, SIZE, 25, default_bitrate_bps(SIZE, SIZE, 25))


def test_colours_and_alpha_come_back(encoder: Vp9Encoder) -> None:
    pictures = [transparent(n) for n in range(60)]
    decoded = decode([encoder.encode(rgba) for rgba in pictures])
    assert len(decoded) == 60
    for frame, rgba in zip(decoded, pictures, strict=True):
        assert frame.format.name == "yuva420p"
        assert (int(frame.colorspace), int(frame.color_range)) == (1, 1)
        back = shown(frame)
        assert np.abs(back[..., :3].astype(np.float32) - rgba[..., :3]).mean() < 8
        assert psnr(back[..., 3], rgba[..., 3]) > 38


def test_what_is_whole_or_nothing_stays_so(encoder: Vp9Encoder) -> None:
    rgba = transparent(0)
    for frame in decode([encoder.encode(rgba) for _ in range(30)]):
        alpha = shown(frame)[..., 3]
        assert alpha[:, :40].max() <= 2
        assert alpha[:, -40:].min() >= 253


def test_a_keyframe_of_both_comes_every_second(encoder: Vp9Encoder) -> None:
    frames = [encoder.encode(transparent(n)) for n in range(60)]
    assert [n for n, frame in enumerate(frames) if frame.keyframe] == [0, 25, 50]
    for frame in frames:
        assert is_key(frame.access_unit) == is_key(frame.alpha) == frame.keyframe
    assert len(decode(frames[25:])) == 35


def test_a_requested_keyframe_is_the_very_next_picture(encoder: Vp9Encoder) -> None:
    frames = [encoder.encode(transparent(n)) for n in range(7)]
    encoder.request_keyframe()
    frames += [encoder.encode(transparent(n)) for n in range(7, 12)]
    assert [n for n, frame in enumerate(frames) if frame.keyframe] == [0, 7]
    assert is_key(frames[7].alpha)
    assert len(decode(frames[7:])) == 5


def test_the_bitrate_changes_while_the_stream_goes_on() -> None:
    chance = np.random.default_rng(1)
    noise = chance.integers(0, 255, (50, SIZE, SIZE, 4), dtype=np.uint8)
    encoder = Vp9Encoder(SIZE, SIZE, 25, 4_000_000)
    before = [encoder.encode(rgba) for rgba in noise[:20]]
    encoder.set_bitrate(4_000_000)
    before += [encoder.encode(rgba) for rgba in noise[20:24]]
    assert [frame.keyframe for frame in before] == [True] + [False] * 23
    encoder.set_bitrate(400_000)
    after = [encoder.encode(rgba) for rgba in noise[24:48]]
    assert after[0].keyframe
    assert is_key(after[0].alpha)
    sizes = [sum(len(frame.access_unit) for frame in part) for part in (before, after)]
    assert sizes[1] < sizes[0] / 2


def test_the_same_pictures_give_the_same_bytes() -> None:
    one, other = (
        [encoder.encode(transparent(n)) for n in range(10)]
        for encoder in (Vp9Encoder(SIZE, SIZE, 25, 500_000) for _ in range(2))
    )
    assert one == other


@pytest.mark.parametrize(("width", "height"), [(128, 130), (130, 182), (256, 300), (134, 128)])
def test_colours_are_right_up_to_the_edges_whatever_even_size(width: int, height: int) -> None:
    encoder = Vp9Encoder(width, height, 25, 1_000_000)
    green = np.full((height, width, 4), (0, 177, 64, 99), np.uint8)
    for frame in decode([encoder.encode(green) for _ in range(2)]):
        back = shown(frame)
        assert back.shape == green.shape
        assert np.abs(back.astype(int) - green).max() < 6
