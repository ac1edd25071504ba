"""How blurred a face is said to be."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from services.lipsync.pixels import blurred, resized
from services.lipsync.renderer import PictureRenderer
from services.lipsync.renderer.frame import FaceFrame
from services.lipsync.renderer.sharpness import blur_of
from tests.fakes.drawn_face import drawn_pack
from tests.unit.lipsync.test_renderer import column, mouth


def test_a_blurred_face_is_known_for_it() -> None:
    pack = drawn_pack()
    frame = FaceFrame.of(pack.landmarks)
    sharp = blur_of(pack.picture, frame)
    told = [blur_of(blurred(pack.picture, sigma), frame) for sigma in (1.0, 2.0, 3.0)]
    assert all(less < more for less, more in pairwise([sharp, *told]))
    assert told[1] == pytest.approx(2.0, rel=0.6)


def test_a_face_is_as_blurred_as_it_is_enlarged() -> None:
    pack = drawn_pack()
    frame = FaceFrame.of(pack.landmarks)
    soft = blurred(pack.picture, 2.0)
    large = resized(soft, 2 * pack.width, 2 * pack.height)
    twice = blur_of(large, frame.scaled(2.0, (0.0, 0.0)))
    assert twice == pytest.approx(2.0 * blur_of(soft, frame), rel=0.15)


def test_teeth_are_no_sharper_than_the_photo() -> None:
    steepest = []
    for sigma in (0.0, 3.0):
        pack = drawn_pack()
        if sigma:
            pack.picture[:] = blurred(pack.picture, sigma)
        drawn = PictureRenderer(pack, pack.width, pack.height).render(mouth(jaw_open=0.8))
        luma = column(drawn, pack).mean(axis=-1)
        steepest.append(float(-np.diff(luma).min()))
    assert steepest[1] < 0.75 * steepest[0]
