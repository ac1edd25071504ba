"""Room for animations is given by their cost."""

from __future__ import annotations

import pytest

from services.common.errors import Overloaded
from services.lipsync.capacity import Capacity, Format

USUAL = Format(512, 512, 25)
LARGE = Format(1024, 1024, 25)


def test_what_does_not_fit_is_refused_until_there_is_room() -> None:
    capacity = Capacity(2.5)
    with capacity.taken(USUAL):
        with capacity.taken(USUAL), pytest.raises(Overloaded), capacity.taken(USUAL):
            pass
        with capacity.taken(USUAL):
            pass


def test_large_pictures_take_more_room() -> None:
    capacity = Capacity(4.5)
    with capacity.taken(LARGE), pytest.raises(Overloaded), capacity.taken(USUAL):
        pass
    with capacity.taken(Format(512, 512, 30)), capacity.taken(USUAL):
        pass


def test_alpha_takes_more_room() -> None:
    assert USUAL.weight == 1.0
    assert 1.5 < Format(512, 512, 25, transparent=True).weight < 2.0


def test_one_alone_is_always_let_in() -> None:
    with Capacity(1.0).taken(LARGE):
        pass


def test_room_comes_back_when_something_fails() -> None:
    capacity = Capacity(1.0)
    with pytest.raises(RuntimeError), capacity.taken(USUAL):
        raise RuntimeError
    with capacity.taken(USUAL):
        pass
