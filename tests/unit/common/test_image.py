"""Image files as people have them become upright RGB."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from services.common.errors import ImageTooLarge, ImageUndecodable
from services.common.image import decode_image

RED = (200, 30, 40)


def file_of(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def test_plain_pictures_are_read_as_they_are() -> None:
    rgb = decode_image(file_of(Image.new("RGB", (6, 4), RED), "PNG"))
    assert rgb.shape == (4, 6, 3)
    assert rgb.dtype == np.uint8
    assert tuple(rgb[0, 0]) == RED


def test_a_rotated_photo_is_turned_upright() -> None:
    image = Image.new("RGB", (6, 4), RED)
    exif = Image.Exif()
    exif[0x0112] = 6
    assert decode_image(file_of(image, "JPEG", exif=exif)).shape == (6, 4, 3)


def test_transparency_shows_white() -> None:
    image = Image.new("RGBA", (2, 2), (*RED, 0))
    assert tuple(decode_image(file_of(image, "PNG"))[0, 0]) == (255, 255, 255)


def test_a_palette_with_transparency_shows_white() -> None:
    image = Image.new("P", (2, 2), 0)
    image.putpalette([10, 20, 30] + [0] * 765)
    assert tuple(decode_image(file_of(image, "PNG", transparency=0))[0, 0]) == (255, 255, 255)


def test_print_colours_are_converted() -> None:
    image = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
    red, green, blue = decode_image(file_of(image, "JPEG"))[4, 4]
    assert red > 180
    assert max(green, blue) < 90


def test_sixteen_bits_are_scaled_not_clipped() -> None:
    image = Image.fromarray(np.full((3, 3), 0x8040, np.uint16))
    assert tuple(decode_image(file_of(image, "PNG"))[0, 0]) == (128, 128, 128)


def test_an_animation_gives_its_first_picture() -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in (RED, (0, 0, 255))]
    data = file_of(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert decode_image(data)[0, 0, 0] > 150


@pytest.mark.parametrize("data", [b"", b"no image", b"\x89PNG\r\n\x1a\n" + bytes(40)])
def test_what_is_no_image_is_refused(data: bytes) -> None:
    with pytest.raises(ImageUndecodable):
        decode_image(data)


def test_a_truncated_image_is_refused() -> None:
    chance = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    for kind in ("JPEG", "PNG"):
        data = file_of(Image.fromarray(chance), kind)
        with pytest.raises(ImageUndecodable):
            decode_image(data[: len(data) // 2])


def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(ImageTooLarge):
        decode_image(file_of(Image.new("1", (20_000, 10_000)), "PNG"))
