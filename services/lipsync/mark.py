"""The notice in the picture that says to whoever sees it that it was generated.

China's labelling rules (GB 45438-2025) want text of at least a twentieth of the picture's shorter
side, for at least two seconds from the first picture on.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from math import ceil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from services.lipsync.animation import Clock, Encoder
from services.lipsync.encoder import EncodedFrame
from services.lipsync.pixels import resized

_MASKS = Path(__file__).with_name("marks")
_MASK_TEXT_PX = 128
"""How high the text is in the masks; scripts/make_marks.py draws them."""
_TEXT_SHARE, _MARGIN_SHARE = 0.05, 0.04
"""Height of the text, and the plate's distance from the edges, of the shorter side."""
_PLATE_OPACITY, _WHITE = 0.6, 255.0


class MarkText(StrEnum):
    """What a mark says, by its language."""

    ENGLISH = "en"
    CHINESE = "zh"


@dataclass(frozen=True, slots=True)
class Mark:
    """What a mark says and how long."""

    text: MarkText
    until_us: int | None = None
    """From the first picture on; None: always."""


class Stamp:
    """A mark for pictures of one size: white on a dark plate, in the upper left, away from mouths
    and from players' controls. Before nothing (RGBA) the plate is opaque."""

    def __init__(self, text: MarkText, width: int, height: int, channels: int) -> None:
        side = min(width, height)
        words, plate = _mask(text, ceil(_TEXT_SHARE * side) / _MASK_TEXT_PX)
        margin = round(_MARGIN_SHARE * side)
        rows, columns = words.shape
        self._place = slice(margin, margin + rows), slice(margin, margin + columns)
        opacity = 1.0 if channels == 4 else _PLATE_OPACITY
        cover = words + (1.0 - words) * plate * opacity
        layers = [words] * 3 + [cover] * (channels - 3)
        self._colours = _bytes(np.stack(layers, axis=-1))
        self._left_free = _bytes(np.repeat((1.0 - cover)[..., None], channels, axis=-1))

    @contextmanager
    def on(self, picture: NDArray[np.uint8]) -> Iterator[None]:
        """The picture [h, w, channels] bears the mark while the block runs."""
        cv: Any = cv2
        view = picture[self._place]
        kept = view.copy()
        cv.multiply(kept, self._left_free, dst=view, scale=1 / _WHITE)
        cv.add(view, self._colours, dst=view)
        try:
            yield
        finally:
            view[:] = kept


class MarkingEncoder:
    """Encodes the pictures of one animation with a mark on them; the pictures stay as they are."""

    def __init__(self, encoder: Encoder, mark: Mark, clock: Clock) -> None:
        self._encoder = encoder
        self._mark = mark
        self._clock = clock
        self._frame = 0
        self._stamp: Stamp | None = None

    def encode(self, picture: NDArray[np.uint8], /) -> EncodedFrame:
        """One access unit for one picture."""
        now_us = self._clock.frame_us(self._frame)
        self._frame += 1
        if self._mark.until_us is not None and now_us >= self._mark.until_us:
            return self._encoder.encode(picture)
        if self._stamp is None:
            height, width, channels = picture.shape
            self._stamp = Stamp(self._mark.text, width, height, channels)
        with self._stamp.on(picture):
            return self._encoder.encode(picture)

    def request_keyframe(self) -> None:
        """Makes the next picture a keyframe."""
        self._encoder.request_keyframe()

    def set_bitrate(self, bitrate_bps: int) -> None:
        """Changes the target from the next picture on."""
        self._encoder.set_bitrate(bitrate_bps)


def _mask(text: MarkText, scale: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """How far text and plate cover the pixels at a scale, 0 to 1, each [h, w]."""
    whole = _drawn(text)
    height, width = (ceil(side * scale) for side in whole.shape[:2])
    words, plate = (
        resized(np.ascontiguousarray(whole[..., n]), width, height).astype(np.float32) / _WHITE
        for n in (0, 1)
    )
    return words.astype(np.float32), plate.astype(np.float32)


@cache
def _drawn(text: MarkText) -> NDArray[np.uint8]:
    with Image.open(_MASKS / f"{text.value}.png") as image:
        return np.asarray(image, np.uint8)


def _bytes(shares: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.asarray(np.rint(shares * _WHITE), np.uint8)
