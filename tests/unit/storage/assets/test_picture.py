from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from services.common.errors import ImageTooLarge, ImageUndecodable
from services.storage.assets.picture import Picture, convert
from tests.fakes.media_files import picture_file

MAX_PIXELS = 50_000_000
RED, BLUE = (200, 30, 30), (30, 30, 200)


def converted(tmp_path: Path, data: bytes, reader: str) -> Image.Image:
    source, target = tmp_path / "source", tmp_path / "picture.png"
    source.write_bytes(data)
    found = convert(source, reader, target, max_pixels=MAX_PIXELS)
    with Image.open(target, formats=("PNG",)) as image:
        image.load()
    assert found == Picture(*image.size)
    assert image.mode == "RGB"
    assert set(image.info) <= {"gamma"}
    return image


def near(image: Image.Image, at: tuple[int, int], colour: tuple[int, ...], slack: int = 12) -> bool:
    return bool(np.abs(np.subtract(image.getpixel(at), colour)).max() <= slack)  # type: ignore[arg-type]  # RGB


def halves() -> Image.Image:
    """Red on the left, blue on the right."""
    image = Image.new("RGB", (60, 40), RED)
    image.paste(BLUE, (30, 0, 60, 40))
    return image


@pytest.mark.parametrize("reader", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "AVIF"])
def test_every_format_gives_the_same_picture(tmp_path: Path, reader: str) -> None:
    image = converted(tmp_path, picture_file(halves(), reader), reader)
    assert image.size == (60, 40)
    assert near(image, (10, 20), RED)
    assert near(image, (50, 20), BLUE)


@pytest.mark.parametrize("reader", ["GIF", "WEBP", "PNG"])
def test_an_animation_becomes_its_first_picture(tmp_path: Path, reader: str) -> None:
    first, second = Image.new("RGB", (30, 30), RED), Image.new("RGB", (30, 30), BLUE)
    data = picture_file(first, reader, save_all=True, append_images=[second], duration=100)
    assert near(converted(tmp_path, data, reader), (15, 15), RED)


def test_print_colours_become_screen_colours(tmp_path: Path) -> None:
    data = picture_file(halves().convert("CMYK"), "JPEG")
    image = converted(tmp_path, data, "JPEG")
    assert near(image, (10, 20), RED, 25)


def test_sixteen_bits_become_eight_without_clipping(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65_535, 256).astype(np.uint16)[None].repeat(20, 0)
    image = converted(tmp_path, picture_file(Image.fromarray(ramp), "PNG"), "PNG")
    assert near(image, (0, 5), (0, 0, 0), 1)
    assert near(image, (128, 5), (128,) * 3, 1)
    assert near(image, (255, 5), (255,) * 3, 1)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA", "P"])
def test_what_is_transparent_becomes_white(tmp_path: Path, mode: str) -> None:
    image = Image.new("RGBA", (20, 10), (*RED, 0))
    image.paste((90, 90, 90, 255), (10, 0, 20, 10))
    reader = "TIFF" if mode == "PA" else "PNG"
    data = picture_file(image if mode == "PA" else image.convert(mode), reader)
    upright = converted(tmp_path, data, reader)
    assert near(upright, (5, 5), (255, 255, 255))
    assert near(upright, (15, 5), (90, 90, 90))


@pytest.mark.parametrize(
    ("orientation", "top_left"), [(1, RED), (2, BLUE), (3, BLUE), (6, RED), (8, BLUE)]
)
def test_a_photo_is_turned_upright_and_forgets_where_it_was_taken(
    tmp_path: Path, orientation: int, top_left: tuple[int, int, int]
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif.get_ifd(0x8825)[2] = (48.0, 51.0, 30.0)
    data = picture_file(halves(), "JPEG", exif=exif, comment=b"secret")
    assert b"Exif" in data

    image = converted(tmp_path, data, "JPEG")

    assert image.size == ((40, 60) if orientation > 4 else (60, 40))
    assert near(image, (2, 2), top_left)
    written = (tmp_path / "picture.png").read_bytes()
    assert not any(word in written for word in (b"eXIf", b"Exif", b"secret", b"iCCP"))


def test_another_colour_space_becomes_srgb(tmp_path: Path) -> None:
    lab = ImageCms.createProfile("LAB")
    srgb = ImageCms.createProfile("sRGB")
    image = ImageCms.profileToProfile(halves(), srgb, lab, outputMode="LAB")
    assert image is not None
    data = picture_file(image, "TIFF", icc_profile=ImageCms.ImageCmsProfile(lab).tobytes())
    assert near(converted(tmp_path, data, "TIFF"), (10, 20), RED, 60)


def test_a_colour_profile_that_makes_no_sense_is_ignored(tmp_path: Path) -> None:
    data = picture_file(halves(), "PNG", icc_profile=b"no profile")
    assert near(converted(tmp_path, data, "PNG"), (10, 20), RED)


@pytest.mark.parametrize("reader", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.9])
def test_what_is_cut_off_is_refused(tmp_path: Path, reader: str, share: float) -> None:
    rng = np.random.default_rng(1)
    noise = Image.fromarray(rng.integers(0, 255, (80, 80, 3), np.uint8))
    data = picture_file(noise, reader)
    with pytest.raises(ImageUndecodable):
        converted(tmp_path, data[: int(len(data) * share)], reader)


@pytest.mark.parametrize("reader", ["JPEG", "PNG", "GIF", "WEBP"])
def test_what_is_no_picture_is_refused(tmp_path: Path, reader: str) -> None:
    with pytest.raises(ImageUndecodable):
        converted(tmp_path, b"<html>no picture</html>" * 50, reader)


def png_that_claims(width: int, height: int) -> bytes:
    """A PNG whose header is all there is to it."""

    def chunk(name: bytes, body: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(name + body))
        return struct.pack(">I", len(body)) + name + body + check

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    return start + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(10_000, 10_000), (5_001, 10_000), (60_000, 60_000)])
def test_a_bomb_is_refused_by_its_header(tmp_path: Path, size: tuple[int, int]) -> None:
    with pytest.raises(ImageTooLarge, match="50 megapixels"):
        converted(tmp_path, png_that_claims(*size), "PNG")


def test_the_limit_counts_pixels(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "picture.png"
    source.write_bytes(picture_file(Image.new("1", (100, 50)), "PNG"))
    assert convert(source, "PNG", target, max_pixels=5000) == Picture(100, 50)
    with pytest.raises(ImageTooLarge):
        convert(source, "PNG", target, max_pixels=4999)


def test_a_picture_with_another_behind_it_is_its_first(tmp_path: Path) -> None:
    options: dict[str, Any] = {"save_all": True, "append_images": [Image.new("RGB", (60, 40))]}
    target = io.BytesIO()
    halves().save(target, "MPO", **options)
    assert near(converted(tmp_path, target.getvalue(), "JPEG"), (10, 20), RED)
