from __future__ import annotations

import json
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from services.common.errors import InvalidInput, StorageFull
from services.storage.recording.label import label_of
from services.storage.recording.media import Frame, RecordingFormat, Sound
from services.storage.recording.muxer import US_PER_S, Muxed, Muxer
from services.storage.refs import ObjectRef
from tests.fakes.media_files import Samples, film, noise

WIDTH, HEIGHT = 128, 96
LABEL = label_of(ObjectRef("videos", "ac_1/vd_1.mp4"), "Ada's 数字人")


def pictures(count: int, fps: int = 25) -> list[Frame]:
    return [
        Frame(unit.data, index * US_PER_S // fps, unit.keyframe)
        for index, unit in enumerate(film(count, width=WIDTH, height=HEIGHT, fps=fps))
    ]


def sounds(samples: Samples, rate_hz: int, pieces_per_s: int = 25) -> Iterator[Sound]:
    size = rate_hz // pieces_per_s
    for start in range(0, len(samples), size):
        pcm = samples[start : start + size].tobytes()
        yield Sound(pcm, rate_hz, start * US_PER_S // rate_hz)


def mux(path: Path, frames: list[Frame], samples: Samples, rate_hz: int, fps: int = 25) -> Muxed:
    muxer = Muxer(path, RecordingFormat(WIDTH, HEIGHT, fps, rate_hz), LABEL)
    for index, sound in enumerate(sounds(samples, rate_hz, fps)):
        if index < len(frames):
            muxer.add_frame(frames[index])
        muxer.add_sound(sound)
    return muxer.finish()


def test_a_file_says_that_it_was_generated_by_whom_and_as_what(tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    mux(path, pictures(5), noise(0.2, 24_000), 24_000)
    with av.open(str(path)) as container:
        label = json.loads(container.metadata["AIGC"])
    assert label == {
        "Label": "1",
        "ContentProducer": "Ada's 数字人",
        "ProduceID": "vd_1",
        "ReservedCode1": "",
        "ContentPropagator": "",
        "PropagateID": "",
        "ReservedCode2": "",
    }


def heard(path: Path) -> NDArray[np.float32]:
    """What a player that obeys edit lists plays, from time 0 on."""
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
    assert frames[0].pts == 0
    return np.concatenate([frame.to_ndarray()[0] for frame in frames])


def offset_of(played: NDArray[np.float32], original: Samples) -> int:
    """By how many samples the one comes later than the other: the peak of their correlation."""
    sent = original[:, 0].astype(np.float64) / 32768
    length = 1 << (len(played) + len(sent)).bit_length()
    spectrum = np.fft.rfft(played, length) * np.conj(np.fft.rfft(sent, length))
    peak = int(np.fft.irfft(spectrum).argmax())
    return peak if peak < length // 2 else peak - length


def boxes(path: Path) -> list[str]:
    """The top-level boxes of an MP4, in order."""
    data, at, names = path.read_bytes(), 0, []
    while at < len(data):
        names.append(data[at + 4 : at + 8].decode())
        at += int.from_bytes(data[at : at + 4], "big")
    return names


@pytest.mark.parametrize("rate_hz", [16_000, 24_000, 44_100, 48_000])
@pytest.mark.parametrize("fps", [25, 30])
def test_sound_and_picture_start_together_to_the_sample(
    tmp_path: Path, rate_hz: int, fps: int
) -> None:
    path, samples = tmp_path / "v.mp4", noise(2, rate_hz)

    mux(path, pictures(2 * fps, fps), samples, rate_hz, fps)

    with av.open(str(path)) as container:
        assert [stream.start_time for stream in container.streams] == [0, 0]
        assert next(container.decode(video=0)).pts == 0
    assert offset_of(heard(path), samples) == 0


@pytest.mark.parametrize("rate_hz", [16_000, 24_000, 48_000])
def test_both_streams_and_the_file_last_as_long_as_what_was_recorded(
    tmp_path: Path, rate_hz: int
) -> None:
    path = tmp_path / "v.mp4"

    muxed = mux(path, pictures(60), noise(2.4, rate_hz), rate_hz)

    assert muxed == Muxed(duration_s=2.4, frames=60)
    with av.open(str(path)) as container:
        assert container.duration == 2_400_000
        for stream in container.streams:
            assert stream.duration is not None
            assert stream.time_base is not None
            assert float(stream.duration * stream.time_base) == pytest.approx(2.4, abs=1e-4)
        assert container.streams.video[0].frames == 60


def test_the_pictures_are_those_that_were_encoded_elsewhere(tmp_path: Path) -> None:
    path, frames = tmp_path / "v.mp4", pictures(50)

    mux(path, frames, noise(2, 24_000), 24_000)

    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        assert [packet.pts == packet.dts for packet in packets] == [True] * 50
        assert [packet.is_keyframe for packet in packets] == [frame.keyframe for frame in frames]
        # In an MP4 each start code becomes a length.
        without_marks = [bytes(packet)[4:] for packet in packets[1:3]]
    assert all(
        sent.access_unit.endswith(kept[-200:])
        for sent, kept in zip(frames[1:3], without_marks, strict=True)
    )


def test_the_file_starts_fast_and_says_its_colours_and_nothing_of_its_maker(tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"

    mux(path, pictures(25), noise(1, 24_000), 24_000)

    names = boxes(path)
    assert names.index("moov") < names.index("mdat")
    assert b"Lav" not in path.read_bytes()
    with av.open(str(path)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        context = video.codec_context
        colours = context.color_primaries, context.color_trc, context.colorspace
        assert (*colours, context.color_range) == (1, 1, 1, 1)
        assert (video.language, audio.language) == ("und", "und")
        assert (context.profile, audio.profile) == ("Constrained Baseline", "LC")
        assert video.average_rate == 25
        assert (audio.rate, audio.layout.name) == (24_000, "mono")


def test_sound_may_come_before_the_picture_it_belongs_to(tmp_path: Path) -> None:
    path, samples = tmp_path / "v.mp4", noise(1, 24_000)
    muxer = Muxer(path, RecordingFormat(WIDTH, HEIGHT, 25, 24_000), LABEL)

    for frame, sound in zip(pictures(25), sounds(samples, 24_000), strict=True):
        muxer.add_sound(sound)
        muxer.add_frame(frame)
    muxer.finish()

    assert offset_of(heard(path), samples) == 0


def test_pieces_of_sound_may_have_any_length(tmp_path: Path) -> None:
    path, samples = tmp_path / "v.mp4", noise(2, 24_000)
    muxer = Muxer(path, RecordingFormat(WIDTH, HEIGHT, 25, 24_000), LABEL)
    for frame in pictures(50):
        muxer.add_frame(frame)
    at = 0
    for size in (1, 7, 1023, 1025, 0, 30_000, len(samples)):
        pcm = samples[at : at + size].tobytes()
        muxer.add_sound(Sound(pcm, 24_000, at * US_PER_S // 24_000))
        at = min(at + size, len(samples))

    assert muxer.finish().duration_s == 2.0
    played = heard(path)
    assert offset_of(played, samples) == 0
    sent = samples[:, 0] / 32768
    assert np.corrcoef(played[: len(sent)], sent)[0, 1] > 0.95


def test_a_frame_that_was_left_out_keeps_the_one_before_it_on_show(tmp_path: Path) -> None:
    path, frames = tmp_path / "v.mp4", pictures(25)
    muxer = Muxer(path, RecordingFormat(WIDTH, HEIGHT, 25, 24_000), LABEL)
    for frame in (*frames[:10], *frames[12:]):
        muxer.add_frame(frame)
    for sound in sounds(noise(1, 24_000), 24_000):
        muxer.add_sound(sound)

    assert muxer.finish() == Muxed(1.0, 23)
    with av.open(str(path)) as container:
        times = [packet.pts for packet in container.demux(video=0) if packet.size]
    assert times[9:11] == [9 * 3600, 12 * 3600]


GOOD = pictures(3)
SECOND = noise(1, 24_000).tobytes()


@pytest.mark.parametrize(
    ("items", "complaint"),
    [
        ([GOOD[1]], "keyframe at 0"),
        ([Frame(GOOD[0].access_unit, 40_000, keyframe=True)], "keyframe at 0"),
        ([GOOD[0], GOOD[0]], "order of their times"),
        ([GOOD[0], GOOD[2], GOOD[1]], "order of their times"),
        ([Frame(b"not h264", 0, keyframe=True)], "Annex B"),
        ([Frame(b"", 0, keyframe=True)], "Annex B"),
        ([Frame(b"\0\0\1" + bytes(range(40)), 0, keyframe=True)], "first picture|0 by 0"),
        ([Sound(SECOND, 48_000, 0)], "24000 samples per second"),
        ([Sound(SECOND[:-1], 24_000, 0)], "within a sample"),
        ([Sound(SECOND, 24_000, 5_000)], "contiguous"),
        ([Sound(SECOND, 24_000, 0), Sound(SECOND, 24_000, 0)], "contiguous"),
        ([Sound(SECOND, 24_000, at * US_PER_S) for at in range(12)], "too far ahead"),
        ([], "pictures and sound"),
        ([GOOD[0]], "pictures and sound"),
        ([Sound(SECOND, 24_000, 0)], "pictures and sound"),
    ],
)
def test_what_is_no_recording_is_refused(
    tmp_path: Path, items: list[Frame | Sound], complaint: str
) -> None:
    muxer = Muxer(tmp_path / "v.mp4", RecordingFormat(WIDTH, HEIGHT, 25, 24_000), LABEL)

    with pytest.raises(InvalidInput, match=complaint):
        feed(muxer, items)
    muxer.discard()


def feed(muxer: Muxer, items: list[Frame | Sound]) -> None:
    for item in items:
        if isinstance(item, Frame):
            muxer.add_frame(item)
        else:
            muxer.add_sound(item)
    muxer.finish()


def test_pictures_of_another_size_than_announced_are_refused(tmp_path: Path) -> None:
    muxer = Muxer(tmp_path / "v.mp4", RecordingFormat(640, 480, 25, 24_000), LABEL)
    with pytest.raises(InvalidInput, match="128 by 96"):
        muxer.add_frame(pictures(1)[0])
    muxer.discard()


@pytest.mark.parametrize("change", [{"fps": 0}, {"fps": 1000}, {"sample_rate_hz": 23_000}])
def test_formats_that_no_video_has_are_refused(change: dict[str, int]) -> None:
    values: dict[str, Any] = {"width": 64, "height": 64, "fps": 25, "sample_rate_hz": 24_000}
    with pytest.raises(InvalidInput):
        RecordingFormat(**values | change)


def test_a_full_disk_is_told_as_such(tmp_path: Path) -> None:
    muxer = Muxer(tmp_path / "v.mp4", RecordingFormat(WIDTH, HEIGHT, 25, 24_000), LABEL)
    items: list[Frame | Sound] = [*pictures(250), *sounds(noise(10, 24_000), 24_000)]
    with files_of_at_most(20_000), pytest.raises(StorageFull):
        feed(muxer, items)
    muxer.discard()


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Makes the system refuse larger files, as it does when a disk is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_finished_file_may_be_discarded_without_harm(tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    muxer = Muxer(path, RecordingFormat(WIDTH, HEIGHT, 25, 24_000), LABEL)
    muxer.add_frame(GOOD[0])
    muxer.add_sound(Sound(SECOND, 24_000, 0))
    muxer.finish()
    size = path.stat().st_size

    muxer.discard()

    assert path.stat().st_size == size
