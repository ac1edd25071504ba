from __future__ import annotations

import io
import struct
import wave
from pathlib import Path

import numpy as np
import pytest

from services.common.errors import AudioSilent, AudioTooLong, AudioUndecodable, UnsupportedMedia
from services.storage.assets.sniffing import sniff
from services.storage.assets.sound import measure
from services.storage.recording.media import Frame, RecordingFormat, Sound
from services.storage.recording.muxer import Muxer
from tests.fakes.media_files import Samples, film, noise, sound_file

FORMATS = [
    ("wav", "pcm_s16le"),
    ("mp3", "libmp3lame"),
    ("flac", "flac"),
    ("ipod", "aac"),
    ("adts", "aac"),
    ("ogg", "flac"),
    ("ogg", "libopus"),
    ("webm", "libopus"),
    ("aiff", "pcm_s16be"),
]


def measured(tmp_path: Path, data: bytes, max_duration_s: float = 3600) -> float:
    path = tmp_path / "sound"
    path.write_bytes(data)
    return measure(path, sniff(path).reader, max_duration_s=max_duration_s).duration_s


@pytest.mark.parametrize(("container", "codec"), FORMATS)
def test_every_format_is_measured_by_decoding_it(
    tmp_path: Path, container: str, codec: str
) -> None:
    data = sound_file(noise(3, 48_000), 48_000, container, codec)
    assert measured(tmp_path, data) == pytest.approx(3, abs=0.1)


def wav(samples: Samples, rate_hz: int) -> bytes:
    return sound_file(samples, rate_hz, "wav", "pcm_s16le")


def test_telephone_sound_and_surround_sound_work(tmp_path: Path) -> None:
    assert measured(tmp_path, wav(noise(2, 8_000), 8_000)) == 2
    assert measured(tmp_path, wav(noise(2, 48_000, channels=6), 48_000)) == 2
    assert measured(tmp_path, wav(noise(2, 44_100, channels=2), 44_100)) == 2


@pytest.mark.parametrize(("container", "codec"), FORMATS)
def test_silence_is_refused(tmp_path: Path, container: str, codec: str) -> None:
    data = sound_file(np.zeros((96_000, 1), np.int16), 48_000, container, codec)
    with pytest.raises(AudioSilent):
        measured(tmp_path, data)


def test_hiss_is_silence_and_a_whisper_is_not(tmp_path: Path) -> None:
    with pytest.raises(AudioSilent):
        measured(tmp_path, wav(noise(2, 16_000) // 500, 16_000))
    assert measured(tmp_path, wav(noise(2, 16_000) // 20, 16_000)) == 2


def test_channels_that_cancel_each_other_are_silence(tmp_path: Path) -> None:
    left = noise(2, 16_000)
    with pytest.raises(AudioSilent):
        measured(tmp_path, wav(np.hstack([left, -left]), 16_000))


@pytest.mark.parametrize(
    ("container", "codec"),
    [("wav", "pcm_s16le"), ("flac", "flac"), ("ipod", "aac"), ("webm", "libopus")],
)
def test_what_is_cut_off_is_refused(tmp_path: Path, container: str, codec: str) -> None:
    data = sound_file(noise(20, 48_000), 48_000, container, codec)
    with pytest.raises(AudioUndecodable):
        measured(tmp_path, data[: len(data) // 2])


def test_a_recording_whose_writer_never_knew_its_length_works(tmp_path: Path) -> None:
    data = bytearray(wav(noise(5, 16_000), 16_000))
    at = data.index(b"data") + 4
    data[at : at + 4] = struct.pack("<I", 0xFFFF_FFFF)
    data[4:8] = struct.pack("<I", 0xFFFF_FFFF)
    assert measured(tmp_path, bytes(data)) == pytest.approx(5, abs=0.1)


@pytest.mark.parametrize(
    "beginning", [b"ID3\4", b"fLaC", b"OggS", b"\xff\xfb\x90", b"RIFF0000WAVE"]
)
def test_what_only_begins_like_sound_is_refused(tmp_path: Path, beginning: bytes) -> None:
    with pytest.raises(AudioUndecodable):
        measured(tmp_path, beginning + bytes(range(256)) * 20)


def bare_header() -> bytes:
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
    return target.getvalue()


def test_a_file_without_samples_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AudioUndecodable):
        measured(tmp_path, bare_header())


def test_the_limit_is_kept_with_a_second_to_spare(tmp_path: Path) -> None:
    assert measured(tmp_path, wav(noise(10, 8_000), 8_000), max_duration_s=10) == 10
    with pytest.raises(AudioTooLong, match="minutes"):
        measured(tmp_path, wav(noise(11.5, 8_000), 8_000), max_duration_s=10)


def test_a_film_is_not_sound(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    muxer = Muxer(path, RecordingFormat(128, 96, 25, 24_000), "{}")
    muxer.add_frame(Frame(film(1)[0].data, 0, keyframe=True))
    muxer.add_sound(Sound(noise(1, 24_000).tobytes(), 24_000, 0))
    muxer.finish()
    with pytest.raises(UnsupportedMedia, match="film"):
        measured(tmp_path, path.read_bytes())
