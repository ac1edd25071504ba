"""Makes of any picture the one that the other services read: upright, 8-bit sRGB, PNG."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageCms, ImageOps

from services.common.errors import ImageTooLarge, ImageUndecodable
from services.storage.objects.spool import full_disk_told

_BACKDROP = (255, 255, 255)
_FAST = 1
"""PNG's compression level: the others take many times as long and save little."""


@dataclass(frozen=True, slots=True)
class Picture:
    """Pixels of the upright picture."""

    width: int
    height: int


def convert(source: Path, reader: str, target: Path, *, max_pixels: int) -> Picture:
    """Writes the first picture of a file as PNG without metadata; transparency becomes white.

    Raises ImageUndecodable, and ImageTooLarge before any pixel is decoded. A damaged file may
    raise anything else.
    """
    try:
        with warnings.catch_warnings():
            # Our own limit is lower than the one that Pillow warns of.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(source, formats=(reader,)) as image:
                if image.width * image.height > max_pixels:
                    raise ImageTooLarge(_too_large(max_pixels))
                image.load()
                upright = ImageOps.exif_transpose(image)
                return _save(_srgb(upright), target)
    except Image.DecompressionBombError as error:
        raise ImageTooLarge(_too_large(max_pixels)) from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise ImageUndecodable("the picture is damaged or cut off") from error


def _too_large(max_pixels: int) -> str:
    return f"a picture may have {max_pixels / 1e6:g} megapixels"


def _save(image: Image.Image, target: Path) -> Picture:
    # Pillow would carry the profile and the comments of the source over.
    image.info.clear()
    with full_disk_told():
        image.save(target, "PNG", compress_level=_FAST)
    return Picture(image.width, image.height)


def _srgb(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    image = _eight_bits(image)
    if profile:
        image = _without_profile(image, profile)
    if not image.has_transparency_data:
        return image.convert("RGB")
    image = image.convert("RGBA")
    opaque = Image.new("RGB", image.size, _BACKDROP)
    opaque.paste(image, mask=image.getchannel("A"))
    return opaque


def _eight_bits(image: Image.Image) -> Image.Image:
    """The picture as grey, RGB, RGBA or CMYK of eight bits."""
    if image.mode.startswith("I"):
        # 16-bit grey; Pillow would clip it instead of scaling.
        return image.convert("I").point(lambda level: level * (1 / 256)).convert("L")
    if image.mode in {"L", "RGB", "RGBA", "CMYK"}:
        return image
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _without_profile(image: Image.Image, profile: bytes) -> Image.Image:
    """The picture in sRGB; as it is when its colour profile makes no sense."""
    mode = "RGBA" if image.mode == "RGBA" else "RGB"
    try:
        described = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        srgb = ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(image, described, srgb, outputMode=mode)
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image
    return converted or image
