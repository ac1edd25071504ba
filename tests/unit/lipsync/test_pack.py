"""Packs as they are stored."""

from __future__ import annotations

import numpy as np
import pytest

from services.common.errors import AvatarNotReady
from services.lipsync.pack import AvatarPack
from services.lipsync.portrait import preview_jpeg
from tests.fakes.drawn_face import drawn_pack


@pytest.fixture(scope="module")
def stored() -> bytes:
    return drawn_pack().to_bytes()


def test_a_pack_comes_back_as_it_was_stored(stored: bytes) -> None:
    before, after = drawn_pack(), AvatarPack.from_bytes(stored)
    assert np.array_equal(before.picture, after.picture)
    assert np.array_equal(before.person, after.person)
    assert np.array_equal(before.landmarks.points, after.landmarks.points)
    for old, new in zip(before.landmarks.eyes, after.landmarks.eyes, strict=True):
        assert np.array_equal(old.contour, new.contour)
        assert np.array_equal(old.iris, new.iris)
    assert after.face == before.face
    assert (after.width, after.height) == (before.width, before.height)


@pytest.mark.parametrize("place", [0, 9, 20, 50, 1000, -1])
def test_a_flipped_bit_is_noticed(stored: bytes, place: int) -> None:
    damaged = bytearray(stored)
    damaged[place] ^= 1
    with pytest.raises(AvatarNotReady):
        AvatarPack.from_bytes(bytes(damaged))


@pytest.mark.parametrize("length", [0, 5, 42, 2000])
def test_a_truncated_pack_is_noticed(stored: bytes, length: int) -> None:
    with pytest.raises(AvatarNotReady, match="damaged"):
        AvatarPack.from_bytes(stored[:length])


def test_a_pack_of_another_version_says_so(stored: bytes) -> None:
    newer = bytearray(stored)
    newer[8] += 1
    with pytest.raises(AvatarNotReady, match="version"):
        AvatarPack.from_bytes(bytes(newer))


def test_the_preview_is_a_jpeg() -> None:
    assert preview_jpeg(drawn_pack()).startswith(b"\xff\xd8\xff")
