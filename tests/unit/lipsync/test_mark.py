"""The visible mark: large enough, legible on anything, away from mouths, gone when it is due."""

from __future__ import annotations

import av
import numpy as np
import pytest
from av.video.codeccontext import VideoCodecContext
from numpy.typing import NDArray

from services.lipsync.animation import Clock
from services.lipsync.encoder import EncodedFrame, H264Encoder, default_bitrate_bps
from services.lipsync.mark import Mark, MarkingEncoder, MarkText, Stamp

SIZES = [(128, 128), (256, 480), (512, 512), (1280, 720), (1080, 1920)]
CLOCK = Clock(25, 24_000)


class Tracing:
    """Keeps copies of the pictures that it is given."""

    def __init__(self) -> None:
        self.pictures: list[NDArray[np.uint8]] = []
        self.keyframes = 0
        self.bitrate_bps = 0

    def encode(self, picture: NDArray[np.uint8], /) -> EncodedFrame:
        self.pictures.append(picture.copy())
        return EncodedFrame(b"", keyframe=False)

    def request_keyframe(self) -> None:
        self.keyframes += 1

    def set_bitrate(self, bitrate_bps: int) -> None:
        self.bitrate_bps = bitrate_bps


def stamped(picture: NDArray[np.uint8], text: MarkText) -> NDArray[np.uint8]:
    height, width, channels = picture.shape
    with Stamp(text, width, height, channels).on(picture):
        return picture.copy()


def grey(width: int, height: int, level: int) -> NDArray[np.uint8]:
    return np.full((height, width, 3), level, np.uint8)


def box(changed: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


@pytest.mark.parametrize("text", MarkText)
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_text_is_a_twentieth_of_the_shorter_side(
    width: int, height: int, text: MarkText
) -> None:
    white = stamped(grey(width, height, 0), text)[..., 0] > 100
    left, top, right, bottom = box(white)
    assert bottom - top >= 0.05 * min(width, height)
    assert left >= 0.04 * min(width, height)
    assert right <= 0.5 * width
    assert top >= 0.04 * min(width, height)
    assert bottom <= 0.2 * height


@pytest.mark.parametrize("text", MarkText)
@pytest.mark.parametrize("level", [0, 60, 128, 200, 255])
def test_it_is_legible_on_light_and_on_dark(level: int, text: MarkText) -> None:
    plain = grey(512, 512, level)
    picture = stamped(plain.copy(), text)[..., 0]
    left, top, right, bottom = box(plain[..., 0] != picture) if level else (20, 20, 120, 70)
    inside = picture[top:bottom, left:right].astype(np.float64) / 255
    assert inside.max() == 1.0
    plate = np.median(inside)
    linear = ((plate + 0.055) / 1.055) ** 2.4
    # Contrast after WCAG 2: 4.5 is asked for of small text.
    assert 1.05 / (linear + 0.05) > 4.5


def test_edges_are_soft() -> None:
    levels = np.unique(stamped(grey(512, 512, 128), MarkText.ENGLISH))
    assert len(levels) > 40


def test_the_picture_itself_stays_as_it_is() -> None:
    noise = np.random.default_rng(1).integers(0, 255, (256, 256, 3), dtype=np.uint8)
    before = noise.copy()
    tracing = Tracing()
    MarkingEncoder(tracing, Mark(MarkText.CHINESE), CLOCK).encode(noise)
    assert np.array_equal(noise, before)
    assert not np.array_equal(tracing.pictures[0], before)


def test_it_is_opaque_where_nothing_stands_behind() -> None:
    picture = stamped(np.zeros((256, 256, 4), np.uint8), MarkText.CHINESE)
    left, top, right, bottom = box(picture[..., 3] > 0)
    plate = picture[top + 6 : bottom - 6, left + 6 : right - 6]
    assert plate[..., 3].min() == 255
    assert plate[..., 0].max() == 255
    assert plate[..., 0].min() == 0
    assert not picture[128:].any()


@pytest.mark.parametrize(("until_us", "marked"), [(2_000_000, 50), (3_000_000, 75), (None, 100)])
def test_it_is_shown_as_long_as_was_asked(until_us: int | None, marked: int) -> None:
    plain, tracing = grey(128, 128, 90), Tracing()
    encoder = MarkingEncoder(tracing, Mark(MarkText.ENGLISH, until_us), CLOCK)
    for _ in range(100):
        encoder.encode(plain)
    bears = [not np.array_equal(picture, plain) for picture in tracing.pictures]
    assert bears == [True] * marked + [False] * (100 - marked)


def test_keyframes_and_bitrates_reach_the_encoder() -> None:
    tracing = Tracing()
    encoder = MarkingEncoder(tracing, Mark(MarkText.ENGLISH), CLOCK)
    encoder.request_keyframe()
    encoder.set_bitrate(700_000)
    assert (tracing.keyframes, tracing.bitrate_bps) == (1, 700_000)


def test_it_is_still_seen_when_the_file_is_shown() -> None:
    inner = H264Encoder(256, 256, 25, default_bitrate_bps(256, 256, 25))
    encoder = MarkingEncoder(inner, Mark(MarkText.ENGLISH, 2_000_000), CLOCK)
    decoder = av.CodecContext.create("h264", "r")
    assert isinstance(decoder, VideoCodecContext)
    plain = grey(256, 256, 120)
    encoded = [encoder.encode(plain) for _ in range(60)]
    shown = [f for e in encoded for f in decoder.decode(av.Packet(e.access_unit))]
    shown += decoder.decode(None)
    expected = stamped(plain, MarkText.ENGLISH).astype(np.float32)
    first = shown[0].to_ndarray(format="rgb24").astype(np.float32)
    assert np.abs(first - expected).mean() < 2
    last = shown[-1].to_ndarray(format="rgb24").astype(np.float32)
    assert np.abs(last - 120).max() < 12
