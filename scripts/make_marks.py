"""Draws the masks of the visible mark: `python scripts/make_marks.py`.

Made once from Noto Sans SC (SIL Open Font License 1.1; what is drawn with it is free of it), which
the development package pylopdf-fonts-zh-cn holds. Nothing needs a font at run time.
"""

from __future__ import annotations

import io
from importlib.resources import files
from math import ceil, floor
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

FOLDER = Path(__file__).parents[1] / "services" / "lipsync" / "marks"
TEXTS = {"en": "AI-generated", "zh": "AI生成"}
TEXT_PX = 128
"""How high a text is, from its highest ink to its lowest."""
_SIDES, _ABOVE, _ROUND = 0.4, 0.3, 0.3
"""The plate's edge beside and above the text, and its corners, in heights of the text."""
_FONT = "NotoSansSC-Regular.otf"
_FAINT_PX = 2
"""What may be too faint to count at its edges."""
_STROKE_PX = 3
"""Makes the regular face a little bolder, for small pictures."""


def mask(text: str) -> Image.Image:
    """How far text (luminance) and plate (alpha) cover the pixels."""
    font = _font(text)
    left, top, right, bottom = _ink(font, text)
    sides, above = round(_SIDES * TEXT_PX), round(_ABOVE * TEXT_PX)
    width, height = right - left + 2 * sides, bottom - top + 2 * above
    words, plate = (Image.new("L", (width, height)) for _ in range(2))
    ImageDraw.Draw(words).text(
        (sides - left, above - top), text, 255, font=font, stroke_width=_STROKE_PX
    )
    corner = round(_ROUND * TEXT_PX)
    ImageDraw.Draw(plate).rounded_rectangle((0, 0, width - 1, height - 1), corner, fill=255)
    return Image.merge("LA", (words, plate))


def _font(text: str) -> ImageFont.FreeTypeFont:
    """The font at the size at which the text is as high as is wanted."""
    data = (files("pylopdf_fonts_zh_cn") / _FONT).read_bytes()
    size = TEXT_PX // 2
    while True:
        font = ImageFont.truetype(io.BytesIO(data), size)
        _, top, _, bottom = _ink(font, text)
        if bottom - top >= TEXT_PX + _FAINT_PX:
            return font
        size += 1


def _ink(font: ImageFont.FreeTypeFont, text: str) -> tuple[int, int, int, int]:
    left, top, right, bottom = font.getbbox(text, stroke_width=_STROKE_PX)
    return floor(left), floor(top), ceil(right), ceil(bottom)


def main() -> None:
    """Writes both masks."""
    FOLDER.mkdir(exist_ok=True)
    for name, text in TEXTS.items():
        mask(text).save(FOLDER / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
