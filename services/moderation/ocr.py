"""Reads text in pictures: PP-OCR finds its lines and recognises them (Du et al., 2020)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from services.common.errors import StartupError
from services.common.onnx import Network
from services.common.pixels import pulled, resized, shrunk
from services.moderation.image_model import Picture

_MAX_PIXELS = 736 * 736
"""Lines are looked for in a picture of at most this size: finer text is hard to read for people."""
_LONGEST = 4.0
"""Sides of a picture to each other beyond which text that is easily read may be too fine in it."""
_STRIDE = 32
"""Sides of what the finder sees are multiples of it."""
_TEXT = 0.3
"""Probability from which on a pixel belongs to text."""
_LEAST_LINE = 0.5
"""Mean probability of a line's pixels."""
_LEAST_SIDE_PX = 3
_GROWTH = 1.6
"""The finder marks the core of a line: it grows by this many times its area over its girth."""
_LINE_HEIGHT_PX = 48
_MAX_LINE_PX = 1200
_UPRIGHT_RATIO = 1.5
"""A line so much higher than wide is written downwards."""
_LEAST_CONFIDENCE = 0.5
_SURE = 0.8
"""Mean probability of a line's characters below which it is also read upside down."""
MAX_LINES = 48
_CHARACTERS = "character"
"""The entry of the recogniser's own description that lists what it knows, one a line."""


class OcrFaulty(StartupError):
    """The recogniser does not say which characters it knows."""


@dataclass(frozen=True, slots=True)
class PictureText:
    """What is written in a picture."""

    lines: tuple[str, ...] = field(repr=False)
    """In reading order; never logged."""
    is_whole: bool
    """Whether all lines were read, in a picture in which they could be found."""


NO_TEXT = PictureText((), is_whole=True)


class TextReader(Protocol):
    """Reads text in pictures; threads may share it."""

    @property
    def version(self) -> str:
        """Names the models."""
        ...

    def read(self, picture: Picture) -> PictureText:
        """What is written in an RGB picture [h, w, 3]."""
        ...


@dataclass(frozen=True, slots=True)
class _Line:
    """A rectangle around a line: its first corner and its sides, in pixels."""

    corner: NDArray[np.float64]
    along: NDArray[np.float64]
    down: NDArray[np.float64]

    @property
    def size(self) -> tuple[float, float]:
        return float(np.linalg.norm(self.along)), float(np.linalg.norm(self.down))

    @property
    def middle(self) -> NDArray[np.float64]:
        middle: NDArray[np.float64] = self.corner + (self.along + self.down) / 2
        return middle

    def scaled(self, by: NDArray[np.float64]) -> _Line:
        return _Line(self.corner * by, self.along * by, self.down * by)


class OcrReader:
    """PP-OCR's two networks.

    `about` is the recogniser's description of itself. Raises OcrFaulty when it lacks characters.
    """

    def __init__(
        self, finder: Network, recogniser: Network, about: Mapping[str, str], version: str
    ) -> None:
        if _CHARACTERS not in about:
            raise OcrFaulty("the text recogniser lists no characters")
        self.version = version
        self._finder = finder
        self._recogniser = recogniser
        # The first class is "nothing", the last one a space.
        self._characters = ["", *about[_CHARACTERS].splitlines(), " "]

    def read(self, picture: Picture) -> PictureText:
        """The lines of a picture, MAX_LINES of the largest."""
        found = sorted(self._lines(picture), key=lambda line: -line.size[0] * line.size[1])
        read = [self._text(picture, line) for line in _in_reading_order(found[:MAX_LINES])]
        lines = [text for text, _ in read if text]
        if 2 * sum(is_turned for text, is_turned in read if text) > len(lines):
            lines.reverse()
        fits = max(picture.shape[:2]) <= _LONGEST * min(picture.shape[:2])
        return PictureText(tuple(lines), fits and len(found) <= MAX_LINES)

    def _lines(self, picture: Picture) -> list[_Line]:
        height, width = picture.shape[:2]
        scale = min(1.0, math.sqrt(_MAX_PIXELS / (width * height)))
        size = [max(_STRIDE, round(side * scale / _STRIDE) * _STRIDE) for side in (width, height)]
        (outputs,) = self._finder(_input(resized(picture, *size))).values()
        back = np.array([width / size[0], height / size[1]])
        return [line.scaled(back) for line in _lines_of(outputs[0, 0])]

    def _text(self, picture: Picture, line: _Line) -> tuple[str, bool]:
        """What a line says, empty when that can't be made out, and whether it is upside down."""
        cut = _cut(picture, line)
        text, confidence = self._recognised(cut)
        is_turned = False
        if confidence < _SURE:
            other, surer = self._recognised(np.ascontiguousarray(cut[::-1, ::-1]))
            if surer > confidence:
                text, confidence, is_turned = other, surer, True
        return text if confidence >= _LEAST_CONFIDENCE else "", is_turned

    def _recognised(self, line: Picture) -> tuple[str, float]:
        """The likeliest characters and their mean probability (greedy CTC decoding)."""
        (outputs,) = self._recogniser(_input(line)).values()
        classes = outputs[0].argmax(axis=1)
        kept = (classes != 0) & np.append(True, classes[1:] != classes[:-1])
        if not kept.any():
            return "", 0.0
        confidence = float(outputs[0].max(axis=1)[kept].mean())
        return "".join(self._characters[index] for index in classes[kept]), confidence


