"""Text in pictures: where lines are found, how they are cut and what is made of the answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from services.moderation.ocr import MAX_LINES, NO_TEXT, OcrFaulty, OcrReader

Array = NDArray[np.float32]
ABOUT = {"character": "a\nb\nc"}
WHITE = np.full((320, 640, 3), 255, np.uint8)


class Marking:
    """A finder that marks rectangles (left, top, right, bottom), in pixels of what it sees."""

    def __init__(self, *rectangles: tuple[int, int, int, int], likelihood: float = 0.9) -> None:
        self._rectangles = rectangles
        self._likelihood = likelihood
        self.seen: list[tuple[int, ...]] = []

    def __call__(self, image: Array) -> Mapping[str, Array]:
        self.seen.append(image.shape)
        marks = np.zeros(image.shape[2:], np.float32)
        for left, top, right, bottom in self._rectangles:
            marks[top:bottom, left:right] = self._likelihood
        return {"marks": marks[None, None]}


class Shaped(Marking):
    """A finder that marks a shape."""

    def __init__(self, shape: NDArray[np.bool_]) -> None:
        super().__init__()
        self._shape = shape

    def __call__(self, image: Array) -> Mapping[str, Array]:
        return {"marks": self._shape.astype(np.float32)[None, None]}


class Reading:
    """A recogniser that reads the classes of a script, each with a probability."""

    def __init__(self, *script: Sequence[tuple[int, float]]) -> None:
        self._script = list(script)
        self.seen: list[Array] = []

    def __call__(self, image: Array) -> Mapping[str, Array]:
        self.seen.append(image)
        read = self._script[min(len(self.seen), len(self._script)) - 1]
        steps = np.zeros((1, len(read), 5), np.float32)
        for step, (index, probability) in enumerate(read):
            steps[0, step, index] = probability
        return {"steps": steps}


SURE_A = [(1, 0.9)]


def read(finder: Marking, recogniser: Reading, picture: NDArray[np.uint8] = WHITE) -> list[str]:
    return list(OcrReader(finder, recogniser, ABOUT, "ocr-1").read(picture).lines)


def test_repeated_classes_are_one_character_and_nothing_parts_them() -> None:
    steps = [(0, 1.0), (1, 0.9), (1, 0.9), (0, 1.0), (1, 0.9), (4, 0.9), (3, 0.9)]
    assert read(Marking((50, 50, 200, 80)), Reading(steps)) == ["aa c"]


def test_a_picture_without_text_has_no_lines() -> None:
    reader = OcrReader(Marking(), Reading(SURE_A), ABOUT, "ocr-1")
    assert reader.read(WHITE) == NO_TEXT


def test_what_is_hardly_text_is_not_read() -> None:
    assert read(Marking((50, 50, 200, 80), likelihood=0.4), Reading(SURE_A)) == []


def test_what_cannot_be_made_out_is_left_out() -> None:
    recogniser = Reading([(1, 0.4)])
    assert read(Marking((50, 50, 200, 80)), recogniser) == []
    assert len(recogniser.seen) == 2


def test_a_doubtful_line_is_read_upside_down_too() -> None:
    recogniser = Reading([(1, 0.6)], [(2, 0.9)])
    assert read(Marking((50, 50, 200, 80)), recogniser) == ["b"]
    np.testing.assert_array_equal(recogniser.seen[1], recogniser.seen[0][:, :, ::-1, ::-1])


def test_the_lines_of_a_text_that_is_upside_down_begin_at_its_own_top() -> None:
    finder = Marking((50, 50, 200, 80), (50, 150, 200, 180), (50, 250, 200, 280))
    script = [[(1, 0.6)], [(1, 0.9)], [(1, 0.6)], [(2, 0.9)], [(3, 0.9)]]
    assert read(finder, Reading(*script)) == ["c", "b", "a"]


def test_lines_are_read_row_by_row_from_the_left() -> None:
    finder = Marking((400, 52, 500, 80), (50, 50, 150, 80), (50, 150, 150, 180))
    recogniser = Reading([(1, 0.9)], [(2, 0.9)], [(3, 0.9)])
    picture = WHITE.copy()
    picture[:, 320:] = (255, 0, 0)
    assert read(finder, recogniser, picture) == ["a", "b", "c"]
    left, right, below = (image[0, :, 24, 50] for image in recogniser.seen)
    np.testing.assert_allclose(left, (1, 1, 1))
    np.testing.assert_allclose(right, (-1, -1, 1))
    np.testing.assert_allclose(below, (1, 1, 1))


def test_a_line_is_cut_out_at_the_recognisers_height() -> None:
    picture = WHITE.copy()
    picture[60:90, 100:300] = 0
    recogniser = Reading(SURE_A)
    read(Marking((104, 64, 296, 86)), recogniser, picture)
    (line,) = recogniser.seen
    assert line.shape[:3] == (1, 3, 48)
    assert 4 < line.shape[3] / 48 < 7
    assert (line[0, 0, 12:36, 24:-24] == -1).all()


def test_a_line_that_stands_upright_is_laid_down_with_its_top_to_the_left() -> None:
    picture = WHITE.copy()
    picture[40:160, 300:340] = 0
    recogniser = Reading(SURE_A)
    read(Marking((300, 40, 340, 280)), recogniser, picture)
    (line,) = recogniser.seen
    middle = line[0, 0, 24]
    assert line.shape[3] > 2 * 48
    assert middle[len(middle) // 4] == -1
    assert middle[3 * len(middle) // 4] == 1


@pytest.mark.parametrize("slope", [-0.4, -0.14, 0.0, 0.14, 0.4])
def test_a_slanted_line_is_cut_from_its_left_end(slope: float) -> None:
    rows, columns = np.mgrid[:320, :640]
    off = np.abs(rows - 160 - slope * (columns - 320))
    inside = (off < 15) & (np.abs(columns - 320) < 200)
    picture = WHITE.copy()
    picture[inside & (columns < 320)] = 0
    recogniser = Reading(SURE_A)
    read(Shaped(inside), recogniser, picture)
    (line,) = recogniser.seen
    middle = line[0, 0, 24]
    assert line.shape[3] > 5 * 48
    assert middle[len(middle) // 4] == -1
    assert middle[3 * len(middle) // 4] == 1


def test_large_pictures_are_looked_at_smaller_and_read_as_they_are() -> None:
    finder, recogniser = Marking((100, 100, 400, 120)), Reading(SURE_A)
    read(finder, recogniser, np.full((2000, 1000, 3), 255, np.uint8))
    assert finder.seen == [(1, 3, 1056, 512)]


@pytest.mark.parametrize(("width", "is_whole"), [(400, True), (410, False)])
def test_text_may_be_too_fine_in_a_long_strip(width: int, is_whole: bool) -> None:
    strip = np.full((100, width, 3), 255, np.uint8)
    reader = OcrReader(Marking(), Reading(SURE_A), ABOUT, "ocr-1")
    assert reader.read(strip).is_whole is is_whole
    assert reader.read(strip.transpose(1, 0, 2)).is_whole is is_whole


def test_of_too_many_lines_the_largest_are_read() -> None:
    corners = [(20 + 40 * (i % 14), 20 + 12 * (i // 14)) for i in range(MAX_LINES)]
    small = [(left, top, left + 20, top + 6) for left, top in corners]
    finder = Marking((50, 200, 600, 280), *small)
    recogniser = Reading(SURE_A)
    text = OcrReader(finder, recogniser, ABOUT, "ocr-1").read(WHITE)
    assert not text.is_whole
    assert len(recogniser.seen) == MAX_LINES
    assert max(line.shape[3] for line in recogniser.seen) > 150


def test_a_recogniser_that_lists_no_characters_stops_the_start() -> None:
    with pytest.raises(OcrFaulty):
        OcrReader(Marking(), Reading(SURE_A), {}, "ocr-1")
