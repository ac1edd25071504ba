"""Tensors on the device: written slot by slot, kept when there must be more room."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.lipsync.gpu.avatar import Table
from services.lipsync.gpu.slots import Slots, device_of

CPU = ("CPUExecutionProvider",)
TABLES = {
    "colours": Table(np.dtype(np.uint8), (3, 5)),
    "places": Table(np.dtype(np.float32), (2,)),
}


def record(number: int) -> dict[str, NDArray[Any]]:
    return {
        "colours": np.full((3, 5), number, np.uint8),
        "places": np.array([number, -number], np.float32),
    }


def read(slots: Slots, slot: int) -> dict[str, NDArray[Any]]:
    return {name: tensor.numpy()[slot] for name, tensor in slots.stacked.items()}


def assert_holds(slots: Slots, slot: int, number: int) -> None:
    for name, array in record(number).items():
        assert np.array_equal(read(slots, slot)[name], array)


def test_every_avatar_keeps_its_tensors_however_many_come() -> None:
    slots = Slots(TABLES, CPU)
    taken = {number: slots.take(record(number)) for number in range(11)}
    assert len(set(taken.values())) == len(taken)
    for number, slot in taken.items():
        assert_holds(slots, slot, number)


def test_a_slot_that_was_given_back_is_used_again() -> None:
    slots = Slots(TABLES, CPU)
    taken = [slots.take(record(number)) for number in range(4)]
    slots.release(taken[2])
    assert slots.take(record(9)) == taken[2]
    assert_holds(slots, taken[2], 9)
    assert_holds(slots, taken[3], 3)


def test_tensors_are_kept_where_the_best_provider_works() -> None:
    assert device_of(CPU) == "cpu"
    assert device_of(("CUDAExecutionProvider", *CPU)) == "cuda"
