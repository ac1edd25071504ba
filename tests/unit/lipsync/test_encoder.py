"""The encoder: what any receiver can decode, frame by frame."""

from __future__ import annotations

import av
import cv2
import numpy as np
import pytest
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from services.lipsync.encoder import (
    EncodedFrame,
    H264Encoder,
    default_bitrate_bps,
    yuv420_from_rgb,
)

SIZE = 128
SPS, IDR, SLICE, PPS = 7, 5, 1, 8


def picture(number: int, size: int = SIZE) -> NDArray[np.uint8]:
    """A coloured ramp with a bar whose place tells the number."""
    ramp = np.linspace(30, 220, size, dtype=np.float32)
    rgb = np.stack(np.broadcast_arrays(ramp[:, None], ramp[None, :], ramp[::-1, None]), axis=2)
    rgb[size // 2 :, 4 * number % size : 4 * number % size + 4] = (250, 40, 40)
    return rgb.astype(np.uint8)


def units(frame: EncodedFrame) -> list[int]:
    """The types of the NAL units of an Annex B access unit."""
    pieces = frame.access_unit.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1")
    assert pieces[0] == b""
    return [piece[0] & 31 for piece in pieces[1:]]


def decode(frames: list[EncodedFrame]) -> tuple[list[VideoFrame], VideoCodecContext]:
    decoder = av.CodecContext.create("h264", "r")
    assert isinstance(decoder, VideoCodecContext)
    decoded: list[VideoFrame] = []
    for frame in frames:
        decoded.extend(decoder.decode(av.Packet(frame.access_unit)))
    decoded.extend(decoder.decode(None))
    return decoded, decoder


@pytest.fixture
def encoder() -> H264Encoder:
    return H264Encoder(SIZE, SIZE, 25, default_bitrate_bps(SIZE, SIZE, 25))


def test_every_picture_comes_back_in_its_place(encoder: H264Encoder) -> None:
    pictures = [picture(n) for n in range(60)]
    decoded, _ = decode([encoder.encode(rgb) for rgb in pictures])
    assert len(decoded) == 60
    for shown, rgb in zip(decoded, pictures, strict=True):
        error = shown.to_ndarray(format="rgb24").astype(np.float32) - rgb
        assert np.abs(error).mean() < 8


def test_the_stream_is_constrained_baseline_without_b_frames_in_bt709(encoder: H264Encoder) -> None:
    frames = [encoder.encode(picture(n)) for n in range(3)]
    decoded, decoder = decode(frames)
    assert decoder.profile == "Constrained Baseline"
    assert not decoder.has_b_frames
    assert (decoded[0].width, decoded[0].height) == (SIZE, SIZE)
    assert (int(decoded[0].colorspace), int(decoded[0].color_range)) == (1, 1)


def test_a_keyframe_comes_at_least_every_second_with_its_parameter_sets(
    encoder: H264Encoder,
) -> None:
    frames = [encoder.encode(picture(n)) for n in range(60)]
    assert [n for n, frame in enumerate(frames) if frame.keyframe] == [0, 25, 50]
    for frame in frames:
        kinds = units(frame)
        assert ({SPS, PPS, IDR} <= set(kinds)) == frame.keyframe
        assert (SLICE in kinds) != frame.keyframe


def test_a_requested_keyframe_is_the_very_next_picture(encoder: H264Encoder) -> None:
    frames = [encoder.encode(picture(n)) for n in range(7)]
    encoder.request_keyframe()
    frames += [encoder.encode(picture(n)) for n in range(7, 12)]
    assert [n for n, frame in enumerate(frames) if frame.keyframe] == [0, 7]
    assert len(decode(frames[7:])[0]) == 5


def test_the_bitrate_changes_while_the_stream_goes_on() -> None:
    chance = np.random.default_rng(1)
    noise = chance.integers(0, 255, (50, SIZE, SIZE, 3), dtype=np.uint8)
    encoder = H264Encoder(SIZE, SIZE, 25, 2_000_000)
    before = [encoder.encode(rgb) for rgb in noise[:25]]
    encoder.set_bitrate(200_000)
    after = [encoder.encode(rgb) for rgb in noise[25:]]
    assert after[0].keyframe
    assert len(decode(before + after)[0]) == 50
    sizes = [sum(len(frame.access_unit) for frame in part) for part in (before, after)]
    assert sizes[1] < sizes[0] / 2


def test_setting_the_same_bitrate_disturbs_nothing(encoder: H264Encoder) -> None:
    encoder.encode(picture(0))
    encoder.set_bitrate(default_bitrate_bps(SIZE, SIZE, 25))
    assert not encoder.encode(picture(1)).keyframe


@pytest.mark.parametrize(
    ("rgb", "yuv"),
    [  # ITU-R BT.709-6, 8 bits, limited range
        ((0, 0, 0), (16, 128, 128)),
        ((255, 255, 255), (235, 128, 128)),
        ((255, 0, 0), (63, 102, 240)),
        ((0, 255, 0), (173, 42, 26)),
        ((0, 0, 255), (32, 240, 118)),
    ],
)
def test_colours_become_those_of_bt709(rgb: tuple[int, ...], yuv: tuple[int, ...]) -> None:
    planes = yuv420_from_rgb(np.full((4, 8, 3), rgb, np.uint8))
    assert planes.shape == (6, 8)
    found = (planes[:4], planes[4:5], planes[5:])
    for plane, expected in zip(found, yuv, strict=True):
        assert np.abs(plane.astype(int) - expected).max() <= 1


def test_what_stands_still_does_not_pulse_with_the_keyframes() -> None:
    still = np.random.default_rng(3).integers(60, 190, (256, 256, 3), dtype=np.uint8)
    still = np.asarray(cv2.GaussianBlur(still, (0, 0), 2.5), np.uint8)
    encoder = H264Encoder(256, 256, 25, default_bitrate_bps(256, 256, 25))
    units = []
    for number in range(52):
        picture = still.copy()
        picture[100:140, 100 + number : 140 + number] = 200
        units.append(encoder.encode(picture).access_unit)
    decoder = av.CodecContext.create("h264", "r")
    packets = [*map(av.Packet, units), None]
    shown = [
        frame.to_ndarray(format="rgb24")[:80].astype(np.int16)
        for packet in packets
        for frame in decoder.decode(packet)
    ]
    # The first second still sharpens the picture; from then on nothing changes.
    assert np.abs(shown[50] - shown[49]).mean() < 0.1


@pytest.mark.parametrize(("width", "height"), [(128, 130), (130, 182), (256, 300), (134, 128)])
def test_colours_are_right_up_to_the_edges_whatever_even_size(width: int, height: int) -> None:
    encoder = H264Encoder(width, height, 25, 1_000_000)
    green = np.full((height, width, 3), (0, 177, 64), np.uint8)
    decoded, _ = decode([encoder.encode(green) for _ in range(2)])
    for frame in decoded:
        shown = frame.to_ndarray(format="rgb24")
        assert shown.shape == green.shape
        assert np.abs(shown.astype(int) - green).max() < 6
