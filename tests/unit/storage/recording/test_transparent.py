"""WebM with alpha: what any reader of it gets back."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from av.video.codeccontext import VideoCodecContext
from numpy.typing import NDArray

from services.common.errors import InvalidInput
from services.storage.recording.label import label_of
from services.storage.recording.media import Frame, RecordingFormat
from services.storage.recording.muxer import US_PER_S, Muxed, Muxer
from services.storage.refs import ObjectRef
from tests.fakes.media_files import Samples, film, noise, transparent_film
from tests.unit.storage.recording.test_muxer import HEIGHT, WIDTH, heard, offset_of, sounds

SEGMENT_CLUSTER, SEGMENT_CUES = b"\x1f\x43\xb6\x75", b"\x1c\x53\xbb\x6b"


def pictures(count: int) -> list[Frame]:
    return [
        Frame(unit.data, index * US_PER_S // 25, unit.keyframe, unit.alpha)
        for index, unit in enumerate(transparent_film(count, width=WIDTH, height=HEIGHT))
    ]


def new_muxer(path: Path, rate_hz: int = 24_000) -> Muxer:
    return Muxer(path, RecordingFormat(WIDTH, HEIGHT, 25, rate_hz, transparent=True), LABEL)


LABEL = label_of(ObjectRef("videos", "ac_1/vd_1.webm"), "vultus")


def mux(path: Path, frames: list[Frame], samples: Samples, rate_hz: int) -> Muxed:
    muxer = new_muxer(path, rate_hz)
    for frame, sound in zip(frames, sounds(samples, rate_hz), strict=True):
        muxer.add_frame(frame)
        muxer.add_sound(sound)
    return muxer.finish()


def planes(path: Path) -> list[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """Luma and alpha of every picture, by the one decoder that reads alpha."""
    decoder = av.CodecContext.create("libvpx-vp9", "r")
    assert isinstance(decoder, VideoCodecContext)
    with av.open(str(path)) as container:
        shown = [f for packet in container.demux(video=0) for f in decoder.decode(packet)]
    assert {frame.format.name for frame in shown} == {"yuva420p"}
    return [(plane(frame, 0), plane(frame, 3)) for frame in shown]


def plane(frame: av.VideoFrame, number: int) -> NDArray[np.uint8]:
    """One full-size plane [h, w]."""
    part = frame.planes[number]
    rows = np.frombuffer(memoryview(part), np.uint8).reshape(-1, part.line_size)
    return rows[: frame.height, : frame.width]


def test_every_picture_keeps_its_colours_and_its_alpha(tmp_path: Path) -> None:
    path = tmp_path / "v.webm"

    muxed = mux(path, pictures(50), noise(2, 24_000), 24_000)

    assert muxed == Muxed(duration_s=2.0, frames=50)
    shown = planes(path)
    assert len(shown) == 50
    for index, (luma, alpha) in enumerate(shown):
        assert np.abs(luma.astype(int) - (40 + index)).max() <= 2
        assert np.abs(alpha.astype(int) - (255 - index)).max() <= 2


@pytest.mark.parametrize("rate_hz", [16_000, 24_000, 48_000])
def test_sound_and_picture_start_together_and_last_as_long(tmp_path: Path, rate_hz: int) -> None:
    path, samples = tmp_path / "v.webm", noise(2.4, rate_hz)

    mux(path, pictures(60), samples, rate_hz)

    played = heard(path)
    assert len(played) / 48_000 == pytest.approx(2.4, abs=1e-3)
    assert offset_of(played[:: 48_000 // rate_hz], samples) == 0
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        assert [packet.pts for packet in packets] == [40 * index for index in range(60)]
        assert [n for n, packet in enumerate(packets) if packet.is_keyframe] == [0, 25, 50]
        assert container.duration == pytest.approx(2_400_000, abs=20_000)


def test_the_file_says_what_it_is_and_nothing_of_the_software(tmp_path: Path) -> None:
    path = tmp_path / "v.webm"

    mux(path, pictures(25), noise(1, 24_000), 24_000)

    content = path.read_bytes()
    assert content.find(SEGMENT_CUES) < content.find(SEGMENT_CLUSTER)
    # A WebM must name what wrote it; it does so without a version.
    assert content.count(b"Lavf") == content.count(b"Lav") == 2
    assert b"Lavf." not in content
    assert b"Lavf5" not in content
    with av.open(str(path)) as container:
        assert container.format.name == "matroska,webm"
        assert container.metadata["AIGC"] == LABEL
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert video.metadata["ALPHA_MODE"] == "1"
        context = video.codec_context
        colours = context.color_primaries, context.color_trc, context.colorspace
        assert (*colours, context.color_range) == (1, 1, 1, 1)
        assert video.codec_context.codec.canonical_name == "vp9"
        assert video.average_rate == 25
        assert (audio.codec_context.codec.canonical_name, audio.layout.name) == ("opus", "mono")


def test_the_same_recording_gives_the_same_file(tmp_path: Path) -> None:
    paths = [tmp_path / "one.webm", tmp_path / "other.webm"]
    for path in paths:
        mux(path, pictures(25), noise(1, 24_000), 24_000)
    assert paths[0].read_bytes() == paths[1].read_bytes()


GOOD = pictures(1)[0]
OPAQUE = film(1)[0].data


@pytest.mark.parametrize(
    ("frame", "complaint"),
    [
        (Frame(GOOD.access_unit, 0, keyframe=True), "so must its alpha"),
        (Frame(GOOD.access_unit, 0, keyframe=True, alpha=OPAQUE), "so must its alpha"),
        (Frame(OPAQUE, 0, keyframe=True, alpha=GOOD.alpha), "must be a VP9 frame"),
        (Frame(b"\x82" + bytes(40), 0, keyframe=True, alpha=GOOD.alpha), "first picture|0 by 0"),
    ],
)
def test_what_is_no_transparent_picture_is_refused(
    tmp_path: Path, frame: Frame, complaint: str
) -> None:
    muxer = new_muxer(tmp_path / "v.webm")
    with pytest.raises(InvalidInput, match=complaint):
        muxer.add_frame(frame)
    muxer.discard()


def test_pictures_of_another_size_than_announced_are_refused(tmp_path: Path) -> None:
    muxer = Muxer(
        tmp_path / "v.webm", RecordingFormat(640, 480, 25, 24_000, transparent=True), LABEL
    )
    with pytest.raises(InvalidInput, match="128 by 96"):
        muxer.add_frame(GOOD)
    muxer.discard()


def test_an_mp4_takes_no_alpha(tmp_path: Path) -> None:
    muxer = Muxer(tmp_path / "v.mp4", RecordingFormat(WIDTH, HEIGHT, 25, 24_000), LABEL)
    with pytest.raises(InvalidInput, match="without alpha"):
        muxer.add_frame(Frame(OPAQUE, 0, keyframe=True, alpha=GOOD.alpha))
    muxer.discard()


def test_rates_that_opus_has_not_are_refused() -> None:
    with pytest.raises(InvalidInput, match="sample_rate_hz"):
        RecordingFormat(WIDTH, HEIGHT, 25, 44_100, transparent=True)
