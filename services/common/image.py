"""From the bytes of an image file to upright RGB pixels."""

from __future__ import annotations

import io
import warnings

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from services.common.errors import ImageTooLarge, ImageUndecodable

MAX_PIXELS = 50_000_000
_BACKDROP = (255, 255, 255)
_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")


def decode_image(data: bytes) -> NDArray[np.uint8]:
    """The first picture of a file, upright, RGB [h, w, 3]; transparency shows white.

    Raises ImageUndecodable, and ImageTooLarge before any pixel is decoded.
    """
    try:
        with warnings.catch_warnings():
            # Our own limit is lower than the one that Pillow warns of.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise ImageTooLarge("the image has more than 50 megapixels")
                image.load()
                return np.asarray(_to_rgb(ImageOps.exif_transpose(image)), np.uint8)
    except Image.DecompressionBombError as error:
        raise ImageTooLarge("the image has more than 50 megapixels") from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise ImageUndecodable("the file is no image that can be read") from error


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        # 16-bit grey; Pillow would clip it instead of scaling.
        return Image.fromarray((np.asarray(image, np.uint32) >> 8).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        backdrop = Image.new("RGBA", rgba.size, (*_BACKDROP, 255))
        return Image.alpha_composite(backdrop, rgba).convert("RGB")
    return image.convert("RGB")
