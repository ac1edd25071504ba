from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from services.common.errors import UnsupportedMedia
from services.storage.assets.labels import MAX_CHARACTERS, label_of
from services.storage.assets.sniffing import sniff
from tests.fakes.media_files import noise, picture_file, sound_file


def written(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "file"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("format_name", ["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "AVIF"])
def test_pictures_are_known_by_their_bytes(tmp_path: Path, format_name: str) -> None:
    data = picture_file(Image.new("RGB", (40, 30), "teal"), format_name)
    media = sniff(written(tmp_path, data))
    assert (media.kind, media.content_type) == ("image", f"image/{format_name.lower()}")


@pytest.mark.parametrize(
    ("container", "codec", "content_type"),
    [
        ("wav", "pcm_s16le", "audio/wav"),
        ("aiff", "pcm_s16be", "audio/aiff"),
        ("mp3", "libmp3lame", "audio/mpeg"),
        ("flac", "flac", "audio/flac"),
        ("ogg", "flac", "audio/ogg"),
        ("ogg", "libopus", "audio/ogg"),
        ("webm", "libopus", "audio/webm"),
        ("ipod", "aac", "audio/mp4"),
        ("adts", "aac", "audio/aac"),
    ],
)
def test_sound_is_known_by_its_bytes(
    tmp_path: Path, container: str, codec: str, content_type: str
) -> None:
    data = sound_file(noise(0.5, 48_000), 48_000, container, codec)
    media = sniff(written(tmp_path, data))
    assert (media.kind, media.content_type) == ("audio", content_type)


PNG = picture_file(Image.new("RGB", (40, 30), "teal"), "PNG")
JPEG = picture_file(Image.new("RGB", (40, 30), "teal"), "JPEG")


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "empty"),
        (b"\xff", "neither"),
        (b"plain text", "neither"),
        (b"<!DOCTYPE html><p>picture", "neither"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "neither"),
        (b"<?xml version='1.0'?><svg/>", "neither"),
        (b"%PDF-1.7", "neither"),
        (b"PK\x03\x04 archive", "neither"),
        (b"MZ program", "neither"),
        (b"#EXTM3U\nhttp://127.0.0.1/secret", "neither"),
        (b"ffconcat version 1.0\nfile /etc/passwd", "neither"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        (JPEG[:20] + b"<SCRIPT>alert(1)</SCRIPT>" + JPEG[20:], "something else"),
        (b"GIF89a/*" + b"<html>" + bytes(100), "something else"),
        (PNG[:60] + b"%PDF-1.4" + PNG[60:], "something else"),
        (PNG + b"PK\x05\x06" + bytes(18), "something else"),
        (b"BM<?php system($_GET[0]); ?>", "something else"),
    ],
)
def test_what_is_of_no_use_or_two_things_at_once_is_refused(
    tmp_path: Path, data: bytes, complaint: str
) -> None:
    with pytest.raises(UnsupportedMedia, match=complaint):
        sniff(written(tmp_path, data))


@pytest.mark.parametrize(
    ("file_name", "label"),
    [
        ("me.jpg", "me.jpg"),
        ("Ada Lovelace — portrait.png", "Ada Lovelace — portrait.png"),
        ("她.png", "她.png"),
        ("../../etc/passwd", "passwd"),
        ("/etc/passwd", "passwd"),
        ("C:\\Users\\ada\\me.jpg", "me.jpg"),
        ("..", "file"),
        ("", "file"),
        ("folder/", "file"),
        ("a\0b\r\nc\x1b[31m.png", "abc[31m.png"),
        ("photo\u202egnp.exe", "photognp.exe"),
        ("  .hidden ", "hidden"),
        ("x" * 1000, "x" * MAX_CHARACTERS),
    ],
)
def test_a_file_name_becomes_a_label_without_folders_or_hidden_characters(
    file_name: str, label: str
) -> None:
    assert label_of(file_name) == label