def _input(rgb: Picture) -> NDArray[np.float32]:
    """Blue, green, red in -1 to 1 [1, 3, h, w], as both networks were trained."""
    bgr = rgb[:, :, ::-1].astype(np.float32) / 127.5 - 1.0
    return np.ascontiguousarray(bgr.transpose(2, 0, 1)[np.newaxis])


def _lines_of(probability: NDArray[np.float32]) -> Iterator[_Line]:
    """The lines in a map of how likely each pixel is text (Liao et al., 2020)."""
    cv: Any = cv2
    marked = cv.dilate((probability > _TEXT).astype(np.uint8), np.ones((2, 2), np.uint8))
    contours, _ = cv.findContours(marked, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    for contour in contours:
        rectangle = cv.minAreaRect(contour)
        if min(rectangle[1]) >= _LEAST_SIDE_PX and _likelihood(probability, contour) >= _LEAST_LINE:
            yield _line_in(cv.boxPoints(_grown(*rectangle)).astype(np.float64))


def _likelihood(probability: NDArray[np.float32], contour: NDArray[np.int32]) -> float:
    cv: Any = cv2
    x, y, width, height = cv.boundingRect(contour)
    inside = np.zeros((height, width), np.uint8)
    cv.fillPoly(inside, [contour - (x, y)], 1)
    return float(cv.mean(probability[y : y + height, x : x + width], inside)[0])


def _grown(
    centre: tuple[float, float], size: tuple[float, float], angle: float
) -> tuple[tuple[float, float], tuple[float, float], float]:
    width, height = size
    by = _GROWTH * width * height / (width + height)
    return centre, (width + by, height + by), angle


def _line_in(corners: NDArray[np.float64]) -> _Line:
    """A rectangle as one reads it: from the left, or downwards when it stands upright."""
    first, second, _, last = corners
    sides = sorted([second - first, last - first], key=_steepness)
    along, down = (side * np.sign(side[axis] or 1.0) for axis, side in enumerate(sides))
    corner = corners.mean(axis=0) - (along + down) / 2
    if np.linalg.norm(down) >= _UPRIGHT_RATIO * np.linalg.norm(along):
        return _Line(corner + along, down, -along)
    return _Line(corner, along, down)


def _steepness(side: NDArray[np.float64]) -> float:
    return abs(float(side[1])) / max(float(np.linalg.norm(side)), 1e-6)


def _cut(picture: Picture, line: _Line) -> Picture:
    """A line by itself, upright, of the recogniser's height."""
    along, down = line.size
    width = round(_LINE_HEIGHT_PX * along / down)
    width = min(max(width, _LINE_HEIGHT_PX), _MAX_LINE_PX)
    matrix = np.column_stack([line.along / width, line.down / _LINE_HEIGHT_PX, line.corner])
    source, ratio = shrunk(picture, down / _LINE_HEIGHT_PX)
    return pulled(source, matrix / ratio[:, None], width, _LINE_HEIGHT_PX, repeat_edge=True)


def _in_reading_order(lines: list[_Line]) -> Iterator[_Line]:
    """Row by row, each from the left."""
    row: list[_Line] = []
    for line in sorted(lines, key=lambda line: line.middle[1]):
        if row and line.middle[1] - row[0].middle[1] > min(row[0].size) / 2:
            yield from sorted(row, key=lambda each: each.middle[0])
            row = []
        row.append(line)
    yield from sorted(row, key=lambda each: each.middle[0])
